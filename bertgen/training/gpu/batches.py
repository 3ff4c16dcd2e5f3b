"""Rows on the device, and epochs of batches of one padded size each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bertgen.training.gpu.model import BOS, EOS, PAD, Batch
from bertgen.training.gpu.packed import Rows


class DeviceRows:
    """Ids and places of rows on the device; `starts` int32 [rows] are the decoder's start tokens."""

    def __init__(self, rows: Rows, starts: np.ndarray, device: torch.device, spare: float = 0.0) -> None:
        """`spare` is the part of room that is left for other rows in the same places."""
        # Spare ids behind the last row: padded places read there and are masked.
        room = np.zeros(1 + int(len(rows.tokens) * spare), np.uint16)
        tokens = np.concatenate([rows.tokens, room]).astype(np.int32)
        self.tokens = torch.from_numpy(tokens).to(device)
        columns = (rows.source_start, rows.source_length, rows.target_start, rows.target_length, starts)
        table = np.stack([column.astype(np.int64) for column in columns])
        table = np.pad(table, ((0, 0), (0, int(len(rows) * spare))))
        self.table = torch.from_numpy(table).to(device)  # [5, rows]

    def replace(self, other: DeviceRows) -> None:
        """Other rows in the places of these, which recorded steps read; as many or fewer rows and ids."""
        self.tokens[: len(other.tokens)].copy_(other.tokens)
        self.table[:, : other.table.shape[1]].copy_(other.table)

    def _gather(self, start: Tensor, length: Tensor, width: int) -> tuple[Tensor, Tensor]:
        """Padded ids [B, width] and their mask."""
        places = torch.arange(width, device=start.device)[None]
        mask = places < length[:, None]
        last = self.tokens.shape[0] - 1
        ids = self.tokens[(start[:, None] + places).clamp(max=last)].long()
        return ids.masked_fill(~mask, PAD), mask

    def batch(self, numbers: Tensor, size: tuple[int, int]) -> Batch:
        """The rows `numbers` [B], padded to `size`; labels end with the end token."""
        source_start, source_length, target_start, target_length, first = self.table[:, numbers]
        source, source_mask = self._gather(source_start, source_length, size[0])
        target, _ = self._gather(target_start, target_length, size[1])
        places = torch.arange(size[1], device=target.device)[None]
        labels = torch.where(places == target_length[:, None], EOS, target)
        inputs = torch.cat([first[:, None], target[:, :-1]], dim=1)
        return Batch(source, source_mask, inputs, labels, places <= target_length[:, None])


def start_ids(count: int, start: int = BOS) -> np.ndarray:
    """The same start token for `count` rows."""
    return np.full(count, start, dtype=np.int32)


def smallest_bucket(rows: Rows, buckets: list[tuple[int, int]]) -> np.ndarray:
    """The number of the first bucket that holds a row with its end token; -1 where none does."""
    found = np.full(len(rows), -1, dtype=np.int16)
    for number in range(len(buckets) - 1, -1, -1):
        source, target = buckets[number]
        found[(rows.source_length <= source) & (rows.target_length < target)] = number
    return found


@dataclass(frozen=True)
class Step:
    """One batch of an epoch: its bucket and where its row numbers lie in the epoch's order."""

    bucket: int
    first: int
    rows: int


def draw(counts: list[int], shares: list[float], chance: np.random.Generator) -> np.ndarray:
    """Row numbers of one epoch: of each set, which lie one after the other, its share."""
    parts, first = [], 0
    for count, share in zip(counts, shares, strict=True):
        whole, rest = int(share), share % 1
        parts += [np.arange(first, first + count)] * whole
        parts.append(first + chance.choice(count, round(count * rest), replace=False))
        first += count
    return np.concatenate(parts)


def epoch(
    numbers: np.ndarray, bucket_of: np.ndarray, sizes: list[int], chance: np.random.Generator
) -> tuple[np.ndarray, list[Step]]:
    """The order of row numbers and the steps over it; every batch is full, filled up from its own bucket.

    `sizes` are the rows of a batch by bucket.
    """
    order, steps, first = [], [], 0
    own = bucket_of[numbers]
    for bucket, size in enumerate(sizes):
        rows = chance.permutation(numbers[own == bucket])
        if not len(rows):
            continue
        count = -(-len(rows) // size)
        rows = np.resize(rows, count * size)  # repeats from the beginning
        order.append(rows)
        steps += [Step(bucket, first + number * size, size) for number in range(count)]
        first += len(rows)
    chance.shuffle(steps)
    return np.concatenate(order), steps
