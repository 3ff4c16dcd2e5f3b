"""Grouping pieces into words."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bertgen.tokenizers.core import TokenizerCore

_APOSTROPHES_AND_HYPHENS = frozenset("'’-‐‑")
_DIGIT_SEPARATORS = frozenset(".,:")


def word_groups(tokenizer: TokenizerCore, ids: Sequence[int]) -> list[int]:
    """Index of the word that each piece belongs to, from 0, one per id.

    A new word begins at
    - a special or added token, which is a word of its own,
    - a piece with a leading space mark, or of WordPiece one without `##` (the first piece always),
    - a piece of punctuation or symbols only, unless the piece before is punctuation too ("..."),
    - a letter piece after such a punctuation piece: "(sofa)." is "(" "sofa" ")." .
    Byte pieces and all other pieces continue the word before them. An apostrophe or hyphen between two
    letter pieces, and a dot, comma or colon between two digits, stay inside the word ("don't", "3.5").
    """
    # 1) Of each piece: does it begin a word, and what is its text? None for special and added tokens.
    ids = [int(index) for index in ids]
    added = tokenizer.added_tokens_decoder.keys()
    tokens = tokenizer.convert_ids_to_tokens(ids)
    surfaces: list[tuple[bool, str] | None] = []
    for index, token in zip(ids, tokens, strict=True):
        if index in added:
            surfaces.append(None)
        else:
            surfaces.append(tokenizer.piece_surface(token))
    # 2) A word begins, or goes on. `before` is the text that a piece is compared with: the last one that was
    #    neither a byte nor a joint; None where a word must begin.
    words: list[int] = []
    word, before = -1, None
    for surface, following in itertools.pairwise([*surfaces, None]):
        if surface is None:
            word, before = word + 1, None
            words.append(word)
            continue
        starts, text = surface
        # A joint: the apostrophe of "don't", the dot of "3.5".
        joint = following is not None and not following[0] and _joins(before, text, following[1])
        # Letters after punctuation, or punctuation after letters.
        turns = bool(text and before) and not joint and _is_punctuation(text) != _is_punctuation(before)
        if starts or before is None or turns:
            word += 1
        words.append(word)
        # Bytes and joints leave `before` as it is, so that what follows continues the word.
        if starts or before is None or (text and not joint):
            before = text
    return words


def _is_punctuation(text: str) -> bool:
    return bool(text) and all(unicodedata.category(char)[0] in "PS" for char in text)


def _joins(before: str | None, text: str, after: str) -> bool:
    """Whether `text` holds the word between two pieces together."""
    if not before or not after or len(text) != 1:
        return False
    if text in _DIGIT_SEPARATORS:
        return before[-1].isdigit() and after[0].isdigit()
    return text in _APOSTROPHES_AND_HYPHENS and before[-1].isalnum() and after[0].isalnum()
