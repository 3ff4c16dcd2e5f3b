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
from bertgen.configs.reference import warn_of_no_length, warn_of_no_room
from bertgen.errors import IndexTrouble, Trouble
from bertgen.generation.continued import Beside, check_past, check_past_mask
from bertgen.generation.engines.base import HeadSwitches
from bertgen.layers.arguments import FROM_EDGE, check_tensor
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
    "past_key_values",
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
    prefix: tuple[int, ...] = ()  # ids that every output begins with, behind the prompt
    heads: HeadSwitches | None = None  # what the decoder's heads are scaled by
    beside: Beside | None = None  # what the prompt brings beside its ids, where it brings anything

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
        raise Trouble("generation.config_type", got=type(generation_config).__name__)
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
    if unknown:  # what forward takes and no step looks at is taken, as in the reference
        taken = _taken(model)
        unknown = [name for name in unknown if name not in taken]
    if unknown:
        raise Trouble("generation.unknown", names=str(unknown))
    check_settings(config)
    if config.max_new_tokens is None and config.max_length == 20 and kwargs.get("max_length") is None:
        warn_of_no_length()
    if inputs is not None:
        if given["input_ids"] is not None:
            raise Trouble("generation.two_names")
        given["input_ids"] = inputs
    # 3) The source and the prompt.
    if model.config.is_encoder_decoder:
        return _joint_request(model, config, given)
    return _decoder_request(model, config, given)


def _ends(config: GenerationConfig, own: GenerationConfig, prompt: Tensor, decoder: Any) -> dict[str, Any]:
    """Where the output may end: ``max_length``, ``eos`` and ``pad``; raises on what cannot be written.

    End and pad that the settings do not name are the model's ``own``, as in the reference: a user's
    GenerationConfig(max_new_tokens=16) would otherwise write on past every end. Processors and the mask
    inferred from the source keep to the settings as they are.
    """
    # 1) The length, written back into the settings.
    new, prompt_length = config.max_new_tokens, prompt.shape[1]
    if new is not None:
        if not isinstance(new, int) or isinstance(new, bool) or new < 1:
            raise Trouble("generation.positive", name="max_new_tokens", got=repr(new))
        config.max_length = prompt_length + new
    length = config.max_length
    if not isinstance(length, int) or length < 1 or (length <= prompt_length and config.num_beams > 1):
        raise Trouble("generation.no_room", length=repr(length), given=prompt_length)
    if length <= prompt_length:
        warn_of_no_room(length, prompt_length)
    # 2) The tokens.
    eos, pad = eos_list(config.eos_token_id), config.pad_token_id
    if pad is None:
        pad = eos[0] if eos else own.pad_token_id
    if config.eos_token_id is None:
        eos = eos_list(own.eos_token_id)
    if eos and pad is None:
        raise Trouble("generation.no_pad")
    # 3) Those that are to be forced or suppressed must be there.
    if config.forced_decoder_ids or any(getattr(config, name) is not None for name in _TOKEN_SETTINGS):
        _check_tokens(config, decoder)
    # 4) Memory: keys and values of every layer, and a few arrays of the vocabulary's size, in float32.
    sizes, rows = decoder.config, prompt.shape[0] * config.num_return_sequences
    if config.num_beams > 1:
        rows = prompt.shape[0] * config.num_beams
    reach = min(config.max_length, sizes.max_position_embeddings)
    caches = 2 * sizes.num_hidden_layers * sizes.hidden_size * reach
    needed, there = 4 * rows * (caches + 4 * sizes.vocab_size), memory_bytes()
    if needed > there:
        raise Trouble("generation.memory", rows=rows, length=reach, needed=needed / 1e9, there=there / 1e9)
    return {"max_length": config.max_length, "eos": eos, "pad": pad}


def _check_tokens(config: GenerationConfig, decoder: Any) -> None:
    """Raises ``IndexError`` on forced or suppressed tokens that the decoder has not."""
    # (A head that was wrapped need not tell its rows.)
    rows = getattr(decoder.get_output_embeddings(), "out_features", decoder.config.vocab_size)
    for name in _TOKEN_SETTINGS:
        value = getattr(config, name)
        listed = value
        if not isinstance(value, list | tuple | set):
            listed = [] if value is None else [value]
        if any(not -rows <= token < rows for token in listed):
            raise IndexTrouble("generation.unknown_id", name=name, id=value, last=rows - 1)
    for _, token in config.forced_decoder_ids or []:
        if token is not None and not 0 <= token < rows:
            raise IndexTrouble("generation.unknown_id", name="forced_decoder_ids", id=token, last=rows - 1)


