"""Weights on their way to the browser: base64 of little-endian uint16, and small pictures of large runs."""

from __future__ import annotations

import base64
import math

import numpy as np

from components.views.contract import Packed

U16_MAX = 65535


def u16_text(weights: np.ndarray) -> str:
    """Values in 0..1 of any shape as base64 of little-endian uint16; a value is worth u16 / 65535.

    16 bits, since 8 would be off by up to 0.2 in a row's sum at 512 keys.
    """
    values = np.clip(np.asarray(weights, dtype=np.float32), 0.0, 1.0)
    words = np.rint(values * U16_MAX).astype("<u2")
    return base64.b64encode(words.tobytes()).decode("ascii")


def pack_u16(weights: np.ndarray) -> Packed:
    """:func:`u16_text` with the shape beside it."""
    return {"shape": list(np.shape(weights)), "u16": u16_text(weights)}


def unpack_u16(packed: Packed) -> np.ndarray:
    """The twin of :func:`pack_u16`: float32 of the packed shape."""
    words = np.frombuffer(base64.b64decode(packed["u16"]), dtype="<u2")
    return (words.astype(np.float32) / U16_MAX).reshape(packed["shape"])


def finite(value: float, digits: int = 4) -> float | None:
    """A finite number, shortened; None for all others, since JSON knows no infinity."""
    value = float(value)
    if not math.isfinite(value):
        return None
    return round(value, digits)


def thumbnails(weights: np.ndarray, size: int = 16) -> np.ndarray:
    """Small pictures of all maps: [L, H, R, C] -> [L + 1, H + 1, <= size, <= size].

    The largest weight of every block, so that a sharp diagonal stays visible. The last row and column hold
    the means over layers and heads.
    """
    # 1) The means beside the maps.
    weights = np.asarray(weights, dtype=np.float32)
    weights = np.concatenate([weights, weights.mean(1, keepdims=True)], 1)
    weights = np.concatenate([weights, weights.mean(0, keepdims=True)], 0)  # [L + 1, H + 1, R, C]

    # 2) Rows, then columns, in at most `size` blocks.
    for axis in (2, 3):
        count = weights.shape[axis]
        if not count:
            continue
        # Where each block of neighbouring rows (or columns) begins.
        starts = np.unique(np.arange(count) * min(count, size) // count, return_index=True)[1]
        weights = np.maximum.reduceat(weights, starts, axis)
    return weights
