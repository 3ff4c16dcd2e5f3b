"""How padding, truncation and lengths are asked for, and what is meant by it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from numbers import Integral
from typing import Any

LARGE = int(1e20)  # anything above counts as "no limit"

# The order of a call's arguments after the texts, for callers who give them by position.
CALL_ORDER = (
    "add_special_tokens", "padding", "truncation", "max_length", "stride", "is_split_into_words",
    "pad_to_multiple_of", "return_tensors", "return_token_type_ids", "return_attention_mask",
    "return_overflowing_tokens", "return_special_tokens_mask", "return_offsets_mapping", "return_length",
    "verbose",
)  # fmt: skip


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

    @property
    def pads(self) -> bool:
        """Whether rows are padded."""
        return self.padding is not PaddingStrategy.DO_NOT_PAD

    @property
    def truncates(self) -> bool:
        """Whether rows are shortened."""
        return self.truncation is not TruncationStrategy.DO_NOT_TRUNCATE


def modern_spelling(arguments: dict[str, Any]) -> dict[str, Any]:
    """`pad_to_max_length` and `truncation_strategy` as today's `padding` and `truncation`; the latter win."""
    arguments = dict(arguments)
    old_padding = arguments.pop("pad_to_max_length", False)
    old_truncation = arguments.pop("truncation_strategy", "do_not_truncate")
    padding = arguments.setdefault("padding", False)
    truncation = arguments.setdefault("truncation", None)
    max_length = arguments.setdefault("max_length", None)
    if padding is False and old_padding and max_length is None:
        arguments["padding"] = "longest"
    elif padding is False and old_padding:
        arguments["padding"] = "max_length"
    if truncation is None and old_truncation != "do_not_truncate":
        arguments["truncation"] = old_truncation
    return arguments


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
    if max_length is not None and (not isinstance(max_length, Integral) or max_length < 0):
        raise ValueError(f"max_length must be a whole number of tokens, got {max_length!r}")
    # 1) A length alone means truncation; with padding to the longest row it means nothing.
    if max_length is not None and padding is False and truncation is None:
        remarks.append("max_length is given without truncation: truncating (pass truncation=True to say so)")
        truncation = True
    if padding is True and max_length is not None and truncation in (None, False, "do_not_truncate"):
        remarks.append(
            "max_length does nothing with padding=True and no truncation; use padding='max_length'"
        )

    # 2) True is a spelling of one strategy, False and None of none.
    if padding is True:
        padding = PaddingStrategy.LONGEST
    if truncation is True:
        truncation = TruncationStrategy.LONGEST_FIRST
    pad = PaddingStrategy(padding or "do_not_pad")
    cut = TruncationStrategy(truncation or "do_not_truncate")
    if max_length is not None:
        return pad, cut, max_length, remarks

    # 3) Where a length is needed and none is given, it is the model's; if that has none, nothing is done.
    limit = None
    if model_max_length <= LARGE:
        limit = model_max_length
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