def _joint_request(model: Any, config: GenerationConfig, given: dict[str, Any]) -> Request:
    """The request of an encoder-decoder: a source in one of three forms, and where the decoder begins."""
    # 1) The source: ids, embeddings, or states that an encoder has computed already.
    ids, embeds, encoded = given["input_ids"], given["inputs_embeds"], given["encoder_outputs"]
    if ids is not None and embeds is not None:
        raise Trouble("generation.two_inputs")
    if encoded is not None:
        encoded = as_output(encoded)
        source = encoded.last_hidden_state
    elif embeds is not None:
        source = embeds
    else:
        ids = source = _from_bos(model, config, "input_ids") if ids is None else ids
    check_tensor(source, "the source")
    if source.dim() < 2 or 0 in source.shape[:2]:
        raise Trouble("generation.source_shape", shape=str(tuple(source.shape)))
    if ids is not None:
        check_ids(ids, model.encoder, "input_ids")
    elif config.encoder_repetition_penalty not in (None, 1.0) or config.encoder_no_repeat_ngram_size:
        raise Trouble("generation.needs_ids")
    # 2) Its mask [B, S]: as given; inferred from the pads of ids; states and embeddings hide nothing.
    mask = given["attention_mask"]
    check_tensor(mask, "attention_mask")
    if mask is None:
        mask = torch.ones(source.shape[:2], dtype=torch.long, device=source.device)
        if ids is source:
            mask = infer_mask(ids, config)
    elif mask.dim() == 2 and tuple(mask.shape) != tuple(source.shape[:2]):
        raise Trouble(
            "generation.mask_shape", shape=str(tuple(mask.shape)), wanted=str(tuple(source.shape[:2]))
        )
    # 3) Where the decoder begins, and when it has to end.
    prompt = _decoder_prompt(model, config, given["decoder_input_ids"], source)
    check_ids(prompt, model.decoder, "decoder_input_ids (or decoder_start_token_id)")
    ends = _ends(config, model.generation_config, prompt, model.decoder)
    # 4) What else goes to the encoder; "mask" as positions goes to both sides.
    if given["token_type_ids"] is not None:
        _takes_token_types(model.encoder, "encoder")
    prompt_mask = position_ids = None
    if isinstance(given["position_ids"], str) and given["decoder_attention_mask"] is not None:
        position_ids = given["position_ids"]
        prompt_mask = _as_long_as(prompt, given["decoder_attention_mask"], "decoder_attention_mask")
    beside = None
    if given["past_key_values"] is not None:
        past = check_past(given["past_key_values"], model.decoder.config.num_hidden_layers)
        beside = Beside(past_key_values=past)
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
        beside=beside,
    )


def _decoder_request(model: Any, config: GenerationConfig, given: dict[str, Any]) -> Request:
    """The request of a decoder alone, which continues its prompt."""
    for name in ("encoder_outputs", "decoder_input_ids"):
        if given[name] is not None:
            raise Trouble("generation.no_source", name=name)
    position_ids = given["position_ids"]
    if isinstance(position_ids, Tensor):  # positions change with every token: the reference then counts them
        position_ids = FROM_EDGE
    elif position_ids is not None and not isinstance(position_ids, str):
        raise Trouble("generation.positions")
    # 1) What comes beside the ids, where anything does.
    beside = _beside(model, given)
    embeds = past = None
    if beside is not None:
        embeds, past = beside.inputs_embeds, beside.past_key_values
    # 2) The prompt; embeddings are read in its place, and then it may be the start token alone.
    ids = given["input_ids"]
    if ids is None:
        ids = _from_bos(model, config, "input_ids as the prompt")
        if embeds is not None:
            ids = ids.expand(embeds.shape[0], 1)
    check_tensor(ids, "input_ids")
    if ids.dim() != 2 or 0 in ids.shape:
        raise Trouble("generation.prompt_shape", shape=str(tuple(ids.shape)))
    check_ids(ids, model, "input_ids")
    if embeds is not None and (ids.shape[0] != embeds.shape[0] or ids.shape[1] > embeds.shape[1]):
        raise Trouble("generation.embeds", shape=str(tuple(embeds.shape)), ids=str(tuple(ids.shape)))
    # 3) The mask of what is read; of an earlier run it covers that too.
    mask, wanted = given["attention_mask"], tuple(ids.shape)
    check_tensor(mask, "attention_mask")
    if embeds is not None:
        wanted = tuple(embeds.shape[:2])
    if mask is None and embeds is not None:
        mask = torch.ones(wanted, dtype=torch.long, device=embeds.device)
    elif mask is None:
        mask = infer_mask(ids, config)
    if past is not None:
        check_past_mask(mask, ids, past)
    elif tuple(mask.shape) != wanted:
        raise Trouble("generation.mask_shape", shape=str(tuple(mask.shape)), wanted=str(wanted))
    ends = _ends(config, model.generation_config, ids, model)
    return Request(config, ids, **ends, prompt_mask=mask, position_ids=position_ids, beside=beside)


