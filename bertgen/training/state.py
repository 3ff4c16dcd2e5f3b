"""What a run leaves on disk: the state to resume from and the log."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from bertgen.training.recipe import PretrainingRecipe, Recipe

STATE = "state.pt"
LOG = "train.jsonl"
AnyRecipe = Recipe | PretrainingRecipe
# A resumed run may have other values here: the middle of the schedule is constant, the rest bookkeeping.
MOVABLE = frozenset(
    {"max_steps", "decay_steps", "validate_every", "save_every_seconds", "patience", "keep_last"}
)
# Weights as `export` calls them, and how a validation's figures of them begin: the last ones, their running
# average and, at the end of a run that kept some, the mean of the kept ones.
WATCHED = {"masters": "last", "averages": "average", "kept": "kept"}
# No step depends on these.
STEPLESS = ("short_rows", "title", "examples", "languages", "length_penalty", "no_repeat_ngram_size")
GROWING = ("data", "stage")  # more of them may stand behind those that a run began with


def _binding(recipe: AnyRecipe) -> dict[str, Any]:
    """The settings that must stay the same over a run."""
    values = recipe.as_dict()
    values["optimisation"] = {
        key: value for key, value in values["optimisation"].items() if key not in MOVABLE
    }
    for stage in values.get("stage", ()):
        for key in MOVABLE & stage.keys():
            del stage[key]
    for name in STEPLESS:
        values.pop(name, None)
    return values


def save_state(folder: Path, recipe: AnyRecipe, values: dict[str, Any]) -> None:
    """Write tensors and counters; a kill at any moment leaves the old file or the new one, never half."""
    temporary = folder / f"{STATE}.tmp"
    torch.save({"recipe": _binding(recipe), **values}, temporary)
    os.replace(temporary, folder / STATE)


def load_state(folder: Path, recipe: AnyRecipe, device: torch.device) -> dict[str, Any]:
    """Read what `save_state` wrote; ValueError for a recipe that would have begun the run in another way."""
    state = torch.load(folder / STATE, map_location=device, weights_only=True)
    for key, value in _binding(recipe).items():
        before = state["recipe"].get(key)
        if key in GROWING and before:
            value = value[: len(before)]
        if before != value:
            raise ValueError(
                f"the run in {folder} was started with another {key!r}: {state['recipe'].get(key)!r}, "
                f"the recipe now says {value!r}; resume with the old recipe or choose a new --out"
            )
    return state


def append_log(folder: Path, **values: Any) -> None:
    """One more JSON line."""
    with (folder / LOG).open("a", encoding="utf-8") as file:
        file.write(json.dumps(values) + "\n")


def read_log(folder: Path) -> list[dict[str, Any]]:
    """All lines so far; none when there is no log."""
    path = folder / LOG
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def validation_losses(log: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
    """Losses on the first set, validation by validation, by which weights had them (see `WATCHED`)."""
    found = []
    for line in log:
        first = {
            name: next((key for key in line if key.startswith(f"{prefix}_loss")), None)
            for name, prefix in WATCHED.items()
        }
        losses = {name: line[key] for name, key in first.items() if key is not None}
        if losses:
            found.append(losses)
    return found


def cut_log(folder: Path, step: int) -> None:
    """Forget what was logged after `step`: a resumed run does those steps again."""
    kept = [line for line in read_log(folder) if line["step"] <= step]
    (folder / LOG).write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
