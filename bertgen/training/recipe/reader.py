"""Recipes: every setting of a training in one TOML file, read and checked before anything runs."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from bertgen.training.recipe.checks import check_pretraining, check_recipe, check_values
from bertgen.training.recipe.overrides import apply_settings
from bertgen.training.recipe.tables import (
    BaseSizes,
    DataSet,
    ModelSizes,
    Optimisation,
    PretrainingRecipe,
    Recipe,
    RunningText,
    Stage,
    Vocabulary,
    WarmStart,
)

# Tables of a recipe that stand once, as [name]; [model] is left out: its sizes differ between the two kinds.
TABLES: dict[str, type] = {"vocabulary": Vocabulary, "optimisation": Optimisation, "warm_start": WarmStart}
# Tables that may stand several times, as [[name]].
LISTS: dict[str, type] = {"data": DataSet, "stage": Stage, "text": RunningText}


def read_recipe(path: Path, settings: Sequence[str] = ()) -> Recipe:
    """Read and check a recipe; unknown, missing or clashing settings are a ValueError that names them.

    `settings` ("table.key=value", see `apply_settings`) replace the file's.
    """
    recipe = _read(path, settings, Recipe, ModelSizes, ("optimisation",))
    check_recipe(recipe)
    return recipe


def read_pretraining_recipe(path: Path, settings: Sequence[str] = ()) -> PretrainingRecipe:
    """As `read_recipe`, for the recipes of `pretrain`."""
    recipe = _read(path, settings, PretrainingRecipe, BaseSizes, ("vocabulary", "model", "optimisation"))
    check_pretraining(recipe)
    return recipe


def read_any_recipe(path: Path, settings: Sequence[str] = ()) -> Recipe | PretrainingRecipe:
    """A recipe of either kind; one with [[text]] tables is for `pretrain`."""
    with path.open("rb") as file:
        pretrains = "text" in tomllib.load(file)
    if pretrains:
        return read_pretraining_recipe(path, settings)
    return read_recipe(path, settings)


def _read(path: Path, settings: Sequence[str], kind: type, sizes: type, needed: tuple[str, ...]) -> Any:
    """A recipe of the dataclass `kind`, its [model] of the dataclass `sizes`; not yet checked for clashes."""
    # 1) The file, with the command line's settings in it.
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    apply_settings(values, settings)
    for name in needed:
        if name not in values:
            raise ValueError(f"{path}: the table [{name}] is missing")
    # 2) Every table by itself, so that a message names the table that it is about.
    for name, table in {**TABLES, "model": sizes}.items():
        if name in values:
            values[name] = _build(table, values[name], f"{path}, [{name}]")
    for name, table in LISTS.items():
        if name in values:
            values[name] = [_build(table, entry, f"{path}, [[{name}]]") for entry in values[name]]
    # 3) The recipe around them.
    return _build(kind, values, str(path))


def _build(kind: type, values: dict[str, Any], context: str) -> Any:
    """A dataclass from TOML values; ValueError, beginning with `context`, for what it cannot take."""
    known = {field.name for field in fields(kind)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ValueError(f"{context}: unknown setting {unknown[0]!r}; known are {sorted(known)}")
    check_values(kind, values, context)
    # TOML has lists, a frozen recipe has tuples.
    frozen = {key: _as_tuple(value) for key, value in values.items()}
    try:
        return kind(**frozen)
    except TypeError as error:
        # A setting without a default is missing.
        raise ValueError(f"{context}: {error}") from error


def _as_tuple(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return value
