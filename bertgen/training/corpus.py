"""From a recipe and a data folder to encoded training and validation rows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import sentencepiece

from bertgen.training.data import (
    Example,
    curl_apostrophes,
    draw_rows,
    encode_pairs,
    join_examples,
    make_batches,
    read_pairs,
    read_text,
)
from bertgen.training.recipe import DataSet, Recipe
from bertgen.training.vocabulary import EOS_ID, train_sentencepiece


@dataclass(frozen=True)
class Corpus:
    """`train` holds the sets one after the other, `counts` their sizes; `valid` is keyed by set name."""

    vocabulary: bytes
    train: list[Example]
    counts: list[int]
    valid: dict[str, list[Example]]


def build_vocabulary(recipe: Recipe, data: Path) -> bytes:
    """The SentencePiece model of the recipe, from both sides of all its training rows."""
    lines = (text for entry in recipe.data for pair in read_pairs(data / entry.train) for text in pair)
    return train_sentencepiece(lines, recipe.vocabulary.size, recipe.vocabulary.model_type)


def build_corpus(recipe: Recipe, data: Path, vocabulary: bytes) -> Corpus:
    """Read and encode all sets of the recipe."""
    encode = sentencepiece.SentencePieceProcessor(model_proto=vocabulary).encode
    longest = (recipe.longest_source, recipe.longest_target)
    train: list[Example] = []
    counts = []
    valid = {}
    for entry in recipe.data:
        pairs = curl_apostrophes(read_pairs(data / entry.train), recipe.curly_share, recipe.seed)
        rows = encode_pairs(pairs, encode, EOS_ID, *longest)
        train += rows
        counts.append(len(rows))
        valid[entry.name] = encode_pairs(read_pairs(data / entry.valid), encode, EOS_ID, *longest)
    return Corpus(vocabulary, train, counts, valid)


def epoch_batches(corpus: Corpus, recipe: Recipe, epoch: int) -> list[list[Example]]:
    """All batches of one epoch, in training order; the same for the same recipe and epoch."""
    shares = [entry.share for entry in recipe.data]
    rows = [corpus.train[row] for row in draw_rows(corpus.counts, shares, recipe.seed, epoch)]
    longest = (recipe.longest_source, recipe.longest_target)
    rows = join_examples(rows, recipe.joined_share, longest, recipe.seed, epoch)
    batches = make_batches(rows, recipe.optimisation.batch_tokens, recipe.seed, epoch)
    return [[rows[row] for row in batch] for batch in batches]


def read_references(entry: DataSet, data: Path, split: str) -> tuple[list[str], list[list[str]]]:
    """Sources and, for each, its references: all of them where the set has a jsonl, else the tsv's one.

    `split` is "valid" or "test". Rows of the jsonl are {"source": text, "references": [text, ...]}.
    """
    name = entry.valid_references if split == "valid" else entry.test_references
    if not name:
        pairs = read_pairs(data / (entry.valid if split == "valid" else entry.test))
        return [source for source, _ in pairs], [[target] for _, target in pairs]
    rows = [json.loads(line) for line in read_text(data / name).rstrip("\n").split("\n")]
    return [row["source"] for row in rows], [row["references"] for row in rows]
