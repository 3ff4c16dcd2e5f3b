"""Steps on scores [R, V] that shape the distribution for sampling, in the reference's order."""

from __future__ import annotations

import torch
from torch import Tensor

from bertgen.errors import Trouble
from bertgen.generation.processors import NEVER, LogitsProcessor


def temperature(value: float) -> LogitsProcessor:
    """Divides the scores: below 1 sharper, above 1 flatter."""
    if not isinstance(value, float) or not value > 0:
        raise Trouble("generation.factor", name="temperature", got=repr(value))
    return lambda ids, scores: scores / value


def top_k(count: int, keep: int = 1) -> LogitsProcessor:
    """Keeps the ``count`` best tokens (ties with the last one stay), at least ``keep``."""
    if not isinstance(count, int) or count <= 0:
        raise Trouble("generation.top_k", got=repr(count))

    def apply(ids: Tensor, scores: Tensor) -> Tensor:
        worst = scores.topk(min(max(count, keep), scores.shape[-1]))[0][..., -1:]
        return scores.masked_fill(scores < worst, NEVER)

    return apply


def top_p(mass: float, keep: int = 1) -> LogitsProcessor:
    """Keeps the smallest set of tokens with at least this probability mass (Holtzman et al. 2020)."""
    mass = float(mass)
    if not 0 <= mass <= 1:
        raise Trouble("generation.mass", name="top_p", got=mass)

    def apply(ids: Tensor, scores: Tensor) -> Tensor:
        ascending, order = scores.sort(descending=False)
        # From the least probable on: what together is no more than the rest of the mass goes.
        remove = ascending.softmax(-1).cumsum(-1) <= 1 - mass
        remove[..., -keep:] = False
        return scores.masked_fill(remove.scatter(1, order, remove), NEVER)

    return apply


def typical_p(mass: float, keep: int = 1) -> LogitsProcessor:
    """Keeps the tokens whose surprise is closest to the entropy, up to this mass (Meister et al. 2022)."""
    mass = float(mass)
    if not 0 < mass < 1:
        raise Trouble("generation.mass", name="typical_p", got=mass)

    def apply(ids: Tensor, scores: Tensor) -> Tensor:
        logprobs = scores.log_softmax(-1)
        # How far each token's surprise lies from the expected one; the closest come first.
        entropy = -(logprobs * logprobs.exp()).nansum(-1, keepdim=True)
        distance, order = (-logprobs - entropy).abs().sort(descending=False)
        reached = scores.gather(-1, order).softmax(-1).cumsum(-1)
        # The token that reaches the mass stays, and whatever is as close as it.
        last = (reached < mass).sum(dim=1).clamp(max=scores.shape[-1] - 1)
        remove = distance > distance.gather(1, last[:, None])
        remove[..., :keep] = False
        return scores.masked_fill(remove.scatter(1, order, remove), NEVER)

    return apply


def _drop_below(scores: Tensor, floor: Tensor | float, keep: int) -> Tensor:
    """Forbids tokens of a probability below the floor, but for the ``keep`` best."""
    best = scores.topk(min(keep, scores.shape[-1]))[0][..., -1:]
    return scores.masked_fill((scores.softmax(-1) < floor) & (scores < best), NEVER)


def epsilon_cutoff(floor: float, keep: int = 1) -> LogitsProcessor:
    """Forbids tokens below a fixed probability (Hewitt et al. 2022)."""
    return lambda ids, scores: _drop_below(scores, floor, keep)


def eta_cutoff(epsilon: float, keep: int = 1) -> LogitsProcessor:
    """The same with a floor that falls as the entropy rises (Hewitt et al. 2022)."""

    def apply(ids: Tensor, scores: Tensor) -> Tensor:
        entropy = torch.distributions.Categorical(logits=scores).entropy()
        limit = torch.tensor(epsilon, device=scores.device)
        floor = torch.minimum(limit, limit.sqrt() * torch.exp(-entropy))[..., None]
        return _drop_below(scores, floor, keep)

    return apply
