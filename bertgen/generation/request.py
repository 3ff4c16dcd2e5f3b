"""From the arguments of ``generate`` to a checked ``Request``, before the first number is computed."""

from __future__ import annotations

import copy
import inspect
from dataclasses import dataclass, field, replace
from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor

from bertgen.configs.checks import memory_bytes
from bertgen.configs.generation import GenerationConfig, check_settings
from bertgen.layers.arguments import check_tensor
from bertgen.layers.outputs import as_output

_MODEL_INPUTS = (
    "input_ids",
    "attention_mask",
    "inputs_embeds",
    "encoder_outputs",
    "decoder_input_ids",
    "decoder_attention_mask",
    "position_ids",
    "head_mask",
    "token_type_ids",
)
_TOKEN_SETTINGS = ("forced_bos_token_id", "forced_eos_token_id", "suppress_tokens", "begin_suppress_tokens")


@dataclass(frozen=True)
class Request:
    """Everything a search needs to know. Lengths count ids of the output, start token or prompt included."""

    config: GenerationConfig
    prompt: Tensor  # [B, T0]
    max_length: int
    eos: list[int]  # ids that end a sequence
    pad: int | None
    source_ids: Tensor | None = None  # [B, S]
    source_mask: Tensor | None = None  # [B, S]
    encoder_outputs: Any = None
    inputs_embeds: Tensor | None = None
    encoder_inputs: dict[str, Any] = field(default_factory=dict)  # position_ids, head_mask, token_type_ids
    prompt_mask: Tensor | None = None  # [B, T0]
    position_ids: str | None = None  # "mask": the decoder's positions are counted from its mask

    def repeated(self, times: int) -> Request:
        """Every source ``times`` times: several samples of one source."""
        names = ("prompt", "source_ids", "source_mask", "prompt_mask")
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return replace(self, **{name: x.repeat_interleave(times, dim=0) for name, x in given.items()})


def make_request(
    model: Any, inputs: Tensor | None, generation_config: GenerationConfig | None, kwargs: dict[str, Any]
) -> Request:
    """Checks and settles everything; raises ``ValueError`` or ``IndexError`` on what cannot be run."""
    if not (generation_config is None or isinstance(generation_config, GenerationConfig)):
        raise ValueError(
            f"generation_config must be a GenerationConfig, got {type(generation_config).__name__}; make one "
            "with GenerationConfig(**settings)"
        )
    # 1) The settings: keywords win over the argument, the argument over the model's own. numpy's scalars
    #    become Python's, since arithmetic makes them; a length such as 6.0 stays refused.
    if generation_config is None:
        generation_config = model.current_generation_config()
    config = copy.deepcopy(generation_config)
    rest = config.update(**kwargs)
    if config.num_beams is None:
        config.num_beams = 1
    for name, value in vars(config).items():
        if isinstance(value, Integral) and not isinstance(value, int):
            setattr(config, name, int(value))
        elif isinstance(value, Real) and not isinstance(value, int | float | Integral):
            setattr(config, name, float(value))
    # 2) The other keywords are inputs of the model; "labels" may be there, a batch for training given whole.
    given = {name: rest.pop(name, None) for name in _MODEL_INPUTS}
    rest.pop("labels", None)
    unknown = sorted(name for name, value in rest.items() if value is not None)
    if unknown:
        raise ValueError(f"generate does not know {unknown}; check the spelling of the keywords")
    check_settings(config)
    if inputs is not None:
        if given["input_ids"] is not None:
            raise ValueError("inputs and input_ids are one argument under two names; give one of them")
        given["input_ids"] = inputs
    # 3) The source and the prompt.
    if model.config.is_encoder_decoder:
        decoder, request = model.get_decoder(), _joint_request(model, config, given)
    else:
        decoder, request = model, _decoder_request(model, config, given)
    _check_against(decoder, request)
    return request


def _settled(config: GenerationConfig, own: GenerationConfig, prompt: Tensor) -> dict[str, Any]:
    """Where the output may end: ``max_length``, ``eos`` and ``pad``.

    End and pad that the settings do not name are the model's ``own``, as in the reference: a user's
    GenerationConfig(max_new_tokens=16) would otherwise write on past every end. Processors and the mask
    inferred from the source keep to the settings as they are.
    """
    # 1) The length, written back into the settings.
    new, prompt_length = config.max_new_tokens, prompt.shape[1]
    if new is not None:
        if not isinstance(new, int) or isinstance(new, bool) or new < 1:
            raise ValueError(f"max_new_tokens must be a whole number of 1 or more, got {new!r}")
        config.max_length = prompt_length + new
    if not isinstance(config.max_length, int) or config.max_length <= prompt_length:
        raise ValueError(
            f"max_length={config.max_length!r} leaves no room after {prompt_length} given ids; "
            "raise it or set max_new_tokens"
        )
    # 2) The tokens.
    eos, pad = eos_list(config.eos_token_id), config.pad_token_id
    if pad is None:
        pad = eos[0] if eos else own.pad_token_id
    if config.eos_token_id is None:
        eos = eos_list(own.eos_token_id)
    if eos and pad is None:
        raise ValueError("pad_token_id must be set when eos_token_id is: finished rows are padded with it")
    return {"max_length": config.max_length, "eos": eos, "pad": pad}


