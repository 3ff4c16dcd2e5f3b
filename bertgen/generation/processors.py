"""Small pure steps on scores [R, V], in the reference's order: processors, then warpers (sampling)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from bertgen.config import GenerationConfig

# (ids so far [R, T], scores [R, V]) -> scores [R, V]
LogitsProcessor = Callable[[Tensor, Tensor], Tensor]
_NEVER = -float("inf")


def repetition_penalty(penalty: float) -> LogitsProcessor:
    """Tokens already written: positive scores divided, negative ones multiplied (Keskar et al. 2019)."""
    if not isinstance(penalty, float) or not penalty > 0:
        raise ValueError(f"repetition_penalty must be a float above 0, got {penalty!r}; 1.0 changes nothing")

    def apply(ids: Tensor, scores: Tensor) -> Tensor:
        seen = scores.gather(1, ids)
        return scores.scatter(1, ids, torch.where(seen < 0, seen * penalty, seen / penalty))

    return apply


def no_repeat_ngram(size: int) -> LogitsProcessor:
    """Forbids the token that would complete an n-gram that the row already holds, start token included."""
    if not isinstance(size, int) or size < 0:
        raise ValueError(f"no_repeat_ngram_size must be a whole number of 0 or more, got {size!r}")

    def apply(ids: Tensor, scores: Tensor) -> Tensor:
        scores = scores.clone()
        for row, written in enumerate(ids.tolist()):
            if len(written) + 1 < size:
                continue
            tail = tuple(written[len(written) - size + 1 :])
            grams = zip(*(written[i:] for i in range(size)), strict=False)
            banned = [gram[-1] for gram in grams if gram[:-1] == tail]
            scores[row, banned] = _NEVER
        return scores

    return apply


def min_length(length: int, eos: Sequence[int]) -> LogitsProcessor:
    """No end token before ``length`` tokens are there, the start token counted."""

    def apply(ids: Tensor, scores: Tensor) -> Tensor:
        if ids.shape[1] >= length:
            return scores
        return scores.index_fill(1, torch.tensor(eos, device=scores.device), _NEVER)

    return apply


def force_token(at: int, token: int) -> LogitsProcessor:
    """Only ``token`` may follow when ``at`` tokens are there."""

    def apply(ids: Tensor, scores: Tensor) -> Tensor:
        if ids.shape[1] != at:
            return scores
        forced = torch.full_like(scores, _NEVER)
        forced[:, token] = 0.0
        return forced

    return apply


def temperature(value: float) -> LogitsProcessor:
    """Divides the scores: below 1 sharper, above 1 flatter."""
    if not isinstance(value, float) or not value > 0:
        raise ValueError(f"temperature must be a float above 0, got {value!r}; 1.0 leaves the model as it is")
    return lambda ids, scores: scores / value


def top_k(count: int, keep: int = 1) -> LogitsProcessor:
    """Keeps the ``count`` best tokens (ties with the last one stay), at least ``keep``."""
    if not isinstance(count, int) or count <= 0:
        raise ValueError(f"top_k must be a whole number above 0, got {count!r}; 0 in the settings means all")

    def apply(ids: Tensor, scores: Tensor) -> Tensor:
        worst = scores.topk(min(max(count, keep), scores.shape[-1]))[0][..., -1:]
        return scores.masked_fill(scores < worst, _NEVER)

    return apply


def top_p(mass: float, keep: int = 1) -> LogitsProcessor:
    """Keeps the smallest set of tokens with at least this probability mass (Holtzman et al. 2020)."""
    mass = float(mass)
    if not 0 <= mass <= 1:
        raise ValueError(f"top_p must lie between 0 and 1, got {mass!r}; 1.0 keeps every token")

    def apply(ids: Tensor, scores: Tensor) -> Tensor:
        ascending, order = scores.sort(descending=False)
        remove = ascending.softmax(-1).cumsum(-1) <= 1 - mass
        remove[..., -keep:] = False
        return scores.masked_fill(remove.scatter(1, order, remove), _NEVER)

    return apply


def renormalize(ids: Tensor, scores: Tensor) -> Tensor:
    return scores.log_softmax(-1)


def build_processors(
    config: GenerationConfig, prompt_length: int, eos: Sequence[int]
) -> list[LogitsProcessor]:
    """The processors that the settings ask for; none when all are at their defaults."""
    steps: list[LogitsProcessor] = []
    if config.repetition_penalty is not None and config.repetition_penalty != 1.0:
        steps.append(repetition_penalty(config.repetition_penalty))
    if config.no_repeat_ngram_size:
        steps.append(no_repeat_ngram(config.no_repeat_ngram_size))
    if config.min_length and eos:
        steps.append(min_length(config.min_length, eos))
    if config.min_new_tokens and eos:
        steps.append(min_length(prompt_length + config.min_new_tokens, eos))
    if config.forced_bos_token_id is not None:
        steps.append(force_token(1, config.forced_bos_token_id))
    if config.forced_eos_token_id is not None:
        steps.append(force_token(config.max_length - 1, config.forced_eos_token_id))
    return steps


def build_warpers(config: GenerationConfig, keep: int = 1) -> list[LogitsProcessor]:
    """Temperature, top-k, top-p: for sampling only. ``keep``: how many tokens always stay."""
    steps: list[LogitsProcessor] = []
    if config.temperature is not None and config.temperature != 1.0:
        steps.append(temperature(config.temperature))
    if config.top_k:
        steps.append(top_k(config.top_k, keep))
    if config.top_p is not None and config.top_p < 1.0:
        steps.append(top_p(config.top_p, keep))
    return steps


def apply_all(steps: Sequence[LogitsProcessor], ids: Tensor, scores: Tensor) -> Tensor:
    for step in steps:
        scores = step(ids, scores)
    return scores


def is_finite_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
