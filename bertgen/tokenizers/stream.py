"""Decoding token by token: `StreamDecoder`, and the text of each kind of vocabulary in parts.

`WordPieceText`, `ByteLevelText` and `SentencePieceText` are a tokenizer's `convert_tokens_to_string`, one
token at a time: `put` gives the text that a token settles, `end` what was held back.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

import sentencepiece

if TYPE_CHECKING:
    from bertgen.tokenizers.core import TokenizerCore


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

    def __init__(self, tokenizer: TokenizerCore, skip_special_tokens: bool = True) -> None:
        self._tokenizer = tokenizer
        self._skip: frozenset[int] = frozenset()
        if skip_special_tokens:
            self._skip = tokenizer.special_ids
        # `decode` joins parts: runs of tokens, and tokens that are set off. One run is open at a time.
        self._set_off = tokenizer.tokens_set_off
        self._run = tokenizer.incremental_decoder()
        self._run_has_tokens = False
        self._run_has_text = False
        self._separator = ""  # what stands before the next part: nothing before the first
        self._clean_up: _CleanUp | None = None
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
            text = self._close_run(last=False)
            text += self._separator + token
            self._separator = " "
        else:
            self._run_has_tokens = True
            text = self._run.put(token)
            # With its first text the run becomes a part.
            if text and not self._run_has_text:
                text = self._separator + text
                self._separator, self._run_has_text = " ", True
        if self._clean_up is None:
            return text
        return self._clean_up.put(text)

    def end(self) -> str:
        """The text still held back; the decoder is used up."""
        self._ended = True
        text = self._close_run(last=True)
        if self._clean_up is None:
            return text
        return self._clean_up.put(text) + self._clean_up.end()

    def _close_run(self, last: bool) -> str:
        """The text that the open run held back; a fresh run is opened."""
        if not self._run_has_tokens:
            return ""
        text = self._run.end()
        # `decode` leaves out a run without text, but not the last one.
        if not self._run_has_text and (text or last):
            text = self._separator + text
            self._separator = " "
        self._run = self._tokenizer.incremental_decoder()
        self._run_has_tokens = self._run_has_text = False
        return text


class _CleanUp:
    """`clean_up_tokenization` of a text that arrives in parts.

    Text may be cut before a space that follows neither a space, an apostrophe nor an "n": none of the
    replacements can then reach across the cut, not even one made possible by another.
    """

    def __init__(self, tokenizer: TokenizerCore) -> None:
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


class Stripped:
    """`str.strip` of a text that arrives in parts: white space waits for what follows it."""

    _begun = False
    _space = ""  # what waits

    def put(self, text: str) -> str:
        """What of `text` is certain to stay, with the white space that waited."""
        if not self._begun:
            text = text.lstrip()
        text = self._space + text
        certain = text.rstrip()
        self._space = text[len(certain) :]
        self._begun = self._begun or bool(certain)
        return certain


class WordPieceText:
    """Text of WordPiece tokens: words joined by spaces, continuations glued on, the ends stripped."""

    def __init__(self, continuation: str) -> None:
        self._glue = " " + continuation
        self._first = True
        self._stripped = Stripped()

    def put(self, token: str) -> str:
        """Text that is certain once `token` is known."""
        if not self._first:
            token = " " + token
        self._first = False
        return self._stripped.put(token.replace(self._glue, ""))

    def end(self) -> str:
        """Nothing: what was held back is white space at the end."""
        return ""


class ByteLevelText:
    """Text of byte-level tokens: a character waits until all its bytes are there."""

    def __init__(self, bytes_of: Callable[[str], bytes], errors: str) -> None:
        self._bytes_of = bytes_of
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors)

    def put(self, token: str) -> str:
        """Text that is certain once `token` is known."""
        return self._decoder.decode(self._bytes_of(token))

    def end(self) -> str:
        """What was held back: an unfinished character, as the error rule has it."""
        return self._decoder.decode(b"", final=True)


class SentencePieceText:
    """Text of SentencePiece tokens: special ones glued in as they are between runs of pieces, each run as
    `SentencePieceProcessor.decode` gives it, the ends stripped.

    Once a run has text, a piece's own text depends on no other piece, so it is read off behind a fixed
    `anchor` piece. Only the start of a run is special (the model drops its leading space), and byte
    pieces are, which wait for their character.

    Args:
        model: the SentencePiece model.
        anchor: what `find_anchor` gives.
        special: the special tokens.
    """

    def __init__(
        self, model: sentencepiece.SentencePieceProcessor, anchor: tuple[str, int], special: Collection[str]
    ) -> None:
        self._model, self._special = model, special
        self._anchor, self._anchor_length = anchor
        self._lead: list[str] | None = []  # pieces of the run without text so far; None once it has text
        self._bytes: list[tuple[str, int]] = []  # byte pieces of a character not whole yet
        self._stripped = Stripped()

    def put(self, token: str) -> str:
        """Text that is certain once `token` is known."""
        # 1) A byte waits until its character is whole.
        index = self._model.piece_to_id(token)
        if self._model.is_byte(index) and token not in self._special:
            self._bytes.append((token, int(token[3:5], 16)))  # "<0xE2>"
            return self._stripped.put(self._take_characters())
        # 2) Any other token ends a character that is not whole.
        text = ""
        if self._bytes:
            text = self._decode_bytes(len(self._bytes))
        # 3) A special token stands as it is, and the next piece begins another run.
        if token in self._special:
            text += token
            self._lead = []
        # 4) Within a run a piece's text is what it adds to the anchor's.
        elif self._lead is None:
            text += self._model.decode([self._anchor, token])[self._anchor_length :]
        # 5) At its start the run is decoded as a whole, until it has text. A piece seen before, without text
        #    again, changes nothing: the lead stays short.
        else:
            begun = [*self._lead, token]
            begun_text = self._model.decode(begun)
            text += begun_text
            if begun_text:
                self._lead = None
            elif token not in self._lead:
                self._lead = begun
        return self._stripped.put(text)

    def end(self) -> str:
        """What was held back: an unfinished character, each of its bytes as U+FFFD; no trailing space."""
        return self._stripped.put(self._decode_bytes(len(self._bytes)))

    def _decode_bytes(self, count: int) -> str:
        """The text of the first `count` bytes that wait."""
        taken, self._bytes = self._bytes[:count], self._bytes[count:]
        text = self._model.decode([piece for piece, _ in taken])
        if text:
            self._lead = None
        return text

    def _take_characters(self) -> str:
        """The text of all waiting bytes that are settled."""
        text = ""
        while self._bytes:
            count = settled_bytes(bytes(value for _, value in self._bytes))
            if not count:
                break
            text += self._decode_bytes(count)
        return text


def find_anchor(model: sentencepiece.SentencePieceProcessor) -> tuple[str, int]:
    """An ordinary piece with text of its own, and that text's length in characters.

    Raises:
        ValueError: the model has none, so it can decode nothing.
    """
    for index in range(model.get_piece_size()):
        if model.is_byte(index) or model.is_control(index) or model.is_unknown(index):
            continue
        piece = model.id_to_piece(index)
        text = model.decode([piece])
        if text.strip():
            return piece, len(text)
    raise ValueError("the SentencePiece model holds no piece with text")


def settled_bytes(data: bytes) -> int:
    """How many leading bytes are settled: a whole character's, 1 when they cannot start one, 0 to wait."""
    # 1) The first byte says how many a character has (RFC 3629).
    first = data[0]
    if first < 0x80:
        return 1
    if first < 0xC2 or first > 0xF4:  # a byte from inside a character, or one that UTF-8 does not have
        return 1
    if first < 0xE0:
        need = 2
    elif first < 0xF0:
        need = 3
    else:
        need = 4
    # 2) The others must continue it.
    if any(not 0x80 <= byte < 0xC0 for byte in data[1:need]):
        return 1
    if len(data) < need:
        return 0
    # 3) What is left may still be overlong, or a surrogate.
    try:
        data[:need].decode("utf-8")
    except UnicodeDecodeError:
        return 1
    return need