def _joint_request(model: Any, config: GenerationConfig, given: dict[str, Any]) -> Request:
    """The request of an encoder-decoder: a source in one of three forms, and where the decoder begins."""
    # 1) The source: ids, embeddings, or states that an encoder has computed already.
    ids, embeds, encoded = given["input_ids"], given["inputs_embeds"], given["encoder_outputs"]
    if ids is not None and embeds is not None:
        raise ValueError("give either input_ids or inputs_embeds, not both")
    if encoded is not None:
        encoded = as_output(encoded)
        source = encoded[0]
    elif embeds is not None:
        source = embeds
    else:
        ids = source = _from_bos(model, config, "input_ids") if ids is None else ids
    check_tensor(source, "the source")
    if source.dim() < 2 or 0 in source.shape[:2]:
        raise ValueError(f"the source has shape {tuple(source.shape)}; expected [batch, length, ...]")
    if ids is not None:
        check_ids(ids, model.get_encoder(), "input_ids")
    elif config.encoder_repetition_penalty not in (None, 1.0) or config.encoder_no_repeat_ngram_size:
        raise ValueError("penalties on the source's tokens need input_ids: states and embeddings have none")
    # 2) Its mask [B, S]: as given; inferred from the pads of ids; states and embeddings hide nothing.
    mask = given["attention_mask"]
    check_tensor(mask, "attention_mask")
    if mask is None:
        mask = torch.ones(source.shape[:2], dtype=torch.long, device=source.device)
        if ids is source:
            mask = infer_mask(ids, config)
    elif mask.dim() == 2 and tuple(mask.shape) != tuple(source.shape[:2]):
        raise ValueError(
            f"attention_mask has shape {tuple(mask.shape)}, the source {tuple(source.shape[:2])}; both are "
            "made by tokenizer(texts, padding=True)"
        )
    # 3) Where the decoder begins, and when it has to end.
    prompt = _decoder_prompt(model, config, given["decoder_input_ids"], source)
    check_ids(prompt, model.get_decoder(), "decoder_input_ids (or decoder_start_token_id)")
    ends = _settled(config, model.generation_config, prompt)
    # 4) What else goes to the encoder; "mask" as positions goes to both sides.
    if given["token_type_ids"] is not None:
        _takes_token_types(model.get_encoder(), "encoder")
    prompt_mask = position_ids = None
    if isinstance(given["position_ids"], str) and given["decoder_attention_mask"] is not None:
        position_ids = given["position_ids"]
        prompt_mask = _as_long_as(prompt, given["decoder_attention_mask"], "decoder_attention_mask")
    return Request(
        config,
        prompt,
        **ends,
        source_ids=ids,
        source_mask=mask,
        encoder_outputs=encoded,
        inputs_embeds=embeds,
        encoder_inputs={name: given[name] for name in ("position_ids", "head_mask", "token_type_ids")},
        prompt_mask=prompt_mask,
        position_ids=position_ids,
    )


def _decoder_request(model: Any, config: GenerationConfig, given: dict[str, Any]) -> Request:
    """The request of a decoder alone, which continues its prompt."""
    for name in ("inputs_embeds", "encoder_outputs", "decoder_input_ids", "head_mask"):
        if given[name] is not None:
            raise ValueError(f"{name} has no use in generating with a decoder alone; give input_ids")
    if given["token_type_ids"] is not None:  # a decoder's own steps never look at them, as in the reference
        _takes_token_types(model, "model")
    if given["position_ids"] is not None and not isinstance(given["position_ids"], str):
        raise ValueError('position_ids change with every token; give "mask" to count them from the mask')
    ids = given["input_ids"]
    if ids is None:
        ids = _from_bos(model, config, "input_ids as the prompt")
    check_tensor(ids, "input_ids")
    if ids.dim() != 2 or 0 in ids.shape:
        raise ValueError(f"the prompt has shape {tuple(ids.shape)}; expected [batch, length]")
    check_ids(ids, model, "input_ids")
    mask = given["attention_mask"]
    check_tensor(mask, "attention_mask")
    if mask is None:
        mask = infer_mask(ids, config)
    if mask.shape != ids.shape:
        raise ValueError(f"attention_mask has shape {tuple(mask.shape)}, the ids {tuple(ids.shape)}")
    ends = _settled(config, model.generation_config, ids)
    return Request(config, ids, **ends, prompt_mask=mask, position_ids=given["position_ids"])


def eos_list(eos: int | list[int] | None) -> list[int]:
    """The end tokens of a setting that may name none, one or several."""
    if eos is None:
        return []
    return [eos] if isinstance(eos, int) else list(eos)


def infer_mask(ids: Tensor, config: GenerationConfig) -> Tensor:
    """Ones, or ids != pad where pad occurs and is not an end token."""
    pad, eos = config.pad_token_id, eos_list(config.eos_token_id)
    if pad is None or pad in eos or not bool((ids == pad).any()):
        return torch.ones_like(ids)
    return (ids != pad).long()


