"""From arguments to a checked plan: which settings hold, where the output starts, when it has to end."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor

from bertgen.configs.generation import GenerationConfig
from bertgen.layers.arguments import check_tensor


@dataclass
class Plan:
    """Everything a search needs to know. Lengths count ids of the output, start token included."""

    config: GenerationConfig
    prompt: Tensor  # [B, T0]
    max_length: int
    eos: list[int]
    pad: int | None
    source_ids: Tensor | None = None  # [B, S]
    source_mask: Tensor | None = None  # [B, S]
    encoder_outputs: Any = None
    inputs_embeds: Tensor | None = None
    encoder_inputs: dict[str, Any] = field(default_factory=dict)  # position_ids, head_mask, token_type_ids
    prompt_mask: Tensor | None = None  # [B, T0]
    position_ids: str | None = None  # "mask": the decoder's positions are counted from its mask

    @property
    def batch(self) -> int:
        return self.prompt.shape[0]

    @property
    def prompt_length(self) -> int:
        return self.prompt.shape[1]


def merged_config(model: Any, generation_config: GenerationConfig | None, kwargs: dict[str, Any]) -> tuple:
    """(settings, keywords that are no settings): the argument wins over the model's, keywords over both."""
    if generation_config is None:
        generation_config = model.current_generation_config()
    config = copy.deepcopy(generation_config)
    rest = config.update(**kwargs)
    config.num_beams = 1 if config.num_beams is None else config.num_beams
    _plain_numbers(config)
    return config, rest


def _plain_numbers(config: GenerationConfig) -> None:
    """numpy's scalars become Python's own: arithmetic makes them. A length such as 6.0 stays refused."""
    for name, value in vars(config).items():
        if isinstance(value, Integral) and not isinstance(value, int):
            setattr(config, name, int(value))
        elif isinstance(value, Real) and not isinstance(value, int | float | Integral):
            setattr(config, name, float(value))


def fill_ends(plan: Plan, own: GenerationConfig) -> None:
    """End and pad of the search where the settings name none: the model's ``own``, as in the reference.

    A user's GenerationConfig(max_new_tokens=16) would otherwise write on past every end. Processors and the
    mask inferred from the source keep to the settings as they are. Raises ``ValueError`` on an end token
    without a pad token.
    """
    if plan.config.eos_token_id is None:
        plan.eos = eos_list(own.eos_token_id)
    plan.pad = own.pad_token_id if plan.pad is None else plan.pad
    if plan.eos and plan.pad is None:
        raise ValueError("pad_token_id must be set when eos_token_id is: finished rows are padded with it")


def resolve_length(config: GenerationConfig, prompt_length: int) -> int:
    """The longest allowed output in ids, prompt included; written back into ``config.max_length``."""
    new = config.max_new_tokens
    if new is not None:
        if not isinstance(new, int) or isinstance(new, bool) or new < 1:
            raise ValueError(f"max_new_tokens must be a whole number of 1 or more, got {new!r}")
        config.max_length = prompt_length + new
    if not isinstance(config.max_length, int) or config.max_length <= prompt_length:
        raise ValueError(
            f"max_length={config.max_length!r} leaves no room after {prompt_length} given ids; "
            "raise it or set max_new_tokens"
        )
    return config.max_length


def eos_list(eos: int | list[int] | None) -> list[int]:
    return [] if eos is None else [eos] if isinstance(eos, int) else list(eos)


def infer_mask(ids: Tensor, pad: int | None, eos: list[int]) -> Tensor:
    """Ones, or ids != pad where pad occurs and is not an end token."""
    if pad is None or pad in eos or not bool((ids == pad).any()):
        return torch.ones_like(ids)
    return (ids != pad).long()


def start_token(config: GenerationConfig, own: GenerationConfig) -> int | None:
    """decoder_start_token_id, else bos_token_id; where the settings lack one, the model's ``own`` has it."""
    start, bos = (
        getattr(own, name) if getattr(config, name) is None else getattr(config, name)
        for name in ("decoder_start_token_id", "bos_token_id")
    )
    return bos if start is None else start


def decoder_prompt(start: int | None, given: Tensor | None, batch: int, device: Any) -> Tensor:
    """[B, T0]: the start token, or the given decoder ids, behind the start token unless a row has it."""
    if start is None:
        raise ValueError(
            "neither decoder_start_token_id nor bos_token_id is set, so generation does not know where to "
            "begin; set model.generation_config.decoder_start_token_id (BertGeneration: 2)"
        )
    column = torch.full((batch, 1), start, dtype=torch.long, device=device)
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
