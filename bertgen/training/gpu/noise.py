"""Noised texts for denoising (Lewis et al. 2020), a whole epoch of ids at once."""

from __future__ import annotations

import numpy as np

from bertgen.training.gpu.model import OTHER_START
from bertgen.training.gpu.packed import Rows

MASK = OTHER_START  # the separator's id, which no text holds
CLEAN = 0.2  # rows left alone: they teach to copy
DROPPED, MASKED, REPLACED = 0.08, 0.18, 0.03


def noised(rows: Rows, vocabulary: int, chance: np.random.Generator) -> Rows:
    """Rows whose targets are the sources of `rows` and whose sources are noised.

    Ids are dropped, runs of masked ones become one mask, some are replaced by any other id. `rows` have to
    lie one after the other, with empty targets.
    """
    tokens, lengths = rows.tokens, rows.source_length.astype(np.int64)
    row_of = np.repeat(np.arange(len(rows)), lengths)
    alone = (chance.random(len(rows)) < CLEAN)[row_of]
    draw = chance.random(len(tokens), dtype=np.float32)
    # Masked places stand in runs: a place is masked where a slower draw, shared by three places, says so.
    masked = np.repeat(chance.random(len(tokens) // 3 + 1, dtype=np.float32), 3)[: len(tokens)] < MASKED
    masked &= ~alone
    dropped = (draw < DROPPED) & ~alone & ~masked
    replaced = (draw > 1 - REPLACED) & ~alone & ~masked
    changed = tokens.copy()
    changed[masked] = MASK
    changed[replaced] = chance.integers(5, vocabulary, int(replaced.sum()), dtype=np.uint16)
    follows = np.zeros(len(tokens), dtype=bool)
    follows[1:] = masked[1:] & masked[:-1] & (row_of[1:] == row_of[:-1])
    keep = ~(dropped | follows)
    left = np.bincount(row_of[keep], minlength=len(rows)).astype(np.int32)
    starts = np.cumsum(left, dtype=np.int64) - left
    ids = np.concatenate([changed[keep], tokens])
    result = Rows(ids, starts, left, rows.source_start + int(keep.sum()), rows.source_length)
    return result.taken(np.flatnonzero(left > 0))
