"""Shortening ready ids."""

from __future__ import annotations

import logging

from bertgen.tokenizers.reference.options import TruncationStrategy

logger = logging.getLogger(__name__)


def truncate(
    ids: list[int],
    pair_ids: list[int] | None,
    remove: int,
    strategy: str | TruncationStrategy = TruncationStrategy.LONGEST_FIRST,
    stride: int = 0,
    side: str = "right",
) -> tuple[list[int], list[int] | None, list[int]]:
    """Drop `remove` tokens from a sequence or a pair.

    Returns the first ids, the pair ids and the removed tokens with `stride` of the remaining ones beside
    them (empty for a pair shortened longest first). What cannot be done is logged and left undone.
    """
    strategy = TruncationStrategy(strategy)
    if remove <= 0 or strategy is TruncationStrategy.DO_NOT_TRUNCATE:
        return ids, pair_ids, []
    if strategy is TruncationStrategy.LONGEST_FIRST and pair_ids is not None:
        from_first, from_second = _shares(len(ids), len(pair_ids), remove)
        return _drop(ids, from_first, side), _drop(pair_ids, from_second, side), []
    if strategy is TruncationStrategy.ONLY_SECOND:
        if pair_ids is None:
            return ids, pair_ids, []
        pair_ids, overflow = _truncate_one(pair_ids, remove, stride, side, "second")
        return ids, pair_ids, overflow
    ids, overflow = _truncate_one(ids, remove, stride, side, "first")
    return ids, pair_ids, overflow


def _truncate_one(
    ids: list[int], remove: int, stride: int, side: str, which: str
) -> tuple[list[int], list[int]]:
    # Removing everything is refused, too: a sequence without tokens is no input.
    if len(ids) <= remove:
        logger.error(
            "cannot remove %d tokens: the %s sequence has %d; use another truncation",
            remove, which, len(ids),
        )  # fmt: skip
        return ids, []
    window = min(len(ids), stride + remove)
    overflow = ids[-window:]
    if side == "left":
        overflow = ids[:window]
    return _drop(ids, remove, side), overflow


def _drop(ids: list[int], count: int, side: str) -> list[int]:
    # `ids[:-0]` would be empty.
    if count <= 0:
        return ids
    if side == "left":
        return ids[count:]
    return ids[:-count]


def _shares(first: int, second: int, remove: int) -> tuple[int, int]:
    """How many of `remove` tokens each of two sequences gives: the longer first, then half and half."""
    difference = min(abs(second - first), remove)
    rest = remove - difference
    # Tokens go one at a time from the longer one, and from the second when both are equal: an odd one too.
    from_first, from_second = rest // 2, rest - rest // 2
    if first > second:
        return from_first + difference, from_second
    return from_first, from_second + difference
