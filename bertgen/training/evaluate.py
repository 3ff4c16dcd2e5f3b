"""Final figures of a checkpoint folder: BLEU and chrF on the sets of a recipe."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from bertgen.encoder_decoder import EncoderDecoderModel
from bertgen.tokenizers import BertGenerationTokenizer
from bertgen.training.corpus import read_references
from bertgen.training.metrics import score
from bertgen.training.recipe import Recipe
from bertgen.training.validation import translate

SPLITS = ("valid", "test")


def evaluate(
    checkpoint: Path,
    recipe: Recipe,
    data: Path,
    split: str,
    settings: Sequence[dict[str, Any]],
    device: str = "cpu",
) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    """Translate every set of the recipe with each of `settings` (keywords of generate), then score.

    Returns one row a set, setting and kind of references ("one": the first; "all" where a set has several
    a source), and the texts, keyed "set, setting".
    """
    model = EncoderDecoderModel.from_pretrained(checkpoint).to(device)
    tokenizer = BertGenerationTokenizer.from_pretrained(checkpoint)
    rows: list[dict[str, Any]] = []
    outputs: dict[str, list[str]] = {}
    for entry in recipe.data:
        sources, references = read_references(entry, data, split)
        ids = [tokenizer(source, truncation=True).input_ids for source in sources]
        for setting in tqdm(settings, desc=f"{entry.name} {split}", unit="setting"):
            name = ", ".join(f"{key} {value}" for key, value in setting.items())
            began = time.monotonic()
            written = translate(model, ids, do_sample=False, **setting)
            seconds = round(time.monotonic() - began, 1)
            texts = tokenizer.batch_decode(written, skip_special_tokens=True)
            outputs[f"{entry.name}, {name}"] = texts
            kinds = {"one": [row[:1] for row in references]}
            if any(len(row) > 1 for row in references):
                kinds["all"] = references
            for kind, wanted in kinds.items():
                common = {"set": entry.name, "split": split, "rows": len(sources), "references": kind}
                rows.append({**common, "decoding": setting, "seconds": seconds, **score(texts, wanted)})
    return rows, outputs
