"""From a run to a checkpoint folder that the page, and transformers, can open."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from bertgen.config import GenerationConfig
from bertgen.training.build import build_model
from bertgen.training.recipe import Recipe
from bertgen.training.state import LOG, load_state, read_log
from bertgen.training.vocabulary import BOS_ID, EOS_ID, PAD_ID, write_tokenizer_files
from bertgen.training.weights import WEIGHTS

LARGEST_FILE = "9500KB"  # a clone can then be pushed to a Space without LFS (10 MB)


def generation_config(recipe: Recipe) -> GenerationConfig:
    """Greedy by default; long enough for the longest trained target."""
    return GenerationConfig(
        bos_token_id=BOS_ID,
        eos_token_id=EOS_ID,
        pad_token_id=PAD_ID,
        decoder_start_token_id=BOS_ID,
        length_penalty=recipe.length_penalty,
        max_length=recipe.longest_target + 1,  # the start token counts
    )


def profile(recipe: Recipe, metrics: dict[str, Any]) -> dict[str, Any]:
    """What the page needs to know of a checkpoint."""
    return {
        "task": recipe.task,
        "title": recipe.title,
        "default": True,
        "examples": list(recipe.examples),
        "longest_source": recipe.longest_source,
        "longest_target": recipe.longest_target,
        "licence": recipe.licence,
        "metrics": metrics,
    }


def export_checkpoint(recipe: Recipe, run: Path, folder: Path, weights: str, metrics: dict[str, Any]) -> None:
    """Write weights (float16), configs, tokenizer files, profile and log of a run to `folder`.

    `weights` is "masters" (the last ones) or "averages". Word embeddings that training shared are stored on
    both sides: the files then hold a plain, separate encoder and decoder, which every version of
    transformers loads alike.
    """
    if weights not in WEIGHTS:
        raise ValueError(f"weights must be one of {WEIGHTS}, got {weights!r}")
    values = load_state(run, recipe, torch.device("cpu"))["weights"][weights]
    model = build_model(recipe.model, recipe.vocabulary.size, recipe.seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(values[name])
    if recipe.model.share_word_embeddings and recipe.model.share_weights == "none":
        table = model.encoder.embeddings.word_embeddings
        table.weight = torch.nn.Parameter(table.weight.detach().clone())
    folder.mkdir(parents=True, exist_ok=True)
    model.generation_config = generation_config(recipe)
    model.half().save_pretrained(folder, max_shard_size=LARGEST_FILE)
    write_tokenizer_files(folder, (run / "spiece.model").read_bytes(), recipe.longest_source)
    text = json.dumps(profile(recipe, metrics), indent=2, ensure_ascii=False) + "\n"
    (folder / "profile.json").write_text(text, encoding="utf-8")
    log = "".join(json.dumps(line) + "\n" for line in read_log(run))
    (folder / LOG).write_text(log, encoding="utf-8")
