"""Final figures of a checkpoint folder on the sets of a recipe, beside the baselines."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from bertgen.machine import resolve_device
from bertgen.models.encoder_decoder import EncoderDecoderModel
from bertgen.tokenizers import AutoTokenizer
from bertgen.training.data.corpora.cleaning import tokenise
from bertgen.training.data.corpora.files import read_pairs
from bertgen.training.data.corpora.readers import locate
from bertgen.training.data.corpus import read_references
from bertgen.training.objectives.validation import is_uncased, write_texts
from bertgen.training.recipe.tables import DataSet, Recipe
from bertgen.training.scores.baselines import BASELINES
from bertgen.training.scores.metrics import (
    Score,
    exact_match,
    lowered,
    marked_lower,
    moses_bleu,
    score,
    token_bleu,
    token_sari,
)

# Sources, and the references of each.
TokenRows = tuple[list[str], list[list[str]]]


def evaluate(
    checkpoint: Path,
    recipe: Recipe,
    data: Path,
    split: str,
    settings: Sequence[dict[str, Any]],
    device: str = "cpu",
) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    """Write texts for every set of the recipe with each of `settings` (keywords of generate), then score.

    Returns one row a set, setting (or baseline) and kind of references ("one": the first; "all" where a set
    has several a source; "tokens": WikiSplit's own tokens; "moses": Moses's), and the texts, keyed
    "set, setting". What an uncased model writes is scored in lower case, as are the baselines beside it.
    """
    model = EncoderDecoderModel.from_pretrained(checkpoint).to(resolve_device(device)).eval()
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    lower = is_uncased(tokenizer)
    rows: list[dict[str, Any]] = []
    outputs: dict[str, list[str]] = {}
    for entry in recipe.data:
        sources, references = read_references(entry, data, split)
        if not sources:
            continue
        # 1) What all rows of the set begin with, and its tokenised form, where it has one.
        common = {"set": entry.name, "split": split, "rows": len(sources)}
        tokens = read_token_rows(entry, data, split)
        # 2) What no model is needed for.
        for name, baseline in BASELINES.get(recipe.task, {}).items():
            texts = [baseline(source) for source in sources]
            figures = score_all(recipe.task, texts, references, sources, tokens, entry.moses, lower)
            rows += [{**common, "baseline": name, **figure} for figure in figures]
        # 3) The model's texts, setting by setting; only writing them is timed.
        for setting in tqdm(settings, desc=f"{entry.name} {split}", unit="setting"):
            began = time.monotonic()
            texts = write_texts(model, tokenizer, sources, do_sample=False, **setting)
            seconds = round(time.monotonic() - began, 1)
            outputs[f"{entry.name}, {', '.join(f'{key} {value}' for key, value in setting.items())}"] = texts
            figures = score_all(recipe.task, texts, references, sources, tokens, entry.moses, lower)
            rows += [{**common, "decoding": setting, "seconds": seconds, **figure} for figure in figures]
    if not rows:
        raise ValueError(f"no set of the recipe has {split} rows; name a `{split}` file, or `carve` some")
    return rows, outputs


def score_all(
    task: str,
    texts: Sequence[str],
    references: Sequence[Sequence[str]],
    sources: Sequence[str],
    tokens: TokenRows | None = None,
    moses: str = "",
    lower: bool = False,
) -> list[dict[str, Any]]:
    """One row of figures a kind of references; `lower` as in `metrics.score`."""
    # Figures against one reference compare with sets that have one, those against all use what there is.
    kinds = {"one": [row[:1] for row in references]}
    if any(len(row) > 1 for row in references):
        kinds["all"] = list(references)
    rows = [
        {"references": kind, **score(task, texts, wanted, sources, lower)} for kind, wanted in kinds.items()
    ]
    if tokens is not None:
        rows.append({"references": "tokens", **_score_tokens(texts, tokens, lower)})
    if moses:
        rows.append({"references": "moses", "BLEU": moses_bleu(texts, references, moses)})
    return rows


def _score_tokens(texts: Sequence[str], tokens: TokenRows, lower: bool) -> dict[str, Score]:
    sources, references = tokens
    cut = [tokenise(text) for text in texts]
    if lower:
        cut, references, sources = lowered(cut, references, sources)
    figures = {
        "exact": exact_match(cut, references),
        "SARI": token_sari(cut, references, sources),
        "BLEU": token_bleu(cut, references),
    }
    if lower:
        return marked_lower(figures)
    return figures


def read_token_rows(entry: DataSet, data: Path, split: str) -> TokenRows | None:
    """Sources and references in WikiSplit's tokens, separator removed, where the set has them beside it.

    `tokens` of the set is the pattern of the file's name, with `{split}` in it.
    """
    if not entry.tokens:
        return None
    pairs = read_pairs(locate(entry.tokens.format(split=split), data))
    return [source for source, _ in pairs], [[target.replace(" <::::> ", " ")] for _, target in pairs]
