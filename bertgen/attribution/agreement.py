"""Do two maps say the same, and do they say what a person said? Ranks, top-k overlap, alignment error."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from bertgen.errors import Trouble
from bertgen.trace import AttentionMap

Links = Iterable[tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Agreement:
    """How alike two maps rank the same cells (R rows).

    ``rows`` [R] and ``spearman``: rank correlation, row by row and of all cells at once, -1 to 1; NaN where
    one of the two is even or has a single cell. ``overlap_rows`` [R] and ``overlap``: the share of each row's
    k largest cells that both name, and its mean over the rows, 0 to 1.
    """

    rows: np.ndarray
    spearman: float
    overlap_rows: np.ndarray
    overlap: float


def agreement(
    first: AttentionMap | np.ndarray, second: AttentionMap | np.ndarray, k: int = 3, *, causal: bool = False
) -> Agreement:
    """Compares two maps of one kind and run, each [R, C] or averaged to it over layers and heads.

    ``causal``: of a decoder's self-attention, where row r sees the first C - R + r + 1 columns; the others
    would agree for nothing. Rows with fewer than k cells in sight compare those that there are. Raises
    ``Trouble`` where the shapes differ.
    """
    left, right = _flat(first), _flat(second)
    if left.shape != right.shape:
        raise Trouble("measure.shapes", first=str(left.shape), second=str(right.shape))
    rows, columns = left.shape
    # 1) the cells in sight of each row
    seen = np.full(rows, columns)
    if causal:
        seen = columns - rows + 1 + np.arange(rows)
    pairs = [(left[r, :n], right[r, :n]) for r, n in enumerate(seen)]
    # 2) ranks, row by row and over all
    correlations = np.array([spearman(a, b) for a, b in pairs], dtype=np.float32)
    everything = np.nan
    if pairs:
        everything = spearman(np.concatenate([a for a, _ in pairs]), np.concatenate([b for _, b in pairs]))
    # 3) the largest cells
    overlaps = np.array([_overlap(a, b, k) for a, b in pairs], dtype=np.float32)
    overlap = np.nan
    if pairs:
        overlap = float(overlaps.mean())
    return Agreement(correlations, everything, overlaps, overlap)


def _flat(found: AttentionMap | np.ndarray) -> np.ndarray:
    """[R, C]: the mean over whatever axes stand before these two."""
    weights = np.asarray(getattr(found, "weights", found), dtype=np.float64)
    return weights.reshape(-1, *weights.shape[-2:]).mean(0)


def spearman(first: np.ndarray, second: np.ndarray) -> float:
    """Rank correlation of two arrays [N]; ties share their mean rank; NaN where one has no two values."""
    left, right = _ranks(first), _ranks(second)
    left, right = left - left.mean(), right - right.mean()
    scale = np.sqrt((left**2).sum() * (right**2).sum())
    if scale == 0:
        return float("nan")
    return float((left * right).sum() / scale)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 0, equal values with their mean rank."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = counts.cumsum()
    return (last - (counts + 1) / 2)[place]


def _overlap(first: np.ndarray, second: np.ndarray, k: int) -> float:
    """The share of the k largest that both arrays [N] name; of equal values the first counts."""
    k = min(k, len(first))
    largest = [set(np.argsort(-values, kind="stable")[:k].tolist()) for values in (first, second)]
    return len(largest[0] & largest[1]) / k


def alignment_error(found: AttentionMap | np.ndarray, sure: Links, possible: Links = ()) -> float:
    """Alignment error rate of a map [T, S] against links by hand, 0 to 1, lower is better (Och and Ney 2003).

    Links are (source, target) from 0, as in the field's "0-0 1-2"; sure ones count as possible too. Each row
    links its target to the source with the largest weight: AER = 1 - (|A and S| + |A and P|) / (|A| + |S|).
    Raises ``Trouble`` without sure links.
    """
    weights = _flat(found)
    certain = {(int(source), int(target)) for source, target in sure}
    if not certain:
        raise Trouble("measure.links")
    allowed = certain | {(int(source), int(target)) for source, target in possible}
    links = {(int(source), target) for target, source in enumerate(weights.argmax(1))}
    right = len(links & certain) + len(links & allowed)
    return 1 - right / (len(links) + len(certain))
