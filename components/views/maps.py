"""From a run's attention to the one matrix that is looked at: pick, merge, aggregate, hide.

``components/widgets/explorer/data.js`` does the same in the browser; the end-to-end tests hold the two
equal. Letters: L layers, H heads, R rows (queries), C columns (keys).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.views.contract import Line, Run, RunMap
from components.views.packing import unpack_u16

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
        # Tokens of a word stand beside each other: a new index begins a new group.
        found: list[list[int]] = []
        for index, word in enumerate(self.words):
            if index == 0 or word != self.words[index - 1]:
                found.append([])
            found[-1].append(index)
        return found

    def label(self, index: int, merged: bool) -> str:
        """What stands for a token: its own label, or its word's."""
        if merged:
            return self.word_labels[self.words[index]]
        return self.labels[index]


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


def axis(line: Line) -> Axis:
    """The axis of a run's ``source`` or ``target`` line."""
    return Axis(line.labels, line.words, line.word_labels, [int(token.special) for token in line.tokens])


def read_axis(run: Run) -> Axis:
    """What the decoder read at each step: the start token, then the output without its last token."""
    target, start = axis(run.target), run.start.label
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
    # Heads are the axis behind layers; once they are gone, layers are the first.
    for pick in (head, layer):
        last_but = weights.ndim - 3
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


def attention_view(
    run: Run,
    kind: str = "cross",
    layer: Pick = "mean",
    head: Pick = "mean",
    *,
    words: bool = True,
    by: str = "wrote",
    hide_special: bool = False,
    weights: np.ndarray | None = None,
) -> View:
    """The map of one kind of attention of a run (see ``finished_run``).

    ``words`` merges pieces before heads are aggregated, so "max" is the most any head gives to a word.
    ``by`` says which token stands for a decoder row: the one it "wrote" or the one it "read".
    ``hide_special`` leaves special tokens out and never renormalises what is left. ``weights`` [L, H, T, S]
    are the map's own, for a run that does not hold them packed.
    """
    found = run.maps.get(kind)
    if found is None:
        raise ValueError(f"this run holds no {kind!r} attention; run it again with capture=True")
    source, target, read = axis(run.source), axis(run.target), read_axis(run)

    # 1) Both sides, and which tokens each row and column stands for.
    decoder = found.rows == "target"
    queries, keys = source, source
    if decoder:
        queries = {"wrote": target, "read": read}[by]
    if found.columns == "read":
        keys = read
    rows, columns = queries.groups(words), keys.groups(words)

    # 2) The weights: tokens to words, then heads and layers to one map.
    z = aggregate(merge(_weights(found, weights, layer), rows, columns), _within(layer), head)  # [R, C]
    if found.columns == "read":  # what comes later cannot be looked at: blank, not 0
        later = np.array([[min(column) > max(row) for column in columns] for row in rows])
        z = np.where(later, np.nan, z)

    # 3) What is shown of it.
    keep_rows, keep_columns = list(range(len(rows))), list(range(len(columns)))
    if hide_special:
        keep_rows = [i for i in keep_rows if not queries.special[rows[i][0]]]
        keep_columns = [j for j in keep_columns if not keys.special[columns[j][0]]]
    if decoder:
        pairs = [(read.label(row[0], words), target.label(row[-1], words)) for row in rows]
    else:
        pairs = [(source.label(row[0], words),) * 2 for row in rows]
    return View(
        z=z[np.ix_(keep_rows, keep_columns)],
        rows=[pairs[i] for i in keep_rows],
        columns=[keys.label(columns[j][0], words) for j in keep_columns],
        hidden=_hidden_share(np.nan_to_num(z[keep_rows]), keep_columns),
        hidden_rows=len(rows) - len(keep_rows),
    )


def _weights(found: RunMap, weights: np.ndarray | None, layer: Pick) -> np.ndarray:
    """[L, H, T, S] as float32, only the layer that is needed: [1, H, T, S]."""
    if weights is None:
        weights = unpack_u16({"shape": list(found.shape), "u16": found.u16})
    if isinstance(layer, int):
        if not 0 <= layer < len(weights):
            raise ValueError(f"there is no layer {layer}; choose 0..{len(weights) - 1}")
        weights = weights[layer : layer + 1]
    return weights.astype(np.float32)


def _within(layer: Pick) -> Pick:
    """The layer's place in what ``_weights`` returns."""
    if isinstance(layer, int):
        return 0
    return layer


def _hidden_share(shown: np.ndarray, columns: list[int]) -> float:
    """The share of the shown rows' weight [R, C] that lies in none of the ``columns``."""
    total = shown.sum()
    if not total > 0:
        return 0.0
    return float(1 - shown[:, columns].sum() / total)
