"""The inputs of ``generate`` sorted into a checked ``Plan``, before the first number is computed."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor

from bertgen.configs.checks import memory_bytes
from bertgen.configs.generation import GenerationConfig, check_settings
from bertgen.generation.request import (
    Plan,
    decoder_prompt,
    eos_list,
    fill_ends,
    infer_mask,
    merged_config,
    resolve_length,
    start_token,
)
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


def make_plan(
    model: Any, inputs: Tensor | None, generation_config: GenerationConfig | None, kwargs: dict[str, Any]
) -> Plan:
    """Checks and settles everything before the first number is computed."""
    if not (generation_config is None or isinstance(generation_config, GenerationConfig)):
        raise ValueError(
            f"generation_config must be a GenerationConfig, got {type(generation_config).__name__}; make one "
            "with GenerationConfig(**settings)"
        )
    config, rest = merged_config(model, generation_config, kwargs)
    given = {name: rest.pop(name, None) for name in _MODEL_INPUTS}
    rest.pop("labels", None)  # a batch for training may be given whole
    unknown = sorted(name for name, value in rest.items() if value is not None)
    if unknown:
        raise ValueError(f"generate does not know {unknown}; check the spelling of the keywords")
    check_settings(config)
    if inputs is not None and given["input_ids"] is not None:
        raise ValueError("inputs and input_ids are one argument under two names; give one of them")
    given["input_ids"] = inputs if inputs is not None else given["input_ids"]
    eos, pad = eos_list(config.eos_token_id), config.pad_token_id
    pad = eos[0] if pad is None and eos else pad
    make = _joint_plan if model.config.is_encoder_decoder else _decoder_plan
    plan = make(model, config, given, eos, pad)
    fill_ends(plan, model.generation_config)
    decoder = model.get_decoder() if model.config.is_encoder_decoder else model
    _check_tokens(config, decoder)
    _check_room(plan, decoder)
    return plan


def _joint_plan(
    model: Any, config: GenerationConfig, given: dict[str, Any], eos: list[int], pad: int | None
) -> Plan:
    ids, embeds, encoded = given["input_ids"], given["inputs_embeds"], given["encoder_outputs"]
    encoded = None if encoded is None else as_output(encoded)
    if ids is not None and embeds is not None:
        raise ValueError("give either input_ids or inputs_embeds, not both")
    if ids is None and embeds is None and encoded is None:
        ids = _from_bos(model, config, "input_ids")
    first = next(x for x in (encoded[0] if encoded is not None else None, ids, embeds) if x is not None)
    check_tensor(first, "the source")
    if first.dim() < 2 or 0 in first.shape[:2]:
        raise ValueError(f"the source has shape {tuple(first.shape)}; expected [batch, length, ...]")
    if ids is not None:
        check_ids(ids, model.get_encoder(), "input_ids")
    elif _differs(config.encoder_repetition_penalty) or config.encoder_no_repeat_ngram_size:
        raise ValueError("penalties on the source's tokens need input_ids: states and embeddings have none")
    mask = given["attention_mask"]
    check_tensor(mask, "attention_mask")
    if mask is None:
        of_ids = ids is not None and encoded is None
        ones = torch.ones(first.shape[:2], dtype=torch.long, device=first.device)
        mask = infer_mask(ids, pad, eos) if of_ids else ones
    elif mask.dim() == 2 and tuple(mask.shape) != tuple(first.shape[:2]):
        raise ValueError(
            f"attention_mask has shape {tuple(mask.shape)}, the source {tuple(first.shape[:2])}; both are "
            "made by tokenizer(texts, padding=True)"
        )
    start = start_token(config, model.generation_config)
    prompt = decoder_prompt(start, given["decoder_input_ids"], first.shape[0], first.device)
    check_ids(prompt, model.get_decoder(), "decoder_input_ids (or decoder_start_token_id)")
    length = resolve_length(config, prompt.shape[1])
    plan = Plan(config, prompt, length, eos, pad, ids, mask, encoded, embeds)
    if given["token_type_ids"] is not None:
        _takes_token_types(model.get_encoder(), "encoder")
    plan.encoder_inputs = {name: given[name] for name in ("position_ids", "head_mask", "token_type_ids")}
    if isinstance(given["position_ids"], str) and given["decoder_attention_mask"] is not None:
        plan.position_ids = given["position_ids"]
        plan.prompt_mask = _as_long_as(prompt, given["decoder_attention_mask"], "decoder_attention_mask")
    return plan


def _decoder_plan(
    model: Any, config: GenerationConfig, given: dict[str, Any], eos: list[int], pad: int | None
) -> Plan:
    for name in ("inputs_embeds", "encoder_outputs", "decoder_input_ids", "head_mask"):
        if given[name] is not None:
            raise ValueError(f"{name} has no use in generating with a decoder alone; give input_ids")
    if given["token_type_ids"] is not None:  # a decoder's own steps never look at them, as in the reference
        _takes_token_types(model, "model")
    if given["position_ids"] is not None and not isinstance(given["position_ids"], str):
        raise ValueError('position_ids change with every token; give "mask" to count them from the mask')
    ids = given["input_ids"]
    ids = _from_bos(model, config, "input_ids as the prompt") if ids is None else ids
    check_tensor(ids, "input_ids")
    if ids.dim() != 2 or 0 in ids.shape:
        raise ValueError(f"the prompt has shape {tuple(ids.shape)}; expected [batch, length]")
    check_ids(ids, model, "input_ids")
    mask = given["attention_mask"]
    check_tensor(mask, "attention_mask")
    mask = infer_mask(ids, pad, eos) if mask is None else mask
    if mask.shape != ids.shape:
        raise ValueError(f"attention_mask has shape {tuple(mask.shape)}, the ids {tuple(ids.shape)}")
    plan = Plan(config, ids, resolve_length(config, ids.shape[1]), eos, pad)
    plan.prompt_mask, plan.position_ids = mask, given["position_ids"]
    return plan


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


def _differs(penalty: float | None) -> bool:
    return penalty is not None and penalty != 1.0


def _check_tokens(config: GenerationConfig, decoder: Any) -> None:
    """Raises ``IndexError`` when a token that is to be forced or suppressed is none of the decoder's."""
    head = decoder.get_output_embeddings()  # (one that was wrapped need not tell)
    rows = getattr(head, "out_features", decoder.config.vocab_size)
    for name in ("forced_bos_token_id", "forced_eos_token_id", "suppress_tokens", "begin_suppress_tokens"):
        value = getattr(config, name)
        listed = value if isinstance(value, list | tuple | set) else [] if value is None else [value]
        if any(not -rows <= token < rows for token in listed):
            raise IndexError(f"{name} names {value}, but the decoder's tokens end at {rows - 1}")
    for place, token in config.forced_decoder_ids or []:
        if token is not None and not 0 <= token < rows:
            raise IndexError(f"forced_decoder_ids forces {token} at {place}; tokens end at {rows - 1}")


