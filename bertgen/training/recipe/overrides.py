"""Settings from the command line that replace a recipe's: --set stage.silver.max_steps=100."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Sequence
from typing import Any


def parse_value(text: str) -> Any:
    """A TOML value; what is none is a string, so that names and paths need no quotes."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def apply_settings(values: dict[str, Any], settings: Sequence[str]) -> None:
    """Write `settings` ("table.key=value") into the parsed TOML `values`, in place.

    A table of a list ([[data]], [[stage]]) is named by its `name`. ValueError for a setting that is not
    an assignment, or that names a table which the recipe lacks; unknown keys are for the reader to find.
    """
    for setting in settings:
        # 1) The keys on the way, and the value.
        path, equals, value = setting.partition("=")
        keys = path.strip().split(".")
        if not equals or not all(keys):
            raise ValueError(f"--set {setting}: expected TABLE.KEY=VALUE, as in optimisation.max_steps=100")
        # 2) Down to the table that the last key belongs to.
        table: Any = values
        for depth, key in enumerate(keys[:-1]):
            table = _step(table, key, setting, ".".join(keys[:depth]))
        # 3) A whole table cannot be written on a command line: the setting's name is missing.
        if isinstance(table, _ByName) or (len(keys) == 1 and _holds_tables(table.get(keys[0]))):
            raise ValueError(f"--set {setting}: {path.strip()} is a table; name one of its settings too")
        before = table.get(keys[-1])
        table[keys[-1]] = parse_value(value.strip())
        if keys[-1] == "max_steps":
            _scale_schedule(table, before, path.strip(), settings)


def _scale_schedule(table: dict[str, Any], before: Any, path: str, settings: Sequence[str]) -> None:
    """Shortens warm-up and decay with a `max_steps` that they do not fit in, unless they are set themselves.

    `path` is what the setting calls max_steps, `before` what the recipe has there.
    """
    # 1) What there is to shorten; values of another type are for the reader to refuse.
    now, names = table["max_steps"], ("warmup_steps", "decay_steps")
    steps = [table.get(name, 0) for name in names]
    if not all(isinstance(value, int) for value in (now, before, *steps)) or min(now, before) < 1:
        return
    given = {setting.partition("=")[0].strip() for setting in settings}
    parent = path.removesuffix("max_steps")
    if sum(steps) <= now or given & {f"{parent}{name}" for name in names}:
        return
    # 2) The same shares of the run as before.
    for name, value in zip(names, steps, strict=True):
        if name in table:
            table[name] = value * now // before
    shares = ", ".join(f"{name} {table[name]}" for name in names if name in table)
    print(f"max_steps {now}: {shares}, scaled with it; set them by --set {parent}...", file=sys.stderr)


def _holds_tables(value: Any) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(row, dict) for row in value)
    )


def _step(table: dict[str, Any], key: str, setting: str, parent: str) -> dict[str, Any]:
    """The table `key` of `table`, which the setting calls `parent`; ValueError where it has none."""
    found = table.get(key)
    if isinstance(found, list):
        return _ByName(found)
    if isinstance(found, dict):
        return found
    there = sorted(name for name, value in table.items() if isinstance(value, dict | list))
    raise ValueError(f"--set {setting}: {parent or 'the recipe'} has no table {key!r}; it has {there}")


class _ByName(dict):
    """The tables of a list by their names."""

    def __init__(self, tables: Sequence[Any]) -> None:
        super().__init__((table["name"], table) for table in tables if isinstance(table, dict))