def _decoder_prompt(model: Any, config: GenerationConfig, given: Tensor | None, source: Tensor) -> Tensor:
    """[B, T0]: the start token, or the given decoder ids, behind the start token unless a row has it.

    The start is decoder_start_token_id, else bos_token_id; what the settings lack the model's own have.
    """
    own, start, batch = model.generation_config, None, source.shape[0]
    for name in ("decoder_start_token_id", "bos_token_id"):
        for settings in (config, own):
            if start is None:
                start = getattr(settings, name)
    if start is None:
        raise ValueError(
            "neither decoder_start_token_id nor bos_token_id is set, so generation does not know where to "
            "begin; set model.generation_config.decoder_start_token_id (BertGeneration: 2)"
        )
    column = torch.full((batch, 1), start, dtype=torch.long, device=source.device)
    if given is None:
        return column
    check_tensor(given, "decoder_input_ids")
    if given.dim() != 2 or given.shape[0] != batch or given.shape[1] == 0:
        raise ValueError(
            f"decoder_input_ids have shape {tuple(given.shape)}, expected [{batch}, length]: one row a source"
        )
    if bool((given[:, 0] == start).any()):
        return given
    return torch.cat([column, given], dim=1)


def _from_bos(model: Any, config: GenerationConfig, name: str) -> Tensor:
    if config.bos_token_id is None:
        raise ValueError(f"give {name}; without any, bos_token_id must be set to start from")
    return torch.full((1, 1), config.bos_token_id, dtype=torch.long, device=model.device)


def _takes_token_types(model: Any, name: str) -> None:
    if "token_type_ids" not in inspect.signature(model.forward).parameters:
        raise ValueError(
            f"this {name} has no token types; leave token_type_ids out, or call the tokenizer with "
            "return_token_type_ids=False"
        )


def _as_long_as(ids: Tensor, mask: Tensor, name: str) -> Tensor:
    """The mask, ones put before it where the start token was put before the ids."""
    if mask.dim() == 2 and mask.shape[1] == ids.shape[1] - 1:
        mask = torch.cat([torch.ones_like(mask[:, :1]), mask], dim=1)
    if mask.shape != ids.shape:
        raise ValueError(f"{name} has shape {tuple(mask.shape)}, the ids {tuple(ids.shape)}")
    return mask


def _check_against(decoder: Any, request: Request) -> None:
    """Raises ``IndexError`` on tokens the decoder has not, ``ValueError`` on rows that no memory holds."""
    config, sizes = request.config, decoder.config
    # 1) Tokens that are to be forced or suppressed. (A head that was wrapped need not tell its rows.)
    rows = getattr(decoder.get_output_embeddings(), "out_features", sizes.vocab_size)
    for name in _TOKEN_SETTINGS:
        value = getattr(config, name)
        listed = value
        if not isinstance(value, list | tuple | set):
            listed = [] if value is None else [value]
        if any(not -rows <= token < rows for token in listed):
            raise IndexError(f"{name} names {value}, but the decoder's tokens end at {rows - 1}")
    for place, token in config.forced_decoder_ids or []:
        if token is not None and not 0 <= token < rows:
            raise IndexError(f"forced_decoder_ids forces {token} at {place}; tokens end at {rows - 1}")
    # 2) Memory: keys and values of every layer, and a few arrays of the vocabulary's size, in float32.
    batch, copies = request.prompt.shape[0], config.num_return_sequences
    if config.num_beams > 1:
        copies = config.num_beams
    length = min(request.max_length, sizes.max_position_embeddings)
    caches = 2 * sizes.num_hidden_layers * sizes.hidden_size * length
    needed, there = 4 * batch * copies * (caches + 4 * sizes.vocab_size), memory_bytes()
    if needed > there:
        raise ValueError(
            f"{batch * copies} rows (batch {batch} times {copies} num_beams or num_return_sequences) of "
            f"{length} tokens take {needed / 1e9:,.0f} GB, this machine has {there / 1e9:,.0f} GB; "
            "ask for fewer"
        )


def check_ids(ids: Tensor, model: Any, name: str) -> None:
    """Raises ``ValueError`` when ids are not integers, ``IndexError`` when the model has no such rows.

    Looked at once, here: the fused engine indexes its table directly, where -1 would be the last row.
    """
    if not isinstance(ids, Tensor) or ids.is_floating_point() or ids.dtype == torch.bool:
        kind = ids.dtype if isinstance(ids, Tensor) else type(ids).__name__
        raise ValueError(f"{name} must be a tensor of whole numbers, got {kind}; see return_tensors='pt'")
    table = model.get_input_embeddings()
    rows = getattr(table, "num_embeddings", model.config.vocab_size)
    low, high = int(ids.min()), int(ids.max())
    if low < 0 or high >= rows:
        raise IndexError(
            f"{name} must lie between 0 and {rows - 1}, got {low if low < 0 else high}; do the model and the "
            "tokenizer belong together?"
        )
