"""What a run leaves on disk: the state to resume from and the log."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from bertgen.training.recipe.tables import PretrainingRecipe, Recipe

STATE = "state.pt"
LOG = "train.jsonl"
AnyRecipe = Recipe | PretrainingRecipe
# A resumed run may have other values here: the middle of the schedule is constant, the rest bookkeeping.
CHANGEABLE = frozenset(
    {"max_steps", "decay_steps", "validate_every", "save_every_seconds", "patience", "keep_last"}
)
# Weights as `export` calls them, and how a validation's figures of them begin: the last ones, their running
# average and, at the end of a run that kept some, the mean of the kept ones.
FIGURE_PREFIXES = {"masters": "last", "averages": "average", "kept": "kept"}
# No step depends on these.
WITHOUT_EFFECT = ("short_rows", "title", "examples", "languages", "length_penalty", "no_repeat_ngram_size")
# Words for readers.
DESCRIPTIONS = {"title", "examples", "languages", "origin", "licence"}
# More of them may stand behind those that a run began with.
GROWING = ("data", "stage")


def _binding(recipe: AnyRecipe) -> dict[str, Any]:
    """The settings that must stay the same over a run."""
    values = recipe.as_dict()
    values["optimisation"] = {
        key: value for key, value in values["optimisation"].items() if key not in CHANGEABLE | {"accumulate"}
    }
    for stage in values.get("stage", ()):
        for key in CHANGEABLE & stage.keys():
            del stage[key]
    for name in WITHOUT_EFFECT:
        values.pop(name, None)
    return values


def save_state(folder: Path, recipe: AnyRecipe, values: dict[str, Any]) -> None:
    """Write tensors and counters; a kill at any moment leaves the old file or the new one, never half."""
    temporary = folder / f"{STATE}.tmp"
    try:
        torch.save({"recipe": _binding(recipe), **values}, temporary)
    except (RuntimeError, OSError) as error:
        # To torch a full disk is a RuntimeError.
        temporary.unlink(missing_ok=True)
        raise OSError(f"{folder / STATE} was not saved ({_first_line(error)}); is the disk full?") from error
    os.replace(temporary, folder / STATE)


def load_state(
    folder: Path, recipe: AnyRecipe | None = None, device: torch.device | str = "cpu"
) -> dict[str, Any]:
    """Read what `save_state` wrote. OSError for a file that is missing or damaged.

    With a `recipe`, one that would have begun the run in another way is a ValueError.
    """
    path = folder / STATE
    if not path.exists():
        raise FileNotFoundError(f"{folder} holds no {STATE}; name the --out of a run")
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except (RuntimeError, EOFError, OSError, pickle.UnpicklingError) as error:
        raise OSError(
            f"{path} is damaged ({_first_line(error)}); put a copy there, or start again in another --out"
        ) from error
    if recipe is None:
        return state
    for key, now in _binding(recipe).items():
        # A setting that the saved run did not know yet had its default then.
        before = state["recipe"].get(key, now)
        if key in GROWING and before:
            now = now[: len(before)]
        # "auto" was settled when the run began.
        if key == "optimisation" and now.get("precision") == "auto" and "precision" in before:
            now = {**now, "precision": before["precision"]}
        if not agree(before, now):
            raise ValueError(
                f"the run in {folder} was started with another {key!r}: {before!r}, the recipe says {now!r}; "
                "give the recipe and the same --set as at its start, or choose a new --out"
            )
    return state


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def agree(one: Any, other: Any) -> bool:
    """Whether settings are the same, words for readers and settings that only one version knows aside."""
    if isinstance(one, dict) and isinstance(other, dict):
        return all(agree(one[key], other[key]) for key in one.keys() & other.keys() - DESCRIPTIONS)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(agree, one, other))
    return one == other


def append_log(folder: Path, **values: Any) -> None:
    """One more JSON line."""
    with (folder / LOG).open("a", encoding="utf-8") as file:
        file.write(json.dumps(values) + "\n")


def read_log(folder: Path) -> list[dict[str, Any]]:
    """All lines so far; none without a log. A last line cut short by a full disk is left out."""
    path = folder / LOG
    found: list[dict[str, Any]] = []
    if not path.exists():
        return found
    lines = path.read_text("utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError as error:
            if number < len(lines):
                raise ValueError(f"{path}, line {number}: no JSON; take the line out") from error
    return found


def validation_losses(log: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
    """Losses on the first set, validation by validation, by the weights that had them."""
    found = []
    for line in log:
        first = {
            name: next((key for key in line if key.startswith(f"{prefix}_loss")), None)
            for name, prefix in FIGURE_PREFIXES.items()
        }
        losses = {name: line[key] for name, key in first.items() if key is not None}
        if losses:
            found.append(losses)
    return found


def cut_log(folder: Path, step: int) -> None:
    """Forget what was logged after `step`: a resumed run does those steps again."""
    lines = [line for line in read_log(folder) if line["step"] <= step]
    temporary = folder / f"{LOG}.tmp"
    temporary.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    os.replace(temporary, folder / LOG)


def digest_of(rows: Iterable[bytes]) -> str:
    """A short digest of training rows in their order."""
    found = hashlib.blake2b(digest_size=16)
    for row in rows:
        # The length first: else two rows could be cut elsewhere.
        found.update(len(row).to_bytes(8, "little") + row)
    return found.hexdigest()
