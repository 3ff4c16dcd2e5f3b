"""A decoding stage: a teacher's answers to the sources of sets, which students then learn from."""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import Tensor

from bertgen.training.gpu.batches import DeviceRows, start_ids
from bertgen.training.gpu.decode import search
from bertgen.training.gpu.model import BOS, OTHER_START, Pair, layout
from bertgen.training.gpu.packed import Rows, cut, joined, starts_of
from bertgen.training.gpu.plan import StagePlan
from bertgen.training.gpu.store import Store

PART = 40_000  # rows of a set that are decoded together, sorted by length
LONGEST = 140  # pieces of an answer
LONGER, ROOM = 1.7, 12  # an answer has at most so many times the source's pieces, and so many more


def _parts(store: Store, stage: StagePlan, chance: np.random.Generator) -> list[tuple[str, bool, Rows]]:
    """(set, whether reversed, rows) in parts; shuffled, so that every set is reached if the time runs out."""
    ways = {"no": [False], "yes": [True], "both": [False, True]}[stage.reverse]
    found = []
    for name, share in store.names(stage.shares, stage.vocabulary).items():
        for turned in ways:
            rows = store.rows(name).swapped() if turned else store.rows(name)
            numbers = chance.permutation(np.flatnonzero(rows.source_length > 0))
            numbers = numbers[: int(len(numbers) * min(share, 1.0))]
            for first in range(0, len(numbers), PART):
                found.append((name, turned, rows.taken(numbers[first : first + PART])))
    chance.shuffle(found)
    return found


def _digit_sums(tokens: np.ndarray, start: np.ndarray, length: np.ndarray, known: np.ndarray) -> np.ndarray:
    """A sum over every text that depends on its digits alone, in any order; uint64, it may run over."""
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(known[tokens], dtype=np.uint64)])
    return sums[start + length] - sums[start]


def usable(rows: Rows, digits: np.ndarray) -> np.ndarray:
    """Numbers of the rows whose answer ended, is not far longer or shorter, and has the source's digits.

    `digits` uint64 [V] are what `_digit_sums` adds up.
    """
    source, target = rows.source_length, rows.target_length
    fitting = (target > 0) & (target <= 2 * source + 5) & (source <= 2 * target + 5)
    ours = _digit_sums(rows.tokens, rows.target_start, target, digits)
    theirs = _digit_sums(rows.tokens, rows.source_start, source, digits)
    return np.flatnonzero(fitting & (ours == theirs))


def _digit_weights(store: Store, vocabulary: str) -> np.ndarray:
    """uint64 [V]: a large random number for every digit piece, nothing for the others."""
    weights = np.zeros(store.manifest["vocabularies"][vocabulary], dtype=np.uint64)
    pieces = store.manifest["digits"][vocabulary]
    weights[pieces] = np.random.default_rng(1).integers(2**62, size=len(pieces), dtype=np.uint64)
    return weights


class Distilling:
    """One decoding stage of a run."""

    def __init__(self, store: Store, stage: StagePlan) -> None:
        self.store, self.stage = store, stage
        self.sizes = store.sizes(stage.sizes)
        found = layout(self.sizes, store.manifest["vocabularies"][stage.vocabulary])
        flat = store.weights[stage.start].to(store.dtype)
        self.pair = Pair(self.sizes, found.views(flat))
        self.digits = _digit_weights(store, stage.vocabulary)

    def run(self, seconds: float) -> None:
        """Decode until all is done or `seconds` have passed; what there is then goes to the store."""
        stage, store = self.stage, self.store
        ends = time.monotonic() + seconds
        parts = _parts(store, stage, store.chance(stage.name))
        store.log(
            stage.name, event="start", rows=sum(len(rows) for _, _, rows in parts), seconds=round(seconds, 1)
        )
        found: dict[tuple[str, bool], list[Rows]] = {}
        asked = kept = 0
        for number, (name, turned, rows) in enumerate(parts):
            answers = self._answers(rows, turned, ends)
            if answers is not None:
                good = usable(answers, self.digits)
                asked, kept = asked + len(answers), kept + len(good)
                found.setdefault((name, turned), []).append(answers.taken(good))
            if time.monotonic() > ends:
                store.log(stage.name, event="out of time", parts=number + 1, of=len(parts))
                break
        for key, pieces in found.items():
            store.distilled[key] = joined(pieces)
        counts = {
            f"{name}{'<' if turned else ''}": len(rows) for (name, turned), rows in store.distilled.items()
        }
        store.log(stage.name, event="end", asked=asked, kept=kept, **{"rows": counts})

    def _answers(self, rows: Rows, turned: bool, ends: float) -> Rows | None:
        """Sources and what the teacher answered; a random part of them where the time runs out, or None."""
        stage, device = self.stage, self.store.device
        start = OTHER_START if turned and stage.reverse == "both" else BOS
        held = DeviceRows(rows, start_ids(len(rows), start), device)
        batches = self._batches(rows)
        pending: list[tuple[np.ndarray, Tensor, Tensor]] = []
        for index in np.random.default_rng(len(rows)).permutation(len(batches)):
            if time.monotonic() > ends:
                break
            numbers = batches[index]
            width = int(rows.source_length[numbers].max())
            batch = held.batch(torch.from_numpy(numbers).to(device), (width, 2))
            longest = min(int(LONGER * width) + ROOM, LONGEST)
            source = (batch.source, batch.source_mask, batch.inputs[:, 0])
            found = search(self.pair, *source, longest, stage.beam, stage.length_penalty)
            pending.append((numbers, *found))
        return _collected(rows, pending) if pending else None

    def _batches(self, rows: Rows) -> list[np.ndarray]:
        """Row numbers of batches, by length; long texts need more room, so fewer of them go together."""
        order = np.argsort(rows.source_length, kind="stable")
        decode_rows = self.stage.decode_rows * min(1.0, 4 * self.store.scale)
        batches, first = [], 0
        while first < len(order):
            width = int(rows.source_length[order[min(first + 256, len(order) - 1)]])
            size = max(8, int(decode_rows / self.stage.beam * min(1.0, 48 / width)))
            batches.append(order[first : first + size])
            first += size
        return batches


def _collected(rows: Rows, pending: list[tuple[np.ndarray, Tensor, Tensor]]) -> Rows:
    """Sources and their answers, from (row numbers, ids [B, longest], lengths [B]) by batch."""
    written, lengths = [], []
    for _, ids, sizes in pending:
        counts = sizes.cpu().numpy().astype(np.int32)
        table = ids.to(torch.int16).cpu().numpy().view(np.uint16)
        written.append(table[np.arange(table.shape[1])[None] < counts[:, None]])
        lengths.append(counts)
    length = np.concatenate(lengths)
    asked = rows.taken(np.concatenate([numbers for numbers, _, _ in pending]))
    sources = cut(asked.tokens, asked.source_start, asked.source_length)
    tokens = np.concatenate([sources, *written])
    target_start = len(sources) + starts_of(length)
    return Rows(tokens, starts_of(asked.source_length), asked.source_length, target_start, length)
