"""The rows that a training stage reads: sets by share, either direction, distilled, joined, noised."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch

import numpy as np

from bertgen.training.gpu.batches import start_ids
from bertgen.training.gpu.model import BOS, OTHER_START
from bertgen.training.gpu.noise import noised
from bertgen.training.gpu.packed import REVERSED, Rows, cut, joined, starts_of
from bertgen.training.gpu.plan import StagePlan
from bertgen.training.gpu.store import Store

MOST_JOINED = 60_000
MOST_PARTS = 4  # of a joined row


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
    if not len(rows) or not count:
        return rows.taken(np.zeros(0, np.int64))
    groups = chance.integers(0, len(rows), (count, MOST_PARTS))
    used = np.arange(MOST_PARTS)[None] < chance.integers(2, MOST_PARTS + 1, count)[:, None]
    source, target = (
        np.where(used, length[groups], 0).sum(1) for length in (rows.source_length, rows.target_length)
    )
    keep = (source <= longest[0]) & (target < longest[1])
    parts = rows.taken(groups[keep][used[keep]])
    # All sources come first, then all targets; the parts of a group lie side by side on either.
    sources = cut(parts.tokens, parts.source_start, parts.source_length)
    targets = cut(parts.tokens, parts.target_start, parts.target_length)
    source, target = source[keep].astype(np.int32), target[keep].astype(np.int32)
    places = (starts_of(source), len(sources) + starts_of(target))
    return Rows(np.concatenate([sources, targets]), places[0], source, places[1], target)


def gather(store: Store, stage: StagePlan, chance: np.random.Generator) -> Reading:
    """All rows of a stage; a denoising stage's are noised anew by every call."""
    parts: list[Rows] = []
    shares: list[float] = []
    starts: list[np.ndarray] = []
    ways = {"no": [False], "yes": [True], "both": [False, True]}[stage.reverse]
    for turned in ways:
        start = OTHER_START if turned and stage.reverse == "both" else BOS
        for name, share in store.names(stage.shares, stage.vocabulary).items():
            if not _goes(store, name, turned):
                continue
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
    if not parts:
        raise ValueError(f"stage {stage.name}: no packed rows are named by {sorted(stage.shares)}")
    return Reading(joined(parts), [len(rows) for rows in parts], shares, np.concatenate(starts))


def _goes(store: Store, name: str, turned: bool) -> bool:
    """Whether a set is read this way."""
    if turned:
        return not any(fnmatch(name, pattern) for pattern in store.plan.forward_only)
    return not name.startswith(REVERSED)


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
