"""Writes the browser's side of the view contract: ``python -m components.views.typedefs``.

Every type of ``components/views/contract.py`` becomes a TypeScript interface in
``components/widgets/contract.d.ts``, with the names and types that JSON holds and the docstrings as
comments. The scripts name these types in their comments; a test holds file and types equal.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from pathlib import Path
from typing import Any, Literal, NotRequired, Union

from components.views import contract

TARGET = Path(__file__).resolve().parents[1] / "widgets" / "contract.d.ts"
HEADER = (
    "// Written by `python -m components.views.typedefs` from components/views/contract.py: do not edit.\n"
)
NAMES = {str: "string", int: "number", float: "number", bool: "boolean", type(None): "null", Any: "unknown"}


def script_type(hint: Any) -> str:
    """The TypeScript name of a Python type, as its values look in JSON."""
    # Plain types, then those built of others; what is left is a type of the contract, by its name.
    if hint in NAMES:
        return NAMES[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return " | ".join(f"'{value}'" for value in arguments)
    if origin in (Union, types.UnionType):
        return " | ".join(script_type(each) for each in arguments)
    if origin in (list, tuple):
        element = script_type(arguments[0])
        if " " in element:
            element = f"({element})"
        return f"{element}[]"
    if origin is dict:
        return f"Record<{script_type(arguments[0])}, {script_type(arguments[1])}>"
    return hint.__name__


def interface(kind: type) -> str:
    """One type as an interface; a field that has a default may be missing in JSON."""
    optional: set[str] = set()
    if dataclasses.is_dataclass(kind):
        entries = dataclasses.fields(kind)
        optional = {entry.name for entry in entries if entry.default is not dataclasses.MISSING}
    comment = inspect.cleandoc(kind.__doc__).replace("``", "`").split("\n")
    lines = [
        "/**",
        *(f" * {line}".rstrip() for line in comment),
        " */",
        f"export interface {kind.__name__} {{",
    ]
    for name, hint in typing.get_type_hints(kind, include_extras=True).items():
        if typing.get_origin(hint) is NotRequired:
            optional.add(name)
            hint = typing.get_args(hint)[0]
        if name in optional:
            name += "?"
        lines.append(f"  {name}: {script_type(hint)};")
    return "\n".join([*lines, "}"])


def contract_types() -> list[type]:
    """The contract's types in the order they are written in."""
    own = [each for each in vars(contract).values() if inspect.isclass(each)]
    return [each for each in own if each.__module__ == contract.__name__]


def text() -> str:
    """The whole file."""
    parts = [f"{HEADER}\n/** {contract.VERSION} stands in every value as `version`. */"]
    parts[0] += f"\nexport const VERSION: {contract.VERSION};"
    parts += [interface(kind) for kind in contract_types()]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
