"""Heads removed for good: which columns of the projections stay, and the parameters that hold them."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


def heads_asked_for(heads_to_prune: dict[int, Iterable[int]], layers: int, heads: int) -> dict[int, set[int]]:
    """Each layer and head under one number; negative ones count from the last.

    Raises ``ValueError`` on numbers that there are not, of so many layers with so many heads each.
    """
    asked: dict[int, set[int]] = {}
    for layer, numbers in heads_to_prune.items():
        if not -layers <= layer < layers:
            raise ValueError(f"layer {layer} does not exist; the model has {layers} layers")
        for head in numbers:
            if not -heads <= head < heads:
                raise ValueError(f"head {head} does not exist; each layer was built with {heads} heads")
        asked.setdefault(layer % layers, set()).update(head % heads for head in numbers)
    return asked


def kept_columns(heads: set[int], pruned: set[int], left: int, width: int) -> tuple[set[int], Tensor]:
    """(heads that go now, columns that stay); head numbers are those before any pruning.

    ``pruned`` are gone already, ``left`` are there, each ``width`` columns wide.
    """
    total = left + len(pruned)
    for head in heads:
        if not -total <= head < total:
            raise ValueError(f"head {head} does not exist; this layer was built with {total} heads")
    # Negative numbers count from the last head.
    gone = {head % total for head in heads} - pruned
    # Where the heads that are still there stand now, and which of them stay.
    alive = [head for head in range(total) if head not in pruned]
    stays = [i for i, head in enumerate(alive) if head not in gone]
    columns = [i * width + column for i in stays for column in range(width)]
    # On the CPU even while loading, which builds on the meta device: these numbers are needed now.
    return gone, torch.tensor(columns, dtype=torch.long, device="cpu")


def kept_part(weight: Tensor, keep: Tensor, dim: int = 0) -> nn.Parameter:
    """A parameter of the rows (dim 0) or columns (dim 1) that stay.

    Without values yet (the meta device) only the shape counts; indexing there would import torch's compiler.
    """
    if weight.is_meta:
        shape = list(weight.shape)
        shape[dim] = len(keep)
        return nn.Parameter(weight.new_empty(shape))
    return nn.Parameter(weight.detach().index_select(dim, keep.to(weight.device)).clone())
