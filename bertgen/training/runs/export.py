"""From a run to a checkpoint folder that the page, and transformers, can open."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from bertgen.configs.generation import GenerationConfig
from bertgen.training.data.vocabulary import write_tokenizer_files
from bertgen.training.objectives.masked_lm import build_base
from bertgen.training.optim.master_weights import fill
from bertgen.training.recipe.tables import PretrainingRecipe, Recipe
from bertgen.training.runs.snapshots import best_loss, load_best, load_mean, snapshot_files
from bertgen.training.runs.start import end_token, start_model, start_token, start_tokenizer
from bertgen.training.runs.state import LOG, AnyRecipe, load_state, read_log, validation_losses

# A clone can then be pushed to a Space without LFS, which is for files above 10 MB.
LARGEST_FILE = "9500KB"
AUTO = "auto"
WEIGHTS = (AUTO, "masters", "averages", "best", "kept")


def run_weights(run: Path, weights: str, recipe: AnyRecipe | None = None) -> dict[str, Tensor]:
    """A run's float32 weights by name.

    "masters" are the last ones, "averages" their running average, "best" those of the best validation and
    "kept" the mean of the last kept ones (both only where the recipe asked for them). "auto" takes those of
    the lowest validation loss. With a `recipe`, one that the run was not started with is a ValueError.
    """
    if weights not in WEIGHTS:
        raise ValueError(f"weights must be one of {WEIGHTS}, got {weights!r}")
    state = load_state(run, recipe)
    if weights == AUTO:
        weights = _lowest_loss(run)
    if weights == "best":
        return load_best(run)
    if weights == "kept":
        return load_mean(run)
    return state["weights"][weights]


def _lowest_loss(run: Path) -> str:
    """Which of the weights that a run still has did best on its validation rows."""
    # 1) The last validation's losses; a run that ended before its first one has its last weights alone.
    losses = {"masters": 0.0}
    found = validation_losses(read_log(run))
    if found:
        losses = dict(found[-1])
    # 2) Snapshots may have been removed since, and the best weights may be of an earlier validation.
    if not snapshot_files(run):
        losses.pop("kept", None)
    best = best_loss(run)
    if best is not None:
        losses["best"] = best
    # 3) A loss that is not finite is not a low one.
    losses = {name: loss for name, loss in losses.items() if math.isfinite(loss)}
    if not losses:
        raise ValueError(f"{run}: no validation loss is finite; name the weights to take")
    return min(losses, key=losses.__getitem__)


def beam_settings(length_penalty: float) -> dict[str, Any]:
    """Four beams where a length penalty is to be the default: without beams it cannot be saved."""
    if length_penalty == 1.0:
        return {}
    return {"num_beams": 4, "length_penalty": length_penalty}


def generation_config(recipe: Recipe, tokenizer: Any) -> GenerationConfig:
    """Greedy unless there is a length penalty; long enough for the longest trained target."""
    start = start_token(tokenizer)
    return GenerationConfig(
        bos_token_id=start,
        eos_token_id=end_token(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        decoder_start_token_id=start,
        **beam_settings(recipe.length_penalty),
        no_repeat_ngram_size=recipe.no_repeat_ngram_size,
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


def export_checkpoint(
    recipe: Recipe, run: Path, folder: Path, weights: str = AUTO, metrics: dict[str, Any] | None = None
) -> None:
    """Write weights (float16), configs, tokenizer files, profile and log of a run to `folder`.

    `weights` is one of `WEIGHTS`. Word embeddings that training shared are stored on both sides: the files
    then hold a plain, separate encoder and decoder, which every version of transformers loads alike.
    """
    # 1) The model of the recipe with the run's weights in it.
    model, tokenizer = start_model(recipe), start_tokenizer(recipe, run)
    fill(model, run_weights(run, weights, recipe))
    sizes = recipe.model
    if sizes is not None and sizes.share_word_embeddings and sizes.share_weights == "none":
        table = model.encoder.embeddings.word_embeddings
        table.weight = nn.Parameter(table.weight.detach().clone())
    # 2) Weights, configs, tokenizer.
    folder.mkdir(parents=True, exist_ok=True)
    model.generation_config = generation_config(recipe, tokenizer.decoder_tokenizer or tokenizer)
    # Both sides, also of a shared model: not every reader ties them.
    model.half().save_pretrained(folder, max_shard_size=LARGEST_FILE, untie="sides")
    if sizes is not None:
        write_tokenizer_files(folder, (run / "spiece.model").read_bytes(), recipe.longest_source)
    else:
        tokenizer.model_max_length = recipe.longest_source
        if model.config.encoder.model_type == "bert-generation":
            # It takes no token types, which BERT's tokenizer gives; only what init_kwargs name is saved.
            names = ["input_ids", "attention_mask"]
            tokenizer.model_input_names = tokenizer.init_kwargs["model_input_names"] = names
        tokenizer.save_pretrained(folder)
    # 3) What the page shows of it, and how it came about.
    write_profile(folder, profile(recipe, metrics or {}))
    _copy_log(run, folder)


def export_base(recipe: PretrainingRecipe, run: Path, folder: Path, weights: str) -> None:
    """Write a pre-trained base: weights (float16), config, tokenizer files, profile and log.

    Its profile's task is "base": it does none yet, `[warm_start]` reads it.
    """
    model = build_base(recipe)
    fill(model, run_weights(run, weights, recipe))
    folder.mkdir(parents=True, exist_ok=True)
    model.half().save_pretrained(folder, max_shard_size=LARGEST_FILE)
    write_tokenizer_files(folder, (run / "spiece.model").read_bytes(), recipe.row_length)
    write_profile(folder, {"task": "base", "title": recipe.title, "licence": recipe.licence})
    _copy_log(run, folder)


def write_profile(folder: Path, values: dict[str, Any]) -> None:
    """Write profile.json, which tells the page what a checkpoint is for."""
    text = json.dumps(values, indent=2, ensure_ascii=False) + "\n"
    (folder / "profile.json").write_text(text, encoding="utf-8")


def _copy_log(run: Path, folder: Path) -> None:
    log = "".join(json.dumps(line) + "\n" for line in read_log(run))
    (folder / LOG).write_text(log, encoding="utf-8")
