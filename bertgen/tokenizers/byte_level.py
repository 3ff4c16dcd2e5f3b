"""The core of byte-level BPE tokenizers: words as bytes, bytes joined by the merges that were learned."""

from __future__ import annotations

from typing import Any

from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

from bertgen.tokenizers.core import TokenizerCore
from bertgen.tokenizers.reference.exceptions import UnknownIdError
from bertgen.tokenizers.stream import ByteLevelText


def _byte_alphabet() -> dict[str, int]:
    """Character -> byte: printable Latin-1 stands for itself, the rest for U+0100 on, as in GPT-2."""
    itself = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in set(itself)]
    return {chr(byte): byte for byte in itself} | {chr(256 + i): byte for i, byte in enumerate(others)}


BYTE_OF = _byte_alphabet()


def bytes_of(token: str) -> bytes:
    """The bytes that a token stands for; characters outside the alphabet stand for themselves."""
    try:
        return bytes([BYTE_OF[char] for char in token])
    except KeyError:
        # A token that was put into the vocabulary as plain text.
        parts = (bytes([BYTE_OF[c]]) if c in BYTE_OF else c.encode("utf-8", "surrogatepass") for c in token)
        return b"".join(parts)


class ByteLevelTokenizer(TokenizerCore):
    """Text to pieces, pieces to ids and back, by `encoder` (piece -> id) and the merges."""

    encoder: dict[str, int]
    decoder: dict[int, str]
    errors: str  # what to do with bytes that are no UTF-8 when decoding
    _merges: list[tuple[str, str]]

    def _load_model(self) -> None:
        """The merges as a BPE model over every piece they can make: which of them are in the
        vocabulary is decided when pieces become ids, as in the reference."""
        pieces = dict.fromkeys([*BYTE_OF, *self.encoder])
        for first, second in self._merges:
            pieces.update(dict.fromkeys((first, second, first + second)))
        ids = {piece: index for index, piece in enumerate(pieces)}
        self._model = BPE(vocab=ids, merges=self._merges)
        self._words = ByteLevel(add_prefix_space=False)

    # A pickle or a copy holds the vocabulary once; the library's models are made from it again.
    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_model": None, "_words": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._load_model()

    @property
    def vocab_size(self) -> int:
        """Size of the vocabulary file, added tokens not counted."""
        return len(self.encoder)

    def get_vocab(self) -> dict[str, int]:
        """Token -> id, added tokens included."""
        return self.encoder | self.added_tokens_encoder

    # --- text -> tokens -> ids ---------------------------------------------------------------
    def _tokenize(self, text: str) -> list[str]:
        # Words keep the space before them, and their bytes are written in the byte alphabet.
        words = self._words.pre_tokenize_str(text)
        return [piece.value for word, _ in words for piece in self._model.tokenize(word)]

    def _convert_token_to_id(self, token: str) -> int | None:
        index = self.encoder.get(token)
        if index is None:
            index = self._unknown_id(self.encoder)
        return index

    # --- ids -> tokens -> text ---------------------------------------------------------------
    def _convert_id_to_token(self, index: int) -> str | None:
        return self.decoder.get(index)

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        """The text of the tokens' bytes; broken characters as `errors` says."""
        return b"".join(map(self._bytes_of, tokens)).decode("utf-8", errors=self.errors)

    def _bytes_of(self, token: str | None) -> bytes:
        if token is None:
            raise UnknownIdError(f"an id is outside the vocabulary of {len(self)} tokens")
        return bytes_of(token)

    def incremental_decoder(self) -> ByteLevelText:
        """A fresh incremental `convert_tokens_to_string`, see `StreamDecoder`."""
        return ByteLevelText(self._bytes_of, self.errors)

    def piece_surface(self, piece: str) -> tuple[bool, str]:
        """Whether a piece begins a word (with white space), and its whole characters."""
        text = bytes_of(piece).decode("utf-8", errors="ignore")
        return text[:1].isspace(), text.strip()