def _check_room(plan: Plan, decoder: Any) -> None:
    """Raises ``ValueError`` when the rows that are asked for do not fit into the machine's memory."""
    config, sizes = plan.config, decoder.config
    copies = config.num_beams if config.num_beams > 1 else config.num_return_sequences
    rows = plan.batch * copies
    length = min(plan.max_length, sizes.max_position_embeddings)
    caches = 2 * sizes.num_hidden_layers * sizes.hidden_size * length
    needed, there = 4 * rows * (caches + 4 * sizes.vocab_size), memory_bytes()
    if needed > there:
        raise ValueError(
            f"{rows} rows (batch {plan.batch} times {copies} num_beams or num_return_sequences) of {length} "
            f"tokens take {needed / 1e9:,.0f} GB, this machine has {there / 1e9:,.0f} GB; ask for fewer"
        )


def check_ids(ids: Tensor, model: Any, name: str) -> None:
    """Raises ``ValueError`` when ids are no whole numbers, ``IndexError`` when the model has no such rows.

    Looked at once, here: the lean step indexes its table directly, where -1 would silently be the last row.
    """
    if not isinstance(ids, Tensor) or ids.is_floating_point() or ids.dtype == torch.bool:
        kind = ids.dtype if isinstance(ids, Tensor) else type(ids).__name__
        raise ValueError(f"{name} must be a tensor of whole numbers, got {kind}; see return_tensors='pt'")
    table = model.get_input_embeddings()
    rows, low, high = (
        getattr(table, "num_embeddings", model.config.vocab_size),
        int(ids.min()),
        int(ids.max()),
    )
    if low < 0 or high >= rows:
        raise IndexError(
            f"{name} must lie between 0 and {rows - 1}, got {low if low < 0 else high}; do the model and the "
            "tokenizer belong together?"
        )
