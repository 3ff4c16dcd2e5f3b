"""How padding, truncation and lengths are asked for, and what is meant by it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

logger = logging.getLogger(__name__)

NO_LIMIT = int(1e30)  # model_max_length of a tokenizer that knows none
LARGE = int(1e20)  # anything above counts as "no limit"


class _Choice(StrEnum):
    @classmethod
    def _missing_(cls, value: object):
        raise ValueError(f"{value!r} is not one of {[member.value for member in cls]}")


class PaddingStrategy(_Choice):
    """Values of the `padding` argument."""

    LONGEST = "longest"
    MAX_LENGTH = "max_length"
    DO_NOT_PAD = "do_not_pad"


class TruncationStrategy(_Choice):
    """Values of the `truncation` argument."""

    ONLY_FIRST = "only_first"
    ONLY_SECOND = "only_second"
    LONGEST_FIRST = "longest_first"
    DO_NOT_TRUNCATE = "do_not_truncate"


@dataclass(frozen=True)
class EncodeOptions:
    """The resolved arguments of one call, see `PreTrainedTokenizer.__call__`."""

    padding: PaddingStrategy = PaddingStrategy.DO_NOT_PAD
    truncation: TruncationStrategy = TruncationStrategy.DO_NOT_TRUNCATE
    max_length: int | None = None
    add_special_tokens: bool = True
    stride: int = 0
    pad_to_multiple_of: int | None = None
    return_tensors: str | None = None
    return_token_type_ids: bool | None = None
    return_attention_mask: bool | None = None
    return_overflowing_tokens: bool = False
    return_special_tokens_mask: bool = False
    return_length: bool = False
    verbose: bool = True


def resolve_strategies(
    padding: bool | str | PaddingStrategy,
    truncation: bool | str | TruncationStrategy | None,
    max_length: int | None,
    model_max_length: int,
) -> tuple[PaddingStrategy, TruncationStrategy, int | None, list[str]]:
    """What `padding`, `truncation` and `max_length` mean together.

    Returns the two strategies, the length to use (None: none), and remarks for the user. A bare
    `max_length` switches truncation on; a strategy that needs a length the tokenizer does not know
    is switched off.
    """
    remarks = []
    if max_length is not None and padding is False and truncation is None:
        remarks.append("max_length is given without truncation: truncating (pass truncation=True to say so)")
        truncation = TruncationStrategy.LONGEST_FIRST
    if padding is True and max_length is not None and truncation in (None, False, "do_not_truncate"):
        remarks.append(
            "max_length does nothing with padding=True and no truncation; use padding='max_length'"
        )

    pad = PaddingStrategy.LONGEST if padding is True else PaddingStrategy(padding or "do_not_pad")
    cut = TruncationStrategy.LONGEST_FIRST if truncation is True else truncation
    cut = TruncationStrategy(cut or "do_not_truncate")

    if max_length is None:
        limit = None if model_max_length > LARGE else model_max_length
        if pad is PaddingStrategy.MAX_LENGTH:
            max_length = limit
            if limit is None:
                remarks.append(
                    "padding='max_length' without a max_length, and the tokenizer has none: no padding"
                )
                pad = PaddingStrategy.DO_NOT_PAD
        if cut is not TruncationStrategy.DO_NOT_TRUNCATE:
            max_length = limit
            if limit is None:
                remarks.append("truncation without a max_length, and the tokenizer has none: no truncation")
                cut = TruncationStrategy.DO_NOT_TRUNCATE
    return pad, cut, max_length, remarks


def truncate(
    ids: list[int],
    pair_ids: list[int] | None,
    remove: int,
    strategy: str | TruncationStrategy = TruncationStrategy.LONGEST_FIRST,
    stride: int = 0,
    side: str = "right",
) -> tuple[list[int], list[int] | None, list[int]]:
    """Drop `remove` tokens from a sequence or a pair.

    Returns the first ids, the pair ids and the removed tokens with `stride` kept ones beside them
    (empty for a pair shortened longest first). What cannot be done is logged and left undone.
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


def _truncate_one(ids: list[int], remove: int, stride: int, side: str, which: str):
    if len(ids) <= remove:
        logger.error(
            "cannot remove %d tokens: the %s sequence has %d; use another truncation",
            remove, which, len(ids),
        )  # fmt: skip
        return ids, []
    window = min(len(ids), stride + remove)
    overflow = ids[:window] if side == "left" else ids[-window:]
    return _drop(ids, remove, side), overflow


def _drop(ids: list[int], count: int, side: str) -> list[int]:
    if count <= 0:
        return ids
    return ids[count:] if side == "left" else ids[:-count]


def _shares(first: int, second: int, remove: int) -> tuple[int, int]:
    """How many of `remove` tokens each of two sequences gives: the longer first, then half and half."""
    difference = min(abs(second - first), remove)
    rest = remove - difference
    if first > second:
        return difference + rest // 2, rest - rest // 2
    return rest // 2, difference + rest - rest // 2


def padded(ids: list[Any], filler: Any, count: int, side: str) -> list[Any]:
    """`ids` with `count` fillers on `side`; anything but "left" and "right" is a ValueError."""
    if side not in ("left", "right"):
        raise ValueError(f"padding_side must be 'right' or 'left', got {side!r}")
    return [filler] * count + ids if side == "left" else ids + [filler] * count