def _taken(model: Any) -> set[str]:
    """Keywords that generate takes for forward's sake, its own and, of an encoder-decoder, its sides'."""
    names = set(inspect.signature(model.forward).parameters)
    if model.config.is_encoder_decoder:
        names |= set(inspect.signature(model.encoder.forward).parameters)
        names |= {f"decoder_{name}" for name in inspect.signature(model.decoder.forward).parameters}
    return names


def _beside(model: Any, given: dict[str, Any]) -> Beside | None:
    """What the prompt of a decoder alone brings beside its ids; None when it is ids alone.

    Only GPT-2 reads embeddings, and token types, while it writes; the others take token types and never look
    at them, as in the reference.
    """
    embeds, types, past = (given[name] for name in ("inputs_embeds", "token_type_ids", "past_key_values"))
    if embeds is None and types is None and past is None:
        return None
    read = getattr(model, "read_beside_ids", ())
    if embeds is not None and "inputs_embeds" not in read:
        raise Trouble("generation.no_source", name="inputs_embeds")
    check_tensor(embeds, "inputs_embeds")
    if embeds is not None and (embeds.dim() != 3 or 0 in embeds.shape):
        raise Trouble("generation.source_shape", shape=str(tuple(embeds.shape)))
    if types is not None:
        _takes_token_types(model, "model")
        if "token_type_ids" in read:
            check_ids(types, model, "token_type_ids")
        else:
            types = None
    past = check_past(past, model.config.num_hidden_layers)
    return Beside(inputs_embeds=embeds, token_type_ids=types, past_key_values=past)


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
        raise Trouble("generation.no_start")
    column = torch.full((batch, 1), start, dtype=torch.long, device=source.device)
    if given is None:
        return column
    check_tensor(given, "decoder_input_ids")
    if given.dim() != 2 or given.shape[0] != batch or given.shape[1] == 0:
        raise Trouble("generation.prompt_rows", shape=str(tuple(given.shape)), rows=batch)
    if bool((given[:, 0] == start).any()):
        return given
    return torch.cat([column, given], dim=1)


def _from_bos(model: Any, config: GenerationConfig, name: str) -> Tensor:
    if config.bos_token_id is None:
        raise Trouble("generation.no_ids", name=name)
    return torch.full((1, 1), config.bos_token_id, dtype=torch.long, device=model.device)


def _takes_token_types(model: Any, name: str) -> None:
    if "token_type_ids" not in inspect.signature(model.forward).parameters:
        raise Trouble("generation.token_types", name=name)


def _as_long_as(ids: Tensor, mask: Tensor, name: str) -> Tensor:
    """The mask, ones put before it where the start token was put before the ids."""
    if mask.dim() == 2 and mask.shape[1] == ids.shape[1] - 1:
        mask = torch.cat([torch.ones_like(mask[:, :1]), mask], dim=1)
    if mask.shape != ids.shape:
        raise Trouble(
            "generation.other_shape", name=name, shape=str(tuple(mask.shape)), wanted=str(tuple(ids.shape))
        )
    return mask


def encode_source(model: Any, request: Request) -> Any:
    """The encoder's output for the source (as given, if it was); None for a decoder alone."""
    if not model.config.is_encoder_decoder:
        return None
    if request.encoder_outputs is not None:
        return request.encoder_outputs
    # Embeddings take the place of ids, which then only served the processors.
    ids = request.source_ids
    if request.inputs_embeds is not None:
        ids = None
    return model.encoder(
        input_ids=ids,
        inputs_embeds=request.inputs_embeds,
        attention_mask=request.source_mask,
        output_attentions=request.config.output_attentions,
        output_hidden_states=request.config.output_hidden_states,
        return_dict=True,
        **{name: value for name, value in request.encoder_inputs.items() if value is not None},
    )


def check_ids(ids: Tensor, model: Any, name: str) -> None:
    """Raises ``ValueError`` when ids are not integers, ``IndexError`` when the model has no such rows.

    Looked at once, here: the fused engine indexes its table directly, where -1 would be the last row.
    """
    if not isinstance(ids, Tensor) or ids.is_floating_point() or ids.dtype == torch.bool:
        kind = ids.dtype if isinstance(ids, Tensor) else type(ids).__name__
        raise Trouble("generation.ids_type", name=name, got=str(kind))
    table = model.get_input_embeddings()
    rows = getattr(table, "num_embeddings", model.config.vocab_size)
    low, high = int(ids.min()), int(ids.max())
    if low < 0 or high >= rows:
        raise IndexTrouble("generation.ids_outside", name=name, last=rows - 1, got=min(low, 0) or high)
