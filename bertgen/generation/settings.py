"""From arguments to a checked plan: which settings hold, where the output starts, when it has to end."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from bertgen.config import GenerationConfig

# Settings and arguments of the documented API whose modes this library does not have, and why: refused, never
# ignored.
_ABSENT: dict[str, str] = {
    "force_words_ids": "constrained beam search is not part of this library; prefix_allowed_tokens_fn and "
    "sequence_bias steer what is written",
    "constraints": "constrained beam search is not part of this library; prefix_allowed_tokens_fn and "
    "sequence_bias steer what is written",
    "penalty_alpha": "contrastive search is not part of this library; use beam search or sampling",
    "guidance_scale": "classifier-free guidance needs a second, unconditional prompt, which encoder-decoders "
    "do not have",
    "prompt_lookup_num_tokens": "prompt lookup drafts tokens for decoders alone; leave it None",
    "assistant_model": "assisted decoding is not part of this library; leave it None",
    "synced_gpus": "every process generates on its own here; leave it None",
    "negative_prompt_ids": "negative prompts belong to guidance_scale, which is not part of this library",
    "negative_prompt_attention_mask": "negative prompts belong to guidance_scale, which is not part of this "
    "library",
}
_OFF = {"penalty_alpha": 0, "guidance_scale": 1}


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
    encoder_inputs: dict[str, Any] = field(default_factory=dict)  # position_ids, head_mask
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
    return config, rest


def refuse_modes(**asked: Any) -> None:
    """Raises ``NotImplementedError``, with the reason, when one of these is asked for."""
    for name, value in asked.items():
        off = value is None or value is False or (name in _OFF and value == _OFF[name])
        if not off:
            raise NotImplementedError(f"{name} is not supported: {_ABSENT[name]}")


def check_config(config: GenerationConfig) -> None:
    """Raises on settings that contradict themselves or that no mode here serves."""
    refuse_modes(**{name: getattr(config, name, None) for name in _ABSENT})
    if config.early_stopping not in (True, False, "never"):
        raise ValueError(f'early_stopping must be True, False or "never", got {config.early_stopping!r}')
    for name in ("num_beams", "num_return_sequences", "num_beam_groups"):
        value = getattr(config, name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name} must be a whole number of 1 or more, got {value!r}")
    _check_groups(config)
    if config.num_return_sequences > config.num_beams and (config.num_beams > 1 or not config.do_sample):
        raise ValueError(
            f"num_return_sequences={config.num_return_sequences} needs as many beams (num_beams="
            f"{config.num_beams}) or do_sample=True: greedy search finds one sequence"
        )


def _check_groups(config: GenerationConfig) -> None:
    groups, beams = config.num_beam_groups, config.num_beams
    if groups == 1:
        return
    if beams % groups:
        raise ValueError(
            f"num_beam_groups={groups} does not divide num_beams={beams}; all groups are of one size"
        )
    if config.do_sample:
        raise ValueError("diverse beams (num_beam_groups above 1) do not sample; set do_sample=False")
    if not config.diversity_penalty:
        raise ValueError("diverse beams need a diversity_penalty above 0.0, or all groups find the same")


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


def decoder_prompt(config: GenerationConfig, given: Tensor | None, batch: int, device: Any) -> Tensor:
    """[B, T0]: the start token, or the given decoder ids, behind the start token unless a row has it."""
    start = config.decoder_start_token_id
    if start is None:
        start = config.bos_token_id
    if start is None:
        raise ValueError(
            "neither decoder_start_token_id nor bos_token_id is set, so generation does not know where to "
            "begin; set model.generation_config.decoder_start_token_id (BertGeneration: 2)"
        )
    column = torch.full((batch, 1), start, dtype=torch.long, device=device)
    if given is None:
        return column
    if bool((given[:, 0] == start).any()):
        return given
    return torch.cat([column, given], dim=1)
