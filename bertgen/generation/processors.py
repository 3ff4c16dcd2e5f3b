"""Small pure steps on scores [R, V] that hold in every mode, in the reference's order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from bertgen.errors import Trouble

# (ids so far [R, T], scores [R, V]) -> scores [R, V]
LogitsProcessor = Callable[[Tensor, Tensor], Tensor]
NEVER = -float("inf")


def sequence_bias(biases: dict[tuple[int, ...], float]) -> LogitsProcessor:
    """Adds a bias to the token that would complete a sequence of ids; one id alone is always biased."""
    if not isinstance(biases, dict) or not biases:
        raise Trouble("generation.bias_dict", got=repr(biases))
    for key, value in biases.items():
        if not isinstance(key, tuple) or not key or any(not isinstance(i, int) or i < 0 for i in key):
            raise Trouble("generation.bias_key", got=repr(key))
        if not isinstance(value, float):
            raise Trouble("generation.bias_value", of=repr(key), got=repr(value))

    def apply(ids: Tensor, scores: Tensor) -> Tensor:
        # 1) Ids that the vocabulary has not are found here, where its size is known.
        highest = max(max(key) for key in biases)
        if highest >= scores.shape[-1]:
            raise Trouble("generation.bias_id", id=highest, rows=scores.shape[-1])
        # 2) One id alone is biased everywhere, ...
        bias = torch.zeros_like(scores)
        for key, value in biases.items():
            if len(key) == 1:
                bias[:, key[0]] = value
        # 3) ... the last id of a sequence in rows that end with what stands before it.
        for key, value in biases.items():
            if 1 < len(key) <= ids.shape[1]:
                tail = torch.tensor(key[:-1], device=ids.device)
                matches = (ids[:, -len(tail) :] == tail).all(dim=1)
                bias[matches, key[-1]] += value
        return scores + bias

    return apply


def bad_words(words: list[list[int]], eos: Sequence[int]) -> list[LogitsProcessor]:
    """Forbids completing any of the id sequences; the end token alone cannot be forbidden.

    A list, which is empty where that leaves nothing to forbid.
    """
    if not isinstance(words, list) or not words or any(not isinstance(word, list) for word in words):
        raise Trouble("generation.bad_words", got=repr(words))
    if any(not isinstance(i, int) or i < 0 for word in words for i in word):
        raise Trouble("generation.bad_word_id", got=repr(words))
    banned = {tuple(word): NEVER for word in words if word not in [[token] for token in eos]}
    if not banned:
        return []
    return [sequence_bias(banned)]


class HammingDiversity:
    """Diverse beams (Vijayakumar et al. 2018): a token costs what earlier groups chose it this step.

    The search calls ``begin`` with the tokens [B, n] that the groups before this one have just chosen.
    """

    def __init__(self, penalty: float) -> None:
        if not isinstance(penalty, float) or not penalty > 0:
            raise Trouble("generation.diversity", got=repr(penalty))
        self.penalty = penalty
        self.chosen: Tensor | None = None

    def begin(self, chosen: Tensor) -> None:
        self.chosen = chosen

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        if self.chosen is None or self.chosen.shape[1] == 0:
            return scores
        # How often each token was chosen for the source; all rows of a source pay alike.
        count = torch.zeros(self.chosen.shape[0], scores.shape[-1], device=scores.device)
        count.scatter_add_(1, self.chosen, torch.ones_like(self.chosen, dtype=count.dtype))
        return scores - self.penalty * count.repeat_interleave(scores.shape[0] // len(count), dim=0)


def _positive(name: str, value: float) -> float:
    if not isinstance(value, float) or not value > 0:
        raise Trouble("generation.factor", name=name, got=repr(value))
    return value


def encoder_repetition_penalty(penalty: float, source_ids: Tensor) -> LogitsProcessor:
    """Above 1.0: favours tokens of the source [B, S].

    As in the reference only the first B rows feel it, which with beams is not every beam.
    """
    factor = 1 / _positive("encoder_repetition_penalty", penalty)

    def apply(ids: Tensor, scores: Tensor) -> Tensor:
        seen = scores[: len(source_ids)].gather(1, source_ids)
        return scores.scatter(1, source_ids, torch.where(seen < 0, seen * factor, seen / factor))

    return apply


def repetition_penalty(penalty: float) -> LogitsProcessor:
    """Tokens already written: positive scores divided, negative ones multiplied (Keskar et al. 2019)."""
    _positive("repetition_penalty", penalty)

    def apply(ids: Tensor, scores: Tensor) -> Tensor:
        seen = scores.gather(1, ids)
        return scores.scatter(1, ids, torch.where(seen < 0, seen * penalty, seen / penalty))

    return apply


def _grams(row: list[int], size: int) -> Iterable[tuple[int, ...]]:
    return zip(*(row[i:] for i in range(size)), strict=False)


def _ban_completions(scores: Tensor, ids: Tensor, size: int, grams_of: Callable) -> Tensor:
    """Forbids in each row the last ids of those n-grams whose beginning is the row's tail."""
    scores = scores.clone()
    for row, written in enumerate(ids.tolist()):
        if len(written) + 1 >= size:
            tail = tuple(written[len(written) - size + 1 :])
            scores[row, [gram[-1] for gram in grams_of(row, written) if gram[:-1] == tail]] = NEVER
    return scores


