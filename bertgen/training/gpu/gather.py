"""The rows that a training stage reads: sets by share, either direction, distilled, joined, noised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bertgen.training.gpu.batches import start_ids
from bertgen.training.gpu.model import BOS, OTHER_START
from bertgen.training.gpu.noise import noised
from bertgen.training.gpu.packed import Rows, cut, joined, starts_of
from bertgen.training.gpu.plan import StagePlan
from bertgen.training.gpu.store import Store

MOST_JOINED = 60_000


@dataclass(frozen=True)
class Reading:
    """Rows one after the other, with counts and shares of the sets among them and the decoder's start ids."""

    rows: Rows
    counts: list[int]
    shares: list[float]
    starts: np.ndarray


def both_sides(rows: Rows) -> Rows:
    """Rows that have a source and a target."""
    return rows.taken(np.flatnonzero((rows.source_length > 0) & (rows.target_length > 0)))


def join_rows(rows: Rows, count: int, longest: tuple[int, int], chance: np.random.Generator) -> Rows:
    """`count` rows made of two to four others each, so that texts of several sentences are known too.

    Longer ones than `longest` are left out. SentencePiece never crosses a space here, so joined ids are those
    of the texts joined by one space.
    """
    groups = chance.integers(0, len(rows), (count, 4))
    sizes = chance.integers(2, 5, count)
    parts, lengths = [], []
    for group, size in zip(groups.tolist(), sizes.tolist(), strict=True):
        chosen = group[:size]
        source = int(rows.source_length[chosen].sum())
        target = int(rows.target_length[chosen].sum())
        if source > longest[0] or target >= longest[1]:
            continue
        for start, length in (
            (rows.source_start, rows.source_length),
            (rows.target_start, rows.target_length),
        ):
            parts += [rows.tokens[start[row] : start[row] + length[row]] for row in chosen]
        lengths.append((source, target))
    table = np.array(lengths, dtype=np.int32).reshape(-1, 2)
    tokens = np.concatenate(parts) if parts else np.zeros(0, np.uint16)
    ends = np.cumsum(table.sum(1, dtype=np.int64))
    starts = ends - table.sum(1)
    return Rows(tokens, starts, table[:, 0], starts + table[:, 0], table[:, 1])


def gather(store: Store, stage: StagePlan, chance: np.random.Generator) -> Reading:
    """All rows of a stage; a denoising stage's are noised anew by every call."""
    parts: list[Rows] = []
    shares: list[float] = []
    starts: list[np.ndarray] = []
    ways = {"no": [False], "yes": [True], "both": [False, True]}[stage.reverse]
    for turned in ways:
        start = OTHER_START if turned and stage.reverse == "both" else BOS
        for name, share in store.names(stage.shares, stage.vocabulary).items():
            own = store.rows(name)
            if stage.denoising:
                if name not in store.texts:
                    store.texts[name] = _alone(own)
                own = store.texts[name]
                found = [(noised(own, store.manifest["vocabularies"][stage.vocabulary], chance), share)]
            else:
                found = [(both_sides(own.swapped() if turned else own), share * stage.originals)]
                taught = store.distilled.get((name, turned))
                if taught is not None and stage.distilled:
                    found.append((taught, share * stage.distilled))
            for rows, often in found:
                if len(rows) and often:
                    parts.append(rows)
                    shares.append(often)
                    starts.append(start_ids(len(rows), start))
        if stage.joined_share and not stage.denoising and parts:
            extra = _joined_part(parts, shares, stage, chance)
            if len(extra):
                parts.append(extra)
                shares.append(1.0)
                starts.append(start_ids(len(extra), start))
    return Reading(joined(parts), [len(rows) for rows in parts], shares, np.concatenate(starts))


def _joined_part(
    parts: list[Rows], shares: list[float], stage: StagePlan, chance: np.random.Generator
) -> Rows:
    """Joined rows of all sets so far but the single words."""
    pool = joined(parts)
    pool = pool.taken(np.flatnonzero(pool.source_length >= 4))
    often = sum(len(rows) * share for rows, share in zip(parts, shares, strict=True))
    count = min(MOST_JOINED, int(often * stage.joined_share))
    return join_rows(pool, count, stage.buckets[-1], chance)


def _alone(rows: Rows) -> Rows:
    """The texts of rows as rows with an empty target: both sides of those that have two."""
    keep = rows.source_length > 3
    start, length = rows.source_start[keep], rows.source_length[keep]
    begins = starts_of(length)
    return Rows(cut(rows.tokens, start, length), begins, length, begins + length, np.zeros_like(length))
