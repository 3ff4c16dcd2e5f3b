"""From a recipe and its data to encoded training and validation rows."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from bertgen.tokenizers import BertGenerationTokenizer
from bertgen.tokenizers.base import PreTrainedTokenizer
from bertgen.training.data.batches import (
    Example,
    curl_apostrophes,
    draw_rows,
    encode_pairs,
    fits,
    join_examples,
    make_batches,
)
from bertgen.training.data.corpora.cleaning import split_by_components, without_leaks
from bertgen.training.data.corpora.readers import Pairs, locate, read_reference_rows, read_rows
from bertgen.training.data.sampling import SubwordSampler
from bertgen.training.data.vocabulary import train_sentencepiece
from bertgen.training.recipe.tables import DataSet, Recipe
from bertgen.training.runs.start import end_token


@dataclass(frozen=True)
class Corpus:
    """`train` holds the sets one after the other, `counts` their sizes; `valid` is keyed by set name.

    `summary` is for the user: a line a set, of how many rows there were and how many are read.
    """

    tokenizer: PreTrainedTokenizer
    train: list[Example]
    counts: list[int]
    valid: dict[str, list[Example]]
    sampler: SubwordSampler | None = None
    summary: tuple[str, ...] = ()


def _read(entry: DataSet, name: str, data: Path) -> Pairs:
    rows = read_rows(name, entry.format, data)
    if entry.swap:
        return [(target, source) for source, target in rows]
    return rows


class Sides(NamedTuple):
    """The rows of one set; a side it does not have is empty."""

    train: Pairs
    valid: Pairs
    test: Pairs


def _sides(entry: DataSet, data: Path) -> Sides:
    """As they lie in the files; a corpus of one file is carved, at most a tenth held out each way.

    The cut does not follow the recipe's seed: runs of several seeds are scored on the same rows, and none of
    them has learnt what another holds out.
    """
    # 1) A set whose sides are files.
    if not entry.carve:
        valid, test = (held_out_rows(entry, data, split) for split in ("valid", "test"))
        return Sides(_read(entry, entry.train, data), valid, test)
    # 2) One file for all three.
    rows = _read(entry, entry.train, data)
    sizes = [min(size, len(rows) // 10) for size in entry.carve]
    valid, test, train = split_by_components(rows, sizes, seed=1)
    return Sides(train, valid, test)


def held_out_rows(entry: DataSet, data: Path, split: str) -> Pairs:
    """The rows of "valid" or "test"; none where the set has no such side."""
    if entry.carve:
        return getattr(_sides(entry, data), split)
    name = getattr(entry, split)
    if not name:
        return []
    return _read(entry, name, data)


def _references_file(entry: DataSet, split: str) -> str:
    """The file that lists a side's references, all of a source's; empty where there is none."""
    listed = {"valid": entry.valid_references, "test": entry.test_references}[split]
    if listed:
        return listed
    # JSON lines may list references in the side's file itself; of a set turned round these are sources.
    if entry.format == "jsonl" and not entry.swap:
        return getattr(entry, split)
    return ""


def _listed_references(entry: DataSet, data: Path) -> Pairs:
    """Every held-out source with each of its references, where the set lists them."""
    names = [name for split in ("valid", "test") if (name := _references_file(entry, split))]
    rows = [row for name in names for row in read_reference_rows(locate(name, data))]
    return [(source, reference) for source, references in rows for reference in references]


def read_sets(sets: Sequence[DataSet], data: Path, seed: int) -> dict[str, Sides]:
    """All rows of `sets` by name, every file read once.

    The training rows of a set to be cleaned hold no text that any of the sets holds out; where the recipe
    limits their number, a part is drawn.
    """
    cleans = any(entry.clean for entry in sets)
    if not cleans:
        # Only cleaning asks for the rows of the test sets.
        sets = [replace(entry, test="") for entry in sets]
    # 1) Every set as it lies in its files.
    read = {entry.name: _sides(entry, data) for entry in sets}
    # 2) What no training row may hold; of sources with several references all of them.
    held_out = [row for sides in read.values() for row in (*sides.valid, *sides.test)]
    if cleans:
        held_out += [pair for entry in sets for pair in _listed_references(entry, data)]
    # 3) The training rows, cleaned before a part of them is drawn.
    for entry in sets:
        sides = read[entry.name]
        rows = sides.train
        if entry.clean:
            rows = without_leaks(rows, held_out)
        if not rows and sides.train:
            raise ValueError(
                f"{entry.name}: clean leaves none of {len(sides.train):,} training rows: each has a text "
                "that a validation or test set holds; give other pairs, or set clean = false"
            )
        if 0 < entry.rows < len(rows):
            rows = random.Random(f"{entry.name}-{seed}").sample(rows, entry.rows)
        read[entry.name] = sides._replace(train=rows)
    return read


def build_vocabulary(recipe: Recipe, data: Path) -> bytes:
    """The SentencePiece model of the recipe, from both sides of all its training rows."""
    lines = (
        text
        for sides in read_sets(recipe.data, data, recipe.seed).values()
        for pair in sides.train
        for text in pair
    )
    return train_sentencepiece(lines, recipe.vocabulary.size, recipe.vocabulary.model_type)


def encode(pairs: Pairs, recipe: Recipe, tokenizer: PreTrainedTokenizer) -> list[Example]:
    """Encode rows: sources as the model will be given them, targets between start and end token."""
    target = tokenizer.decoder_tokenizer or tokenizer
    return encode_pairs(
        pairs,
        lambda text: tokenizer(text).input_ids,
        lambda text: target(text, add_special_tokens=False).input_ids,
        end_token(target),
        recipe.longest_source,
        recipe.longest_target,
    )


def build_corpus(recipe: Recipe, data: Path, tokenizer: PreTrainedTokenizer) -> Corpus:
    """Read and encode all sets of the recipe."""
    if recipe.joined_share and not (
        isinstance(tokenizer, BertGenerationTokenizer) and tokenizer.decoder_tokenizer is None
    ):
        raise ValueError(
            "joined_share needs a SentencePiece vocabulary without tokens around a text; set it to 0"
        )
    train: list[Example] = []
    counts, summary = [], []
    valid = {}
    for name, sides in read_sets(recipe.data, data, recipe.seed).items():
        # 1) Training rows: a set of which none is short enough is a mistake in the recipe.
        rows = encode(curl_apostrophes(sides.train, recipe.curly_share, recipe.seed), recipe, tokenizer)
        limits = f"longest_source {recipe.longest_source} and longest_target {recipe.longest_target}"
        if not rows:
            raise ValueError(
                f"{name}: none of {len(sides.train):,} training rows is within {limits}; raise them"
            )
        summary.append(f"{name}: {len(rows):,} of {len(sides.train):,} training rows are within {limits}")
        train += rows
        counts.append(len(rows))
        # 2) Validation rows, which only the first set must have: the run is watched on it.
        held_out = encode(sides.valid, recipe, tokenizer)
        if held_out:
            valid[name] = held_out
        elif name == recipe.data[0].name:
            raise ValueError(
                f"{name}: no validation rows (carve takes at most a tenth, and rows beyond longest_source or "
                "longest_target are left out); give more pairs, or a `valid` file with carve = []"
            )
    sampler = None
    if recipe.subword_sampling:
        sampler = SubwordSampler(tokenizer, recipe.subword_sampling)
    return Corpus(tokenizer, train, counts, valid, sampler, tuple(summary))


def epoch_batches(corpus: Corpus, recipe: Recipe, epoch: int, stage: int = 0) -> list[list[Example]]:
    """All batches of one epoch of a stage, in training order; the same for the same recipe and epoch."""
    drawn = draw_rows(corpus.counts, recipe.shares(stage), recipe.seed, epoch)
    if not drawn:
        raise ValueError(
            f"the shares of stage {recipe.schedule[stage].name!r} leave no row in an epoch; raise them"
        )
    rows = [corpus.train[row] for row in drawn]
    if corpus.sampler is not None:
        rows = recut(rows, corpus.sampler, recipe, epoch)
    longest = (recipe.longest_source, recipe.longest_target)
    rows = join_examples(rows, recipe.joined_share, longest, recipe.seed, epoch)
    batches = make_batches(rows, recipe.optimisation.batch_tokens, recipe.seed, epoch)
    return [[rows[row] for row in batch] for batch in batches]


def recut(rows: list[Example], sampler: SubwordSampler, recipe: Recipe, epoch: int) -> list[Example]:
    """The rows with other cuts of their words; one that grows too long stays as it was."""
    rng = random.Random(f"subwords-{recipe.seed}-{epoch}")
    result = []
    for row in rows:
        source, target = (tuple(sampler.encode(text, rng)) for text in row.texts)
        drawn = Example(source, (*target, row.target[-1]), row.texts)
        if fits(drawn, recipe.longest_source, recipe.longest_target):
            result.append(drawn)
        else:
            result.append(row)
    return result


def read_references(entry: DataSet, data: Path, split: str) -> tuple[list[str], list[list[str]]]:
    """Sources and, for each, its references: all of them where a JSONL file lists them, else one.

    `split` is "valid" or "test". Rows of that file are {"source": text, "references": [text, ...]}.
    """
    name = _references_file(entry, split)
    if not name:
        # One reference a source: the target of its row.
        pairs = held_out_rows(entry, data, split)
        return [source for source, _ in pairs], [[target] for _, target in pairs]
    rows = read_reference_rows(locate(name, data))
    return [source for source, _ in rows], [references for _, references in rows]
