"""The core of SentencePiece tokenizers: pieces of a trained model, `▁` for a space."""

from __future__ import annotations

import os
from typing import Any

import sentencepiece

from bertgen.errors import FileTrouble
from bertgen.tokenizers.core import TokenizerCore
from bertgen.tokenizers.reference.exceptions import BadSentencePiece
from bertgen.tokenizers.stream import SentencePieceText, find_anchor

SPACE = "▁"  # U+2581, a leading space inside a piece


def load_model(
    path: str, options: dict[str, Any], proto: bytes | None = None
) -> sentencepiece.SentencePieceProcessor:
    """The model in the file `path`, or in `proto` (a model file's bytes) where that is given.

    Raises:
        OSError: the file is missing. RuntimeError: it is no SentencePiece model.
    """
    # The options may not name another model: this one is read below.
    options = {**options, "model_file": None, "model_proto": None}
    # Documented as "no sampling"; the library itself raises.
    if options.get("nbest_size") in (0, 1):
        options["enable_sampling"] = False
    model = sentencepiece.SentencePieceProcessor(**options)
    if proto is not None:
        model.LoadFromSerializedProto(proto)
        return model
    if not os.path.isfile(path):
        raise FileTrouble("vocabulary.no_spiece", path=path)
    try:
        model.Load(path)
    except RuntimeError as error:
        raise BadSentencePiece("vocabulary.bad_spiece", path=path, said=str(error)) from error
    return model


def refuse_half_pairs(text: str, error: Exception) -> None:
    """Raises ``ValueError`` where a text holds half a surrogate pair, which no encoding can write."""
    for place, character in enumerate(text):
        if "\ud800" <= character <= "\udfff":
            raise ValueError(
                f"the text holds {character!r} at place {place}: half a surrogate pair, no character; "
                'text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") mends it'
            ) from error


class SentencePieceTokenizer(TokenizerCore):
    """Text to pieces, pieces to ids and back, by `sp_model`."""

    sp_model: sentencepiece.SentencePieceProcessor
    _anchor: tuple[str, int] | None = None  # found when a text is first decoded piece by piece

    @property
    def vocab_size(self) -> int:
        """Size of the SentencePiece model, added tokens not counted."""
        return self.sp_model.get_piece_size()

    def get_vocab(self) -> dict[str, int]:
        """Token -> id, added tokens included."""
        ids = list(range(self.vocab_size))
        pieces = self.sp_model.id_to_piece(ids)
        # A checkpoint may give a piece's id to an added token: then the piece is gone.
        for index in self._added_tokens_decoder.keys() & ids:
            pieces[index] = self._added_tokens_decoder[index].content
        return dict(zip(pieces, ids, strict=True)) | self.added_tokens_encoder

    def _tokenize(self, text: str) -> list[str]:
        try:
            return self.sp_model.encode(text, out_type=str)
        except RuntimeError as error:
            refuse_half_pairs(text, error)
            raise

    def _convert_token_to_id(self, token: str) -> int:
        try:
            return self.sp_model.piece_to_id(token)
        except TypeError as error:
            refuse_half_pairs(token, error)
            raise

    def _convert_id_to_token(self, index: int) -> str:
        if not 0 <= index < self.sp_model.get_piece_size():
            raise IndexError(f"id {index} is outside the vocabulary of {len(self)} tokens")
        return self.sp_model.id_to_piece(index)

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        """Text of pieces; special tokens are glued in as they are, the ends are stripped."""
        text = ""
        run: list[str] = []
        for token in tokens:
            if token in self.special_tokens:
                text += self.sp_model.decode(run) + token
                run = []
            else:
                run.append(token)
        return (text + self.sp_model.decode(run)).strip()

    def incremental_decoder(self) -> SentencePieceText:
        """A fresh incremental `convert_tokens_to_string`, see `StreamDecoder`."""
        if self._anchor is None:
            self._anchor = find_anchor(self.sp_model)
        return SentencePieceText(self.sp_model, self._anchor, self.special_tokens)

    def piece_surface(self, piece: str) -> tuple[bool, str]:
        """Whether a piece begins a word, and its text; "" for a byte piece."""
        if self.sp_model.is_byte(self.sp_model.piece_to_id(piece)):
            return False, ""
        return piece.startswith(SPACE), piece.replace(SPACE, "")
