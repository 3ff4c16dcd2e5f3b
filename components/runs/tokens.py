"""How the tokens of a run read, as its tokenizers say: the one place that looks into a vocabulary's pieces.

A SentencePiece, WordPiece or byte-level piece becomes a ``Surface``; ``components/views/lines.py`` joins
these into lines.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np

from bertgen import BertTokenizer, TokenStep
from bertgen.tokenizers import word_groups
from bertgen.tokenizers.byte_level import ByteLevelTokenizer, bytes_of
from components.views.contract import Line, Token
from components.views.lines import (
    Surface,
    Writer,
    sentencepiece_surface,
    source_line,
    start_token,
    surface_of_text,
    surface_of_whole,
)
from components.views.packing import u16_text

# Attention rows a step sends at most; larger models send the mean over layers and heads while streaming.
LIVE_WEIGHTS = 16_384


class TokenReader:
    """How the pieces of one tokenizer's vocabulary read. Each piece is looked into once."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        # The unknown token is special to the tokenizer; in a text it stands where a word stood.
        unknown = tokenizer.unk_token_id
        self._whole = frozenset(tokenizer.all_special_ids)
        self._special = self._whole - {unknown}
        self._known: dict[int, Surface] = {}

    def surface(self, token_id: int, piece: str) -> Surface:
        """How a token reads."""
        found = self._known.get(token_id)
        if found is None:
            found = self._known[token_id] = self._surface(token_id, piece)
        return found

    def surfaces(self, ids: Sequence[int], pieces: Sequence[str]) -> list[Surface]:
        """How each of some tokens reads."""
        return [self.surface(int(token), piece) for token, piece in zip(ids, pieces, strict=True)]

    def source_line(self, ids: Sequence[int], pieces: Sequence[str]) -> Line:
        """The line of a text that the model reads."""
        return source_line(ids, self.surfaces(ids, pieces), word_groups(self.tokenizer, ids))

    def _surface(self, token_id: int, piece: str) -> Surface:
        # The vocabulary's families write spaces and bytes in three ways.
        if token_id in self._whole:
            return surface_of_whole(piece, token_id in self._special)
        if isinstance(self.tokenizer, BertTokenizer):
            starts, text = self.tokenizer.piece_surface(piece)
            return surface_of_text(piece, text, gap=starts and not _closes(text))
        if isinstance(self.tokenizer, ByteLevelTokenizer):
            return _byte_level_surface(piece)
        return sentencepiece_surface(piece)


def _closes(text: str) -> bool:
    """Whether a piece is punctuation that stands at the word before it: WordPiece does not keep the gap."""
    return bool(text) and all(unicodedata.category(char) in ("Po", "Pe", "Pf") for char in text)


def _byte_level_surface(piece: str) -> Surface:
    """The surface of a byte-level piece, which may hold only a part of a letter."""
    data = bytes_of(piece)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return Surface(piece, data.removeprefix(b" "), gap=data.startswith(b" "), byte=len(data) == 1)
    return surface_of_text(piece, text, gap=text.startswith(" "))


class LineWriter:
    """Makes the tokens of an answer from the steps of a stream; ``reader`` is that of its vocabulary."""

    def __init__(self, reader: TokenReader) -> None:
        self.reader = reader
        self._writer = Writer()

    @property
    def tokens(self) -> list[Token]:
        """The tokens so far."""
        return self._writer.tokens

    def write(self, step: TokenStep) -> Token:
        """The next token, with the attention of its step."""
        others = [
            (token, self.reader.surface(token, piece).label, logprob) for token, piece, logprob in step.top_k
        ]
        cross = ""
        if step.cross is not None:
            cross = u16_text(live_rows(step.cross))
        surface = self.reader.surface(step.token_id, step.piece)
        return self._writer.write(step.token_id, surface, step.text, step.logprob, others, cross)

    def line(self, words: Sequence[int]) -> Line:
        """The finished line; ``words`` is the index of each token's word."""
        return self._writer.line(words)


def start_of(reader: TokenReader, piece: str) -> Token:
    """The token that the decoder begins with: it steers, whatever it is in its vocabulary."""
    return start_token(surface_of_whole(piece, special=True), reader.tokenizer.convert_tokens_to_ids(piece))


def live_rows(cross: np.ndarray) -> np.ndarray:
    """The rows [L, H, S] of a step, or their mean [1, 1, S] where they would be too many for every step."""
    if cross.size <= LIVE_WEIGHTS:
        return cross
    return cross.astype(np.float32).mean(axis=(0, 1), keepdims=True)
