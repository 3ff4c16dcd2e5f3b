"""The pieces of every family's vocabulary in one notation, which the page's widgets read.

``▁`` in front of what begins a word, ``<0xC3>`` for a byte that is no character by itself, special tokens as
they are: SentencePiece's own. WordPiece and byte-level pieces are put into it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from bertgen import BertGenerationTokenizer, BertTokenizer, GenerationTrace
from bertgen.tokenizers.byte_level import ByteLevelTokenizer, bytes_of

SPACE = "▁"


def readable(tokenizer: Any, pieces: Iterable[str]) -> list[str]:
    """Pieces of ``tokenizer``'s vocabulary in the page's notation."""
    if isinstance(tokenizer, BertGenerationTokenizer):
        return list(pieces)
    special = set(tokenizer.all_special_tokens)
    return [piece if piece in special else _readable(tokenizer, piece) for piece in pieces]


def _readable(tokenizer: Any, piece: str) -> str:
    if isinstance(tokenizer, BertTokenizer):
        starts, text = tokenizer.piece_surface(piece)
        return SPACE + text if starts and not _closes(text) else text
    if not isinstance(tokenizer, ByteLevelTokenizer):
        return piece
    data = bytes_of(piece)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return f"<0x{data[0]:02X}>" if len(data) == 1 else data.decode("utf-8", errors="replace")
    return SPACE + text[1:] if text.startswith(" ") else text


def _closes(text: str) -> bool:
    """Whether a piece is punctuation that stands at the word before it: WordPiece does not keep the gap."""
    return bool(text) and all(unicodedata.category(char) in ("Po", "Pe", "Pf") for char in text)


def readable_trace(trace: GenerationTrace, source: Any, target: Any) -> GenerationTrace:
    """A trace with its pieces in the page's notation; ``source`` and ``target`` are its tokenizers."""
    if isinstance(source, BertGenerationTokenizer) and isinstance(target, BertGenerationTokenizer):
        return trace
    top_k = tuple(
        tuple(
            (token, piece, logprob)
            for (token, _, logprob), piece in zip(
                step, readable(target, [piece for _, piece, _ in step]), strict=True
            )
        )
        for step in trace.top_k
    )
    return replace(
        trace,
        source_pieces=tuple(readable(source, trace.source_pieces)),
        target_pieces=tuple(readable(target, trace.target_pieces)),
        top_k=top_k,
    )
