"""Dropout whose masks are read from a pool made once."""

from __future__ import annotations

import random

import torch
from torch import Tensor, nn

# Masks in a pool.
POOL_SIZE = 1 << 22
# Offsets stay on cache lines.
ALIGNMENT = 64


class DropoutPool:
    """Bernoulli masks of one probability, already scaled by 1 / (1 - p), handed out at random offsets.

    torch's CPU generator runs on one thread and took a third of a training step; a slice of ready masks
    costs a multiplication. `reseed` fixes the offsets of a step, so that a resumed run draws what the
    uninterrupted one drew.
    """

    def __init__(self, probability: float, seed: int, dtype: torch.dtype, device: torch.device) -> None:
        generator = torch.Generator().manual_seed(seed)
        # Drawn on the CPU for every device, so that one seed gives one pool.
        passed = torch.rand(POOL_SIZE, generator=generator) >= probability
        self.mask = (passed.to(torch.float32) / (1 - probability)).to(device=device, dtype=dtype)
        self.seed = seed
        self.rng = random.Random(seed)

    def reseed(self, step: int) -> None:
        """Start the offsets of training step `step`."""
        self.rng.seed(f"dropout-{self.seed}-{step}")

    def draw(self, shape: torch.Size) -> Tensor:
        """A mask of `shape`; one that is larger than the pool is put together from several slices."""
        size = shape.numel()
        if size <= POOL_SIZE:
            return self._slice(size).view(shape)
        # Half the pool each: a slice of all of it would have one place to begin, and be the same every time.
        parts = [self._slice(min(POOL_SIZE // 2, size - start)) for start in range(0, size, POOL_SIZE // 2)]
        return torch.cat(parts).view(shape)

    def _slice(self, size: int) -> Tensor:
        offset = self.rng.randrange((POOL_SIZE - size) // ALIGNMENT + 1) * ALIGNMENT
        return self.mask[offset : offset + size]


class PooledDropout(nn.Module):
    """Stands in for an `nn.Dropout` while a model trains."""

    def __init__(self, pool: DropoutPool) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, values: Tensor) -> Tensor:
        if not self.training:
            return values
        return values * self.pool.draw(values.shape)


def pool_dropout(model: nn.Module, seed: int, dtype: torch.dtype, device: torch.device) -> list[DropoutPool]:
    """Replace every `nn.Dropout` of `model`; returns the pools, one a probability."""
    pools: dict[float, DropoutPool] = {}
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.Dropout) and child.p > 0:
                pool = pools.setdefault(child.p, DropoutPool(child.p, seed, dtype, device))
                setattr(module, name, PooledDropout(pool))
    return list(pools.values())
