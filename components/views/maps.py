"""From a run's attention to the one matrix that is looked at: pick, merge, aggregate, hide.

``components/widgets/explorer/data.js`` does the same in the browser; the end-to-end tests hold the two
equal. Letters: L layers, H heads, R rows (queries), C columns (keys).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.views.contract import unpack_u16

Pick = int | str  # an index, or "mean" or "max" over all of them


@dataclass(frozen=True, eq=False)
class Axis:
    """The tokens along one side of a map: a label, a word index and a special flag (0 or 1) a token."""

    labels: Sequence[str]
    words: Sequence[int]
    word_labels: Sequence[str]
    special: Sequence[int]

    def groups(self, merged: bool) -> list[list[int]]:
        """The token indices behind each row or column shown: one each, or the tokens of a word."""
        if not merged:
            return [[index] for index in range(len(self.labels))]
        found: list[list[int]] = []
        for index, word in enumerate(self.words):
            if index == 0 or word != self.words[index - 1]:
                found.append([])
            found[-1].append(index)
        return found

    def label(self, index: int, merged: bool) -> str:
        """What stands for a token: its own label, or its word's."""
        return self.word_labels[self.words[index]] if merged else self.labels[index]


@dataclass(frozen=True, eq=False)
class View:
    """One map, ready to be drawn.

    ``z`` [R, C] are weights; cells no query may look at are NaN, not 0. ``rows`` are (read, wrote) label
    pairs (both the same for encoder self-attention), ``columns`` labels. ``hidden`` is the share of the
    shown rows' weight that lies in hidden columns; ``hidden_rows`` counts the rows left out.
    """

    z: np.ndarray
    rows: list[tuple[str, str]]
    columns: list[str]
    hidden: float
    hidden_rows: int


def axis(line: dict[str, Any]) -> Axis:
    """The axis of a payload's ``source`` or ``target`` line."""
    return Axis(line["labels"], line["words"], line["word_labels"], line["special"])


def read_axis(payload: dict[str, Any]) -> Axis:
    """What the decoder read at each step: the start token, then the output without its last token."""
    target, start = axis(payload["target"]), payload["start"]["label"]
    return Axis(
        [start, *target.labels[:-1]],
        [0, *(word + 1 for word in target.words[:-1])],
        [start, *target.word_labels],
        [1, *target.special[:-1]],
    )


def merge(weights: np.ndarray, rows: list[list[int]], columns: list[list[int]]) -> np.ndarray:
    """Tokens to words: SUM over the keys of a word, MEAN over its queries, so that rows still sum to 1.

    ``weights`` [..., T, S] -> [..., R, C]; ``rows`` and ``columns`` list the token indices of each word.
    """
    summed = np.stack([weights[..., group].sum(-1) for group in columns], -1)  # [..., T, C]
    return np.stack([summed[..., group, :].mean(-2) for group in rows], -2)  # [..., R, C]


def aggregate(weights: np.ndarray, layer: Pick, head: Pick) -> np.ndarray:
    """One map [R, C] out of [L, H, R, C]: heads first, then layers; each an index, "mean" or "max"."""
    for pick in (head, layer):
        last_but = 1 if weights.ndim == 4 else 0
        if pick == "mean":
            weights = weights.mean(last_but)
        elif pick == "max":
            weights = weights.max(last_but)
        elif isinstance(pick, int) and 0 <= pick < weights.shape[last_but]:
            weights = weights.take(pick, last_but)
        else:
            choices = f'0..{weights.shape[last_but] - 1}, "mean" or "max"'
            raise ValueError(f"cannot pick {pick!r} of the layers or heads; choose {choices}")
    return weights


def _weights(packed: dict[str, Any] | np.ndarray, layer: Pick) -> np.ndarray:
    """[L, H, T, S] as float32, only the layer that is needed: [1, H, T, S]."""
    weights = packed if isinstance(packed, np.ndarray) else unpack_u16(packed)
    if isinstance(layer, int):
        if not 0 <= layer < len(weights):
            raise ValueError(f"there is no layer {layer}; choose 0..{len(weights) - 1}")
        weights = weights[layer : layer + 1]
    return weights.astype(np.float32)


def _within(layer: Pick) -> Pick:
    """The layer's place in what ``_weights`` returns."""
    return 0 if isinstance(layer, int) else layer


def attention_view(
    payload: dict[str, Any],
    kind: str = "cross",
    layer: Pick = "mean",
    head: Pick = "mean",
    *,
    words: bool = True,
    by: str = "wrote",
    hide_special: bool = False,
) -> View:
    """The map of one kind of attention of a run (see ``trace_payload``; arrays need not be packed).

    ``words`` merges pieces before heads are aggregated, so "max" is the most any head gives to a word.
    ``by`` says which token stands for a decoder row: the one it "wrote" or the one it "read".
    ``hide_special`` leaves special tokens out and never renormalises what is left.
    """
    if payload.get(kind) is None:
        raise ValueError(f"this run holds no {kind!r} attention; run it again with capture=True")
    source, target, read = axis(payload["source"]), axis(payload["target"]), read_axis(payload)
    queries = source if kind == "encoder_self" else {"wrote": target, "read": read}[by]
    keys = read if kind == "decoder_self" else source
    rows, columns = queries.groups(words), keys.groups(words)
    z = aggregate(merge(_weights(payload[kind], layer), rows, columns), _within(layer), head)  # [R, C]
    if kind == "decoder_self":
        blank = np.array([[min(column) > max(row) for column in columns] for row in rows])
        z = np.where(blank, np.nan, z)
    keep_rows = [i for i, row in enumerate(rows) if not (hide_special and queries.special[row[0]])]
    keep_columns = [j for j, col in enumerate(columns) if not (hide_special and keys.special[col[0]])]
    if kind == "encoder_self":
        pairs = [(source.label(row[0], words),) * 2 for row in rows]
    else:
        pairs = [(read.label(row[0], words), target.label(row[-1], words)) for row in rows]
    shown = np.nan_to_num(z[keep_rows])
    seen, total = shown[:, keep_columns].sum(), shown.sum()
    return View(
        z=z[np.ix_(keep_rows, keep_columns)],
        rows=[pairs[i] for i in keep_rows],
        columns=[keys.label(columns[j][0], words) for j in keep_columns],
        hidden=float(1 - seen / total) if total > 0 else 0.0,
        hidden_rows=len(rows) - len(keep_rows),
    )
