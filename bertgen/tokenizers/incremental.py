"""`convert_tokens_to_string` of each kind of tokenizer, one piece at a time."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Collection

import sentencepiece


class Stripped:
    """`str.strip` of a text that arrives in parts: white space waits for what follows it."""

    def __init__(self) -> None:
        self._begun = False
        self._space = ""

    def put(self, text: str) -> str:
        """What of `text` is certain to stay, with the white space that waited."""
        if not self._begun:
            text = text.lstrip()
        text = self._space + text
        kept = text.rstrip()
        self._space = text[len(kept) :]
        self._begun = self._begun or bool(kept)
        return kept


class WordPieceRun:
    """Text of WordPiece tokens: words joined by spaces, continuations glued on, the ends stripped."""

    def __init__(self, continuation: str) -> None:
        self._glue = " " + continuation
        self._first = True
        self._stripped = Stripped()

    def put(self, token: str) -> str:
        """Text that is certain once `token` is known."""
        text = token if self._first else " " + token
        self._first = False
        return self._stripped.put(text.replace(self._glue, ""))

    def end(self) -> str:
        """Nothing: what was held back is white space at the end."""
        return ""


class ByteLevelRun:
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
    """Text of SentencePiece tokens: special ones glued in as they are between runs of pieces, the
    ends stripped."""

    def __init__(self, new_run: Callable[[], SentencePieceRun], special: Collection[str]) -> None:
        self._new_run, self._special = new_run, special
        self._run = new_run()
        self._stripped = Stripped()

    def put(self, token: str) -> str:
        """Text that is certain once `token` is known."""
        if token in self._special:
            text = self._run.end() + token
            self._run = self._new_run()
        else:
            text = self._run.put(token)
        return self._stripped.put(text)

    def end(self) -> str:
        """What was held back, trailing white space excepted."""
        return self._stripped.put(self._run.end())


class SentencePieceRun:
    """Text of a run of pieces as `SentencePieceProcessor.decode` gives it, piece by piece.

    Once a run has text, a piece's own text depends on no other piece, so it is read off behind a fixed
    `anchor` piece. Only the start of a run is special (the model drops its leading space), and byte
    pieces are, which wait for their character.
    """

    def __init__(self, model: sentencepiece.SentencePieceProcessor, anchor: tuple[str, int]) -> None:
        self._model = model
        self._anchor, self._anchor_length = anchor
        self._lead: list[str] | None = []  # pieces without text so far; None once there was text
        self._bytes: list[tuple[str, int]] = []  # byte pieces of a character not whole yet

    def put(self, piece: str) -> str:
        """Text that is certain once `piece` is known."""
        index = self._model.piece_to_id(piece)
        if self._model.is_byte(index):
            self._bytes.append((piece, int(piece[3:5], 16)))  # "<0xE2>"
            text = self._take_characters()
            self._lead = None if text else self._lead
            return text
        text = self.end()
        if self._lead is None:
            return text + self._model.decode([self._anchor, piece])[self._anchor_length :]
        if piece not in self._lead:  # seen again, it changes nothing: neither text nor state
            self._lead.append(piece)
        elif self._model.decode([*self._lead, piece]) == "":
            return text
        else:
            self._lead.append(piece)
        lead_text = self._model.decode(self._lead)
        if lead_text:
            self._lead = None
        return text + lead_text

    def end(self) -> str:
        """What was held back: the bytes of an unfinished character, each as U+FFFD."""
        if not self._bytes:
            return ""
        self._lead = None
        return self._flush(len(self._bytes))

    def _flush(self, count: int) -> str:
        taken, self._bytes = self._bytes[:count], self._bytes[count:]
        return self._model.decode([piece for piece, _ in taken])

    def _take_characters(self) -> str:
        text = ""
        while self._bytes:
            count = _whole_or_broken(bytes(value for _, value in self._bytes))
            if not count:
                break
            text += self._flush(count)
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


def _whole_or_broken(data: bytes) -> int:
    """How many leading bytes are settled: a whole character's, 1 when they cannot start one, 0 to wait."""
    first = data[0]
    need = 1 if first < 0x80 else 2 if 0xC2 <= first < 0xE0 else 3 if first < 0xF0 else 4
    if 0x80 <= first < 0xC2 or first > 0xF4:
        return 1
    if any(not 0x80 <= byte < 0xC0 for byte in data[1:need]):
        return 1
    if len(data) < need:
        return 0
    try:
        data[:need].decode("utf-8")
    except UnicodeDecodeError:  # overlong, or a surrogate
        return 1
    return need
