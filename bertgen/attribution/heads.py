"""One row of numbers for every head of a run, so that heads can be sorted instead of looked through.

All of it comes from the trace's own weights; numbers of one text say nothing of another.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bertgen.trace import GenerationTrace

# Special tokens by their looks: [CLS], <s>, </s>, <|endoftext|>; byte pieces such as <0x0A> are text.
_SPECIAL = re.compile(r"\[[A-Z]+\]|<(?!0x)[^<>\s]+>")


@dataclass(frozen=True)
class HeadRow:
    """What one head did in one run; NaN where a number means nothing for its kind or this text.

    Attributes:
        kind, layer, head: "cross", "decoder_self" or "encoder_self"; both numbers from 0.
        entropy: mean entropy of its rows, each divided by that of an even look, log(keys in sight): 0 to 1.
        confidence: mean of its rows' largest weights (Voita et al. 2019).
        sink: mean weight on special tokens, [CLS], <s> and their like (Clark et al. 2019).
        distance: mean distance from the query to what it looked at: in tokens; in cross-attention as a share
            of the lengths, |i/T - j/S|.
        diagonality: 1 minus the mean of |i/R - j/C|: 1 runs down the diagonal.
        previous: mean weight on the token before the query's own; self-attention only.
        coverage: mean over source tokens of the weight they got from all rows, at most 1 each; cross only.
        badges: what stands out, as keys: "even", "sharp", "sink", "previous", "own", "next", "diagonal",
            "copies".
    """

    kind: str
    layer: int
    head: int
    entropy: float
    confidence: float
    sink: float
    distance: float
    diagonality: float
    previous: float
    coverage: float
    badges: tuple[str, ...]


@dataclass(frozen=True)
class _Sight:
    """What the rows of one kind could see: labels, places of the queries among the keys, keys in sight."""

    kind: str
    rows: Sequence[str]
    columns: Sequence[str]
    own: np.ndarray | None  # [R]: the column that is the query's own token; None in cross-attention
    seen: np.ndarray  # [R]: how many keys were in sight
    special: np.ndarray  # [C] bool


def head_table(trace: GenerationTrace) -> list[HeadRow]:
    """A row for every head of every kind that the trace holds, kind by kind, layer by layer."""
    table = []
    for kind, found in trace.maps.items():
        sight = _sight(kind, found.rows, found.columns)
        for layer, heads in enumerate(found.weights):
            for head, weights in enumerate(heads):
                table.append(_head_row(sight, layer, head, weights.astype(np.float64)))
    return table


def _sight(kind: str, rows: Sequence[str], columns: Sequence[str]) -> _Sight:
    own, seen = None, np.full(len(rows), len(columns))
    if kind != "cross":
        # A decoder's last row read the last column; before its first one there may be a prompt.
        own = np.arange(len(columns) - len(rows), len(columns))
    if kind == "decoder_self":
        seen = own + 1
    special = np.array([bool(_SPECIAL.fullmatch(piece)) for piece in columns], dtype=bool)
    return _Sight(kind, rows, columns, own, seen, special)


def _head_row(sight: _Sight, layer: int, head: int, weights: np.ndarray) -> HeadRow:
    """The numbers of one head, of its weights [R, C]."""
    rows, columns = weights.shape
    # 1) how it spreads its look; a row that sees one key alone has no choice
    logs = np.log(weights, where=weights > 0, out=np.zeros_like(weights))
    choice = sight.seen > 1
    entropies = -(weights * logs).sum(1)[choice] / np.log(sight.seen[choice])
    # 2) how far it looks: as a share of the lengths, and in tokens where both sides are one text
    keys = np.arange(columns)
    if sight.own is None:
        relative = np.abs(np.arange(rows)[:, None] / max(rows, 1) - keys / max(columns, 1))
        apart = distance = _mean((weights * relative).sum(1))
    else:
        distance = _mean((weights * np.abs(sight.own[:, None] - keys)).sum(1))
        apart = distance / max(columns, 1)
    # 3) what it looks at
    sink = previous = coverage = math.nan
    if sight.special.any():
        sink = _mean(weights[:, sight.special].sum(1))
    if sight.own is not None:
        previous = _mean(_beside(sight, weights, -1))
    else:
        coverage = _mean(weights.sum(0).clip(max=1))
    row = HeadRow(
        kind=sight.kind,
        layer=layer,
        head=head,
        entropy=_mean(entropies),
        confidence=_mean(weights.max(1, initial=0)[choice]),
        sink=sink,
        distance=distance,
        diagonality=1 - apart,
        previous=previous,
        coverage=coverage,
        badges=(),
    )
    badges = tuple(name for name, earned in BADGES.items() if earned(row, sight, weights))
    return HeadRow(**{**vars(row), "badges": badges})


def _mean(values: np.ndarray) -> float:
    """The mean; NaN of nothing."""
    if not len(values):
        return math.nan
    return float(values.mean())


def _beside(sight: _Sight, weights: np.ndarray, offset: int) -> np.ndarray:
    """Weights on the column so many places from each query's own, for the queries that have one in sight."""
    if sight.own is None:
        return np.zeros(0)
    column = sight.own + offset
    there = (column >= 0) & (column < np.minimum(sight.seen, weights.shape[1]))
    return weights[there, column[there]]


def _copies(row: HeadRow, sight: _Sight, weights: np.ndarray) -> bool:
    """Of the tokens that the keys hold as well, it looks most at that very piece in at least half."""
    if sight.kind != "cross" or not weights.size:
        return False
    sources = [sight.columns[place] for place in weights.argmax(1)]
    possible = [
        (piece, source)
        for piece, source in zip(sight.rows, sources, strict=True)
        if piece in sight.columns and not _SPECIAL.fullmatch(piece)
    ]
    return bool(possible) and 2 * sum(piece == source for piece, source in possible) >= len(possible)


# What earns a badge. Thresholds are read as "for the most part".
BADGES: dict[str, Callable[[HeadRow, _Sight, np.ndarray], bool]] = {
    "even": lambda row, sight, weights: row.entropy >= 0.9,
    "sharp": lambda row, sight, weights: row.confidence >= 0.8,
    "sink": lambda row, sight, weights: row.sink >= 0.5,
    "previous": lambda row, sight, weights: row.previous >= 0.5,
    "own": lambda row, sight, weights: _mean(_beside(sight, weights, 0)) >= 0.5,
    "next": lambda row, sight, weights: _mean(_beside(sight, weights, 1)) >= 0.5,
    "diagonal": lambda row, sight, weights: (
        sight.kind == "cross" and row.diagonality >= 0.85 and row.confidence >= 0.5
    ),
    "copies": _copies,
}
