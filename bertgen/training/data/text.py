"""Running text for pre-training: read, encoded once, packed to rows."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sentencepiece

from bertgen.training.data.corpora.files import read_text
from bertgen.training.data.corpora.readers import locate
from bertgen.training.data.vocabulary import EOS_ID, MASK, SEPARATOR, train_sentencepiece
from bertgen.training.recipe.tables import PretrainingRecipe, RunningText

ROWS_FILE = "{}-rows.npy"
# Paragraphs encoded at a time: lists of ids take far more memory than the rows made of them.
CHUNK = 10_000


@dataclass(frozen=True)
class PackedText:
    """Rows of ids, uint16 [N, row_length], and the serialised vocabulary they were encoded with."""

    vocabulary: bytes
    train: np.ndarray
    valid: np.ndarray


def read_paragraphs(entry: RunningText, data: Path) -> list[str]:
    """All paragraphs of one text, in their order; empty lines are left out."""
    path = locate(entry.file, data)
    parts = read_text(path).split("\n")
    # In a .tsv, compressed or not, every column is a paragraph.
    if ".tsv" in [ending.lower() for ending in path.suffixes]:
        parts = [part for line in parts for part in line.split("\t")]
    return [part for part in (part.strip() for part in parts) if part]


def build_base_vocabulary(recipe: PretrainingRecipe, data: Path) -> bytes:
    """The SentencePiece model of a share of every text, without the held-out paragraphs."""

    def lines() -> Iterator[str]:
        for entry in recipe.text:
            rng = random.Random(f"vocabulary-{recipe.seed}-{entry.name}")
            # The vocabulary must not know what the loss is watched on.
            learned = read_paragraphs(entry, data)[: -recipe.held_out or None]
            yield from (line for line in learned if rng.random() < entry.vocabulary_share)

    settings = recipe.vocabulary
    return train_sentencepiece(lines(), settings.size, settings.model_type, (SEPARATOR, MASK))


def pack(paragraphs: list[str], vocabulary: bytes, row_length: int) -> np.ndarray:
    """Encode, end every paragraph with the end token, and cut the stream into rows [N, row_length].

    A row may hold the end of one paragraph and the start of others, and its positions look at each other.
    Nothing keeps them apart: the end token tells the model where to stop caring, as RoBERTa's packed rows
    do, and a base is read by fine-tunings that give it one text a row. What does not fill a row is left out.
    """
    processor = sentencepiece.SentencePieceProcessor(model_proto=vocabulary)
    parts = []
    for start in range(0, len(paragraphs), CHUNK):
        encoded = processor.encode(paragraphs[start : start + CHUNK], num_threads=1)
        parts.append(np.array([piece for row in encoded for piece in (*row, EOS_ID)], dtype=np.uint16))
    stream = np.concatenate(parts)
    count = len(stream) // row_length
    return stream[: count * row_length].reshape(count, row_length)


def load_rows(recipe: PretrainingRecipe, data: Path, run: Path, vocabulary: bytes) -> PackedText:
    """The packed rows, from `run` if an earlier start left them there."""
    files = {side: run / ROWS_FILE.format(side) for side in ("train", "valid")}
    if not all(path.exists() for path in files.values()):
        # 1) The last paragraphs of every text are held out; only the others are read several times.
        paragraphs: dict[str, list[str]] = {"train": [], "valid": []}
        for entry in recipe.text:
            if entry.learn:
                found = read_paragraphs(entry, data)
                cut = max(len(found) - recipe.held_out, 0)
                paragraphs["train"] += found[:cut] * entry.repeat
                paragraphs["valid"] += found[cut:]
        # 2) Both sides packed; a kill leaves a whole file or none.
        for side, path in files.items():
            rows = pack(paragraphs[side], vocabulary, recipe.row_length)
            if not len(rows):
                raise ValueError(f"the {side} text does not fill one row of {recipe.row_length} pieces")
            temporary = path.with_suffix(".tmp.npy")
            np.save(temporary, rows)
            os.replace(temporary, path)
    # 3) Read from the disk as they are asked for: the rows may be larger than the memory.
    return PackedText(vocabulary, *(np.load(files[side], mmap_mode="r") for side in ("train", "valid")))
