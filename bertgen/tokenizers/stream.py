"""Decoding token by token, and grouping pieces into words."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bertgen.tokenizers.base import PreTrainedTokenizer

_APOSTROPHES_AND_HYPHENS = frozenset("'’-‐‑")
_DIGIT_SEPARATORS = frozenset(".,:")


class StreamDecoder:
    """`tokenizer.decode`, one id at a time.

    The texts of all `put` calls and of `end` joined are exactly `tokenizer.decode(ids,
    skip_special_tokens)`. No text ever holds half a character: bytes wait until their character is
    whole (a broken sequence becomes U+FFFD, as in `decode`). Where `decode` strips the end, white space
    waits for what follows it. With the tokenizer's `clean_up_tokenization_spaces` on, about a word
    is held back, since clean-up rewrites text across tokens. Each `put` costs the same, however long
    the text.

    Not for models whose SentencePiece file carries a denormalisation table (rare).
    """

    def __init__(self, tokenizer: PreTrainedTokenizer, skip_special_tokens: bool = True) -> None:
        self._tokenizer = tokenizer
        self._skip = set(tokenizer.all_special_ids) if skip_special_tokens else set()
        self._set_off = tokenizer.tokens_set_off()
        self._run = tokenizer.incremental_decoder()
        self._part_open = False  # tokens have arrived since the last token that is set off
        self._part_begun = False  # and some text of theirs is out
        self._wrote_part = False
        self._tidy = _CleanUp(tokenizer) if tokenizer.clean_up_tokenization_spaces else None
        self._ended = False

    def put(self, token_id: int) -> str:
        """The text that this id settles; often "" while a character or a space is pending.

        Raises:
            IndexError: an id outside the vocabulary. RuntimeError: after `end`.
        """
        if self._ended:
            raise RuntimeError("this StreamDecoder has ended; make a new one for the next text")
        token_id = int(token_id)
        if token_id in self._skip:
            return ""
        token = self._tokenizer.convert_ids_to_tokens(token_id)
        if token in self._set_off:
            text = self._close_part(last=False) + self._begin_part() + token
            return self._tidied(text)
        self._part_open = True
        return self._tidied(self._write(self._run.put(token)))

    def end(self) -> str:
        """The text still held back; the decoder is used up."""
        self._ended = True
        text = self._close_part(last=True)
        return text if self._tidy is None else self._tidy.put(text) + self._tidy.end()

    def _tidied(self, text: str) -> str:
        return text if self._tidy is None else self._tidy.put(text)

    def _write(self, text: str) -> str:
        """`text` of the open part, with a space before it when it is the part's first and another was."""
        if text and not self._part_begun:
            text = self._begin_part() + text
            self._part_begun = True
        return text

    def _begin_part(self) -> str:
        space = " " if self._wrote_part else ""
        self._wrote_part = True
        return space

    def _close_part(self, last: bool) -> str:
        if not self._part_open:
            return ""
        text = self._write(self._run.end())
        if last and not self._part_begun:  # decode joins an empty last part too
            text += self._begin_part()
        self._run = self._tokenizer.incremental_decoder()
        self._part_open = self._part_begun = False
        return text


class _CleanUp:
    """`clean_up_tokenization` of a text that arrives in parts.

    Text may be cut before a space that follows neither a space, an apostrophe nor an "n": none of the
    replacements can then reach across the cut, not even one made possible by another.
    """

    def __init__(self, tokenizer: PreTrainedTokenizer) -> None:
        self._clean = tokenizer.clean_up_tokenization
        self._held = ""

    def put(self, text: str) -> str:
        searched = max(len(self._held) - 1, 0)
        self._held += text
        for cut in range(len(self._held) - 1, searched - 1, -1):
            if cut and self._held[cut] == " " and self._held[cut - 1] not in " 'n":
                done, self._held = self._held[:cut], self._held[cut:]
                return self._clean(done)
        return ""

    def end(self) -> str:
        held, self._held = self._held, ""
        return self._clean(held)


def word_groups(tokenizer: PreTrainedTokenizer, ids: Sequence[int]) -> list[int]:
    """Index of the word that each piece belongs to, from 0, one per id.

    A new word begins at
    - a special or added token, which is a word of its own,
    - a piece with a leading space mark, or of WordPiece one without `##` (the first piece always),
    - a piece of punctuation or symbols only, unless the piece before is punctuation too ("..."),
    - a letter piece after such a punctuation piece: "(sofa)." is "(" "sofa" ")." .
    Byte pieces and all other pieces continue the word before them. An apostrophe or hyphen between two
    letter pieces, and a dot, comma or colon between two digits, stay inside the word ("don't", "3.5").
    """
    ids = [int(index) for index in ids]
    added = set(tokenizer.added_tokens_decoder)
    tokens = tokenizer.convert_ids_to_tokens(ids)
    pieces = [None if i in added else tokenizer.piece_surface(t) for i, t in zip(ids, tokens, strict=True)]
    words: list[int] = []
    word, before = -1, None  # `before`: text of the piece before, None where a word must begin
    for i, piece in enumerate(pieces):
        if piece is None:
            word, before = word + 1, None
            words.append(word)
            continue
        starts, text = piece
        following = pieces[i + 1] if i + 1 < len(pieces) else None
        inside = following is not None and not following[0] and _stays_inside(before, text, following[1])
        turns = bool(text and before) and not inside and _is_punctuation(text) != _is_punctuation(before)
        if starts or before is None or turns:
            word += 1
        words.append(word)
        if starts or before is None or not (inside or not text):
            before = text  # bytes and joints leave it, so that what follows continues the word
    return words


def _is_punctuation(text: str) -> bool:
    return bool(text) and all(unicodedata.category(char)[0] in "PS" for char in text)


def _stays_inside(before: str | None, text: str, after: str) -> bool:
    if not before or not after or len(text) != 1:
        return False
    if text in _DIGIT_SEPARATORS:
        return before[-1].isdigit() and after[0].isdigit()
    return text in _APOSTROPHES_AND_HYPHENS and before[-1].isalnum() and after[0].isalnum()
