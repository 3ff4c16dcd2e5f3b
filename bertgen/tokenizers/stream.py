"""Decoding token by token, and grouping pieces into words."""

from __future__ import annotations

import itertools
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
        self._skip: set[int] = set()
        if skip_special_tokens:
            self._skip.update(tokenizer.all_special_ids)
        # `decode` joins parts: runs of tokens, and tokens that are set off. One run is open at a time.
        self._set_off = tokenizer.tokens_set_off()
        self._run = tokenizer.incremental_decoder()
        self._run_has_tokens = False
        self._run_has_text = False
        self._wrote_part = False
        self._clean_up: _CleanUp | _AsItIs = _AsItIs()
        if tokenizer.clean_up_tokenization_spaces:
            self._clean_up = _CleanUp(tokenizer)
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
            # The run is over, and the token is a part of its own.
            text = self._close_run(last=False) + self._separator() + token
        else:
            self._run_has_tokens = True
            text = self._text_of_run(self._run.put(token))
        return self._clean_up.put(text)

    def end(self) -> str:
        """The text still held back; the decoder is used up."""
        self._ended = True
        return self._clean_up.put(self._close_run(last=True)) + self._clean_up.end()

    def _text_of_run(self, text: str) -> str:
        """`text` of the open run, with a space before it when it is the run's first and another part was."""
        if text and not self._run_has_text:
            text = self._separator() + text
            self._run_has_text = True
        return text

    def _separator(self) -> str:
        """What stands before a part that begins now: nothing before the first."""
        if self._wrote_part:
            return " "
        self._wrote_part = True
        return ""

    def _close_run(self, last: bool) -> str:
        if not self._run_has_tokens:
            return ""
        text = self._text_of_run(self._run.end())
        # `decode` leaves out a run without text, but not the last one.
        if last and not self._run_has_text:
            text += self._separator()
        self._run = self._tokenizer.incremental_decoder()
        self._run_has_tokens = self._run_has_text = False
        return text


class _AsItIs:
    """A text that arrives in parts and is not changed."""

    def put(self, text: str) -> str:
        return text

    def end(self) -> str:
        return ""


class _CleanUp:
    """`clean_up_tokenization` of a text that arrives in parts.

    Text may be cut before a space that follows neither a space, an apostrophe nor an "n": none of the
    replacements can then reach across the cut, not even one made possible by another.
    """

    def __init__(self, tokenizer: PreTrainedTokenizer) -> None:
        self._clean = tokenizer.clean_up_tokenization
        self._held = ""

    def put(self, text: str) -> str:
        # What was held before has no place for a cut, but for its last character: it was at the end.
        searched = max(len(self._held) - 1, 0)
        self._held += text
        # The last place that will do, so that as little as possible is held.
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
