"""BERT's rule-based cut of a text into words, before WordPiece."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable

_CJK = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip


class _Table(dict):
    """A table for `str.translate` that is worked out as characters come up."""

    def __init__(self, rule) -> None:
        super().__init__()
        self._rule = rule

    def __missing__(self, code: int) -> str | None:
        self[code] = value = self._rule(code, chr(code))
        return value


def _cleaned(code: int, char: str) -> str | None:
    if char in "\t\n\r" or unicodedata.category(char) == "Zs":
        return " "
    if code in (0, 0xFFFD) or unicodedata.category(char)[0] == "C":
        return None
    return char


def _spaced(code: int, char: str) -> str | None:
    cleaned = _cleaned(code, char)
    chinese = cleaned is not None and any(low <= code <= high for low, high in _CJK)
    return f" {char} " if chinese else cleaned  # unassigned code points of these blocks are gone


def _set_off(code: int, char: str) -> str:
    ascii_sign = 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126
    return f" {char} " if ascii_sign or unicodedata.category(char)[0] == "P" else char


def _without_marks(code: int, char: str) -> str | None:
    return None if unicodedata.category(char) == "Mn" else char


_CLEANED, _SPACED, _SET_OFF = _Table(_cleaned), _Table(_spaced), _Table(_set_off)
_WITHOUT_MARKS = _Table(_without_marks)


class BasicTokenizer:
    """Words of a text by BERT's rules (the slow tokenizer of transformers 4.37.2).

    Control characters go, white space is one space, Chinese characters and punctuation stand alone.

    Args:
        do_lower_case: lower-case the words.
        never_split: words that are left as they are.
        tokenize_chinese_chars: cut around each Chinese character.
        strip_accents: drop combining marks; None: when lower-casing.
    """

    def __init__(
        self,
        do_lower_case: bool = True,
        never_split: Iterable[str] | None = None,
        tokenize_chinese_chars: bool = True,
        strip_accents: bool | None = None,
    ) -> None:
        self.do_lower_case = do_lower_case
        self.never_split = set(never_split or ())
        self.tokenize_chinese_chars = tokenize_chinese_chars
        self.strip_accents = strip_accents

    def tokenize(self, text: str, never_split: Collection[str] | None = None) -> list[str]:
        """The words of `text`; those in `never_split` too are left as they are."""
        kept = self.never_split.union(never_split or ())
        text = text.translate(_SPACED if self.tokenize_chinese_chars else _CLEANED)
        strips = self.do_lower_case if self.strip_accents is None else self.strip_accents
        words = []
        for word in unicodedata.normalize("NFC", text).split():
            if word not in kept:
                word = word.lower() if self.do_lower_case else word
                if strips:
                    word = unicodedata.normalize("NFD", word).translate(_WITHOUT_MARKS)
            words.append(word if word in kept else word.translate(_SET_OFF))
        return " ".join(words).split()
