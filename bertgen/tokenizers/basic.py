"""BERT's rule-based cut of a text into words, before WordPiece.

`tokenizers.normalizers.BertNormalizer` with `BertPreTokenizer` does nearly the same, but by older tables of
Unicode characters, and it composes no accents (NFC) where they are kept. Between 500 and 1,500 assigned
characters, by the options, come out otherwise than from the reference's slow tokenizer, and every code point
that is not assigned does: this one is equal to it everywhere.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterable

# Blocks of Chinese characters: first and last code point.
_CJK = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip


class _Table(dict):
    """A table for `str.translate` that is worked out as characters come up.

    `str.translate` looks up every character: it keeps what it finds, and drops a character at None.
    """

    def __init__(self, rule: Callable[[int, str], str | None]) -> None:
        super().__init__()
        self._rule = rule

    def __missing__(self, code: int) -> str | None:
        self[code] = value = self._rule(code, chr(code))
        return value


def _cleaned(code: int, char: str) -> str | None:
    """White space is a space; control characters, unassigned ones and U+FFFD are dropped."""
    if char in "\t\n\r" or unicodedata.category(char) == "Zs":
        return " "
    if code in (0, 0xFFFD) or unicodedata.category(char)[0] == "C":
        return None
    return char


def _cleaned_and_spaced(code: int, char: str) -> str | None:
    """`_cleaned`, with a space on both sides of a Chinese character."""
    cleaned = _cleaned(code, char)
    # Code points of these blocks that are not assigned yet are dropped before they can be spaced.
    if cleaned is not None and any(low <= code <= high for low, high in _CJK):
        return f" {char} "
    return cleaned


def _set_off(code: int, char: str) -> str:
    """A space on both sides of punctuation, and of every ASCII sign ("$" is no punctuation in Unicode)."""
    ascii_sign = 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126
    if ascii_sign or unicodedata.category(char)[0] == "P":
        return f" {char} "
    return char


def _without_marks(code: int, char: str) -> str | None:
    if unicodedata.category(char) == "Mn":
        return None
    return char


_CLEANED, _CLEANED_AND_SPACED = _Table(_cleaned), _Table(_cleaned_and_spaced)
_SET_OFF, _WITHOUT_MARKS = _Table(_set_off), _Table(_without_marks)


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
        never_split = self.never_split.union(never_split or ())
        strip_accents = self.strip_accents
        if strip_accents is None:
            strip_accents = self.do_lower_case
        # 1) Clean the text, and set Chinese characters off.
        table = _CLEANED
        if self.tokenize_chinese_chars:
            table = _CLEANED_AND_SPACED
        text = unicodedata.normalize("NFC", text.translate(table))
        words = []
        for word in text.split():
            # 2) Lower-case the word and drop its accents: NFD takes "é" apart, the mark goes, "e" stays.
            if word not in never_split:
                if self.do_lower_case:
                    word = word.lower()
                if strip_accents:
                    word = unicodedata.normalize("NFD", word).translate(_WITHOUT_MARKS)
            # 3) Set punctuation off, unless lower-casing has made one of the protected words of it.
            if word not in never_split:
                word = word.translate(_SET_OFF)
            words.append(word)
        return " ".join(words).split()