def no_repeat_ngram(size: int) -> LogitsProcessor:
    """Forbids the token that would complete an n-gram that the row already holds, start token included."""
    if not isinstance(size, int) or size <= 0:
        raise Trouble("generation.size", name="no_repeat_ngram_size", got=repr(size))
    return lambda ids, scores: _ban_completions(scores, ids, size, lambda row, written: _grams(written, size))


def encoder_no_repeat_ngram(size: int, source_ids: Tensor) -> LogitsProcessor:
    """Forbids the token that would complete an n-gram of the row's source [B, S] (pads included)."""
    if not isinstance(size, int) or size <= 0:
        raise Trouble("generation.size", name="encoder_no_repeat_ngram_size", got=repr(size))
    grams = [list(_grams(row, size)) for row in source_ids.tolist()]

    def apply(ids: Tensor, scores: Tensor) -> Tensor:
        beams = scores.shape[0] // len(grams)
        return _ban_completions(scores, ids, size, lambda row, written: grams[row // beams])

    return apply


def min_length(length: int, eos: Sequence[int]) -> LogitsProcessor:
    """No end token before ``length`` tokens are there, the start token counted."""

    def apply(ids: Tensor, scores: Tensor) -> Tensor:
        if ids.shape[1] >= length:
            return scores
        return scores.index_fill(1, torch.tensor(eos, device=scores.device), NEVER)

    return apply


def prefix_allowed(allowed: Callable[[int, Tensor], list[int]], beams: int) -> LogitsProcessor:
    """Only what ``allowed(source index, ids so far)`` lists may follow (De Cao et al. 2021)."""

    def apply(ids: Tensor, scores: Tensor) -> Tensor:
        result = torch.full_like(scores, NEVER)
        for row, written in enumerate(ids):
            tokens = allowed(row // beams, written)
            if tokens is None or len(tokens) == 0:
                raise Trouble(
                    "generation.nothing_allowed", source=row // beams, written=repr(written.tolist())
                )
            result[row, tokens] = scores[row, tokens]
        return result

    return apply


def force_token(at: int, token: int) -> LogitsProcessor:
    """Only ``token`` may follow when ``at`` tokens are there."""

    def apply(ids: Tensor, scores: Tensor) -> Tensor:
        if ids.shape[1] != at:
            return scores
        forced = torch.full_like(scores, NEVER)
        forced[:, token] = 0.0
        return forced

    return apply


def remove_invalid(ids: Tensor, scores: Tensor) -> Tensor:
    """NaN becomes 0, infinities the largest finite numbers."""
    limits = torch.finfo(scores.dtype)
    return scores.nan_to_num(nan=0.0, posinf=limits.max, neginf=limits.min)


def exponential_decay(start: int, factor: float, eos: Sequence[int]) -> LogitsProcessor:
    """From ``start`` tokens on the end token gains weight with each further token."""

    def apply(ids: Tensor, scores: Tensor) -> Tensor:
        beyond = ids.shape[1] - start
        if beyond <= 0:
            return scores
        scores = scores.clone()
        end = scores[:, list(eos)]
        scores[:, list(eos)] = end + end.abs() * (factor**beyond - 1)
        return scores

    return apply


def suppress(tokens: Sequence[int], at: int | None = None) -> LogitsProcessor:
    """Forbids tokens, everywhere or only when ``at`` tokens are there."""

    def apply(ids: Tensor, scores: Tensor) -> Tensor:
        if at is not None and ids.shape[1] != at:
            return scores
        return scores.index_fill(1, torch.tensor(list(tokens), device=scores.device), NEVER)

    return apply


def renormalize(ids: Tensor, scores: Tensor) -> Tensor:
    """Scores as log-probabilities again, after something was forbidden."""
    return scores.log_softmax(-1)


def apply_all(steps: Sequence[LogitsProcessor], ids: Tensor, scores: Tensor) -> Tensor:
    """The steps one after the other."""
    for step in steps:
        scores = step(ids, scores)
    return scores
