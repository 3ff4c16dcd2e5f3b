"""What the browser gets of a run: one JSON-able dictionary, attention as base64 of little-endian uint16.

The shapes are those of ``bertgen.GenerationTrace`` (T target tokens, S source tokens, L layers, H heads).
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

U16_MAX = 65535
KINDS = ("encoder_self", "decoder_self", "cross")

# Tokens that steer instead of saying something. <unk> is not among them: it stands where a word stood.
SPECIAL_PIECES = frozenset(
    [
        *("<pad>", "<s>", "</s>", "<bos>", "<eos>", "<::::>", "<mask>"),  # SentencePiece vocabularies
        *("[CLS]", "[SEP]", "[PAD]", "[MASK]"),  # WordPiece
        "<|endoftext|>",  # GPT-2
    ]
)
BYTE_PIECE = re.compile(r"<0x([0-9A-F]{2})>")


def pack_u16(array: np.ndarray) -> dict[str, Any]:
    """Values in 0..1 of any shape as ``{"shape": [...], "u16": base64}``; a value is worth u16 / 65535.

    16 bits, since 8 would be off by up to 0.2 in a row's sum at 512 keys.
    """
    values = np.clip(np.asarray(array, dtype=np.float32), 0.0, 1.0)
    words = np.rint(values * U16_MAX).astype("<u2")
    return {"shape": list(values.shape), "u16": base64.b64encode(words.tobytes()).decode("ascii")}


def unpack_u16(packed: dict[str, Any]) -> np.ndarray:
    """The twin of :func:`pack_u16`: float32 of the packed shape."""
    words = np.frombuffer(base64.b64decode(packed["u16"]), dtype="<u2")
    return (words.astype(np.float32) / U16_MAX).reshape(packed["shape"])


def is_special(piece: str) -> bool:
    """Whether a piece is a control token: start, end, padding, separator."""
    return piece in SPECIAL_PIECES


def piece_label(piece: str, starts_word: bool = True) -> str:
    """A piece as people read it: no ``▁``, ``Ġ`` or ``##``; a middle dot where it continues a word.

    A lone word boundary is shown as ``␣``, a byte piece as its hexadecimal number.
    """
    if is_special(piece) or piece == "<unk>":
        return piece
    byte = BYTE_PIECE.fullmatch(piece)
    if byte:
        return "x" + byte.group(1)
    text = piece.removeprefix("##").replace("▁", " ").replace("Ġ", " ").replace("\n", "⏎")
    text = text.strip(" ") or "␣"
    return text if starts_word or not text[0].isalnum() else "·" + text


def word_label(pieces: Sequence[str]) -> str:
    """The pieces of one word, joined without gaps; runs of byte pieces become their characters."""
    data = b""
    for piece in pieces:
        byte = BYTE_PIECE.fullmatch(piece)
        if byte:
            data += bytes([int(byte.group(1), 16)])
        elif is_special(piece) or piece == "<unk>":
            data += piece.encode()
        else:
            data += piece.removeprefix("##").replace("▁", " ").replace("Ġ", " ").replace("\n", "⏎").encode()
    return data.decode("utf-8", errors="replace").strip(" ") or "␣"


def token_line(ids: Sequence[int], pieces: Sequence[str], words: Sequence[int]) -> dict[str, Any]:
    """One line of text as the browser shows it.

    Lists of one entry a piece: ``ids``, ``pieces``, ``labels``, ``words`` (index of its word, counted from
    0), ``special`` (0 or 1); and ``word_labels``, one entry a word. A special token is a word of its own.
    """
    special = [is_special(piece) for piece in pieces]
    groups: list[int] = []
    members: list[list[str]] = []
    for index, piece in enumerate(pieces):
        same = (
            index > 0 and words[index] == words[index - 1] and not special[index] and not special[index - 1]
        )
        if not same:
            members.append([])
        members[-1].append(piece)
        groups.append(len(members) - 1)
    starts = [index == 0 or groups[index] != groups[index - 1] for index in range(len(groups))]
    return {
        "ids": [int(token_id) for token_id in ids],
        "pieces": list(pieces),
        "labels": [piece_label(piece, start) for piece, start in zip(pieces, starts, strict=True)],
        "words": groups,
        "word_labels": [word_label(group) for group in members],
        "special": [int(flag) for flag in special],
    }


def _number(value: float) -> float | None:
    """A finite number, shortened; JSON knows no infinity."""
    value = float(value)
    return round(value, 5) if math.isfinite(value) else None


def thumbnails(weights: np.ndarray, size: int = 16) -> np.ndarray:
    """Small pictures of all maps: [L, H, T, S] -> [L + 1, H + 1, <= size, <= size].

    The largest weight of every block, so that a sharp diagonal stays visible. The last row and column hold
    the means over layers and heads.
    """
    weights = np.asarray(weights, dtype=np.float32)
    weights = np.concatenate([weights, weights.mean(1, keepdims=True)], 1)
    weights = np.concatenate([weights, weights.mean(0, keepdims=True)], 0)  # [L + 1, H + 1, T, S]
    for axis in (2, 3):
        count = weights.shape[axis]
        blocks = np.unique(np.arange(count) * min(count, size) // max(count, 1), return_index=True)[1]
        weights = np.maximum.reduceat(weights, blocks, axis) if count else weights
    return weights


def trace_lines(trace: Any) -> dict[str, Any]:
    """The ``source``, ``target`` and ``start`` of :func:`trace_payload`."""
    source = token_line(trace.source_ids, trace.source_pieces, trace.source_words)
    target = token_line(trace.target_ids, trace.target_pieces, trace.target_words)
    target["logprobs"] = [_number(value) for value in trace.logprobs]
    target["top_k"] = [
        [[piece_label(piece), _number(logprob), int(token_id)] for token_id, piece, logprob in step]
        for step in trace.top_k
    ]
    start = getattr(trace, "start_piece", "") or "<s>"
    return {"source": source, "target": target, "start": {"piece": start, "label": piece_label(start)}}


def trace_payload(trace: Any, *, whole: bool = True) -> dict[str, Any]:
    """A ``GenerationTrace`` as the page's widgets read it.

    ``source`` and ``target`` are :func:`token_line` dictionaries; ``target`` also has ``logprobs`` (natural
    log, a token) and ``top_k`` (per token the list of ``[label, logprob, token_id]``, best first).
    ``start`` is the decoder's start token as ``{piece, label}``. ``encoder_self`` [L,H,S,S],
    ``decoder_self`` [L,H,T,T] and ``cross`` [L,H,T,S] are packed uint16 or None when not captured; not
    ``whole``, they are ``{"shape", "tiles"}`` with :func:`thumbnails` instead of the weights. Beside them
    ``model``, ``text``, ``finish`` ("eos", "length", "stopped"), ``seconds``, ``first_token_seconds`` and
    ``settings``.
    """
    arrays = {kind: getattr(trace, kind) for kind in KINDS}
    return {
        "model": str(trace.model),
        "text": trace.text,
        "finish": trace.finish_reason,
        "seconds": _number(trace.seconds),
        "first_token_seconds": _number(getattr(trace, "first_token_seconds", 0.0)),
        "settings": {key: value for key, value in dict(trace.settings or {}).items() if _is_plain(value)},
        **trace_lines(trace),
        **{kind: _packed(array, whole) for kind, array in arrays.items()},
    }


def _packed(array: np.ndarray | None, whole: bool) -> dict[str, Any] | None:
    """One kind of attention for the browser: the weights, or only their small pictures."""
    if array is None or whole:
        return None if array is None else pack_u16(array)
    return {"shape": list(array.shape), "tiles": pack_u16(thumbnails(array))}


def _is_plain(value: Any) -> bool:
    """Whether JSON can hold the value as it is."""
    return value is None or isinstance(value, (bool, int, float, str))


def packed_bytes(trace: Any) -> int:
    """Size in bytes of the trace's three attention arrays as uint16."""
    return sum(2 * getattr(trace, kind).size for kind in KINDS if getattr(trace, kind) is not None)
