"""Packed rows: token ids of many sets in one compressed file, and how they lie in memory."""

from __future__ import annotations

import json
import lzma
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MANIFEST = "manifest.json"
REVERSED = "reversed-"  # begins the names of sets whose targets are only ever read as sources


@dataclass(frozen=True)
class Rows:
    """Rows of ids: source and target of row i are `tokens[start : start + length]`, special ids left out.

    `tokens` uint16 [N]; the starts int64 and lengths int32 [rows].
    """

    tokens: np.ndarray
    source_start: np.ndarray
    source_length: np.ndarray
    target_start: np.ndarray
    target_length: np.ndarray

    def __len__(self) -> int:
        return len(self.source_start)

    def swapped(self) -> Rows:
        """Targets read as sources."""
        return Rows(self.tokens, self.target_start, self.target_length, self.source_start, self.source_length)

    def taken(self, rows: np.ndarray) -> Rows:
        """Some of the rows, over the same ids."""
        columns = (self.source_start, self.source_length, self.target_start, self.target_length)
        return Rows(self.tokens, *(column[rows] for column in columns))


def rows_of(tokens: np.ndarray, source_length: np.ndarray, target_length: np.ndarray) -> Rows:
    """Rows whose ids lie one after the other: source, target, next source, ..."""
    source_length, target_length = (part.astype(np.int32) for part in (source_length, target_length))
    ends = np.cumsum(source_length.astype(np.int64) + target_length)
    starts = ends - source_length - target_length
    return Rows(tokens, starts, source_length, starts + source_length, target_length)


def cut(tokens: np.ndarray, start: np.ndarray, length: np.ndarray) -> np.ndarray:
    """The ids of many stretches, one stretch after the other."""
    length = length.astype(np.int64)
    ends = np.cumsum(length)
    shift = np.repeat(start - (ends - length), length)
    return tokens[shift + np.arange(len(shift))]


def starts_of(length: np.ndarray) -> np.ndarray:
    """Where stretches of these lengths begin that lie one after the other."""
    return np.cumsum(length, dtype=np.int64) - length


def rows_from_lists(pairs: list[tuple[list[int], list[int]]]) -> Rows:
    """Rows of (source ids, target ids)."""
    flat = [np.asarray(side, dtype=np.uint16) for pair in pairs for side in pair]
    lengths = np.array([len(side) for side in flat], dtype=np.int32).reshape(-1, 2)
    tokens = np.concatenate(flat) if flat else np.zeros(0, np.uint16)
    return rows_of(tokens, lengths[:, 0], lengths[:, 1])


def joined(parts: list[Rows]) -> Rows:
    """Several sets one after the other."""
    shift, columns = 0, []
    for part in parts:
        columns.append(
            (part.source_start + shift, part.source_length, part.target_start + shift, part.target_length)
        )
        shift += len(part.tokens)
    tokens = np.concatenate([part.tokens for part in parts])
    return Rows(tokens, *(np.concatenate(column) for column in zip(*columns, strict=True)))


def write_rows(path: Path, rows: Rows) -> int:
    """Write rows that lie one after the other; returns the file's bytes."""
    lengths = np.stack([rows.source_length, rows.target_length]).astype(np.uint16)
    head = np.array([len(rows), len(rows.tokens)], dtype=np.int64)
    # The copied part of a row lies right behind its source, which is where the compression finds it again.
    data = lzma.compress(head.tobytes() + lengths.tobytes() + rows.tokens.tobytes(), preset=6)
    path.write_bytes(data)
    return len(data)


def read_rows(path: Path) -> Rows:
    """The rows of one file."""
    data = lzma.decompress(path.read_bytes())
    count, size = (int(number) for number in np.frombuffer(data, np.int64, 2))
    lengths = np.frombuffer(data, np.uint16, 2 * count, 16).reshape(2, count)
    tokens = np.frombuffer(data, np.uint16, size, 16 + 4 * count)
    return rows_of(tokens, lengths[0], lengths[1])


def file_name(name: str, side: str) -> str:
    """The packed file of a set's "train" or "valid" side."""
    return f"{name.replace('/', '--')}.{side}.xz"


def read_manifest(folder: Path) -> dict:
    """What was packed: `sets` (name: rows by side), `vocabularies` (name: pieces)."""
    return json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
