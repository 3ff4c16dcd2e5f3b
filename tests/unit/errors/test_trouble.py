"""Errors with parts: the table, what is raised from it, and that every part arrives."""

from __future__ import annotations

import ast
import copy
import pickle
import string
from pathlib import Path

import pytest
import torch

from bertgen import errors, hub
from bertgen.checkpoints.load import load_into
from bertgen.configs.checks import ConfigChoiceError
from bertgen.errors import FileTrouble, NotSupported, Trouble, WeightsMismatch
from bertgen.errors.english import ENGLISH
from bertgen.machine import resolve_device

LIBRARY = Path(errors.__file__).parents[1]
# Where the reason says it already, or there is nothing that a reader can do.
NO_MOVE: set[str] = set()


def fields(text: str) -> set[str]:
    return {name.split(".")[0] for _, name, _, _ in string.Formatter().parse(text) if name}


def all_kinds(kind: type = Trouble) -> set[type]:
    return {kind}.union(*map(all_kinds, kind.__subclasses__()))


def raised() -> list[tuple[str, str, set[str]]]:
    """(where, key, names of the values) of every trouble that the library makes by a key."""
    kinds = {kind.__name__ for kind in all_kinds()}
    found = []
    for path in sorted(LIBRARY.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", None))
            key = node.args[0].value
            if name in kinds and " " not in key and "." in key:
                where = f"{path.relative_to(LIBRARY)}:{node.lineno}"
                found.append((where, key, {keyword.arg for keyword in node.keywords}))
    return found


@pytest.mark.parametrize("key", ENGLISH)
def test_every_key_says_why_and_what_to_do(key):
    why, move = ENGLISH[key]
    assert why
    assert bool(move) != (key in NO_MOVE)
    for part in filter(None, (why, move)):
        assert part == part.strip()
        assert part[-1] not in ".;:"


def test_what_is_raised_stands_in_the_table_with_its_values():
    calls = raised()
    for where, key, given in calls:
        assert key in ENGLISH, where
        assert given == fields("".join(ENGLISH[key])), where
    assert {key for _, key, _ in calls} == set(ENGLISH), "keys that nothing raises"


@pytest.mark.parametrize("kind", sorted(all_kinds(), key=str))
def test_parts_survive_copying_and_pickling(kind):
    if not kind.__module__.startswith("bertgen."):
        pytest.skip("the page's own")
    error = kind("hub.is_file", name="a {b} c")
    for again in (error, copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert type(again) is kind
        assert again.key == "hub.is_file"
        assert again.values == {"name": "a {b} c"}
        assert (again.why, again.move) == ("'a {b} c' is a file", "give the folder that holds it")
        assert str(again) == "'a {b} c' is a file; give the folder that holds it"


def test_a_plain_text_is_its_own_reason():
    error = ConfigChoiceError("a word; and {another}")
    assert (error.key, error.why, error.move) == ("", "a word; and {another}", "")
    assert str(error) == "a word; and {another}"
    assert isinstance(error, KeyError)


@pytest.mark.parametrize(
    ("kind", "base"),
    [
        (FileTrouble, OSError),
        (NotSupported, NotImplementedError),
        (WeightsMismatch, RuntimeError),
        (hub.HubError, OSError),
    ],
)
def test_the_references_types_are_caught_as_before(kind, base):
    with pytest.raises(base, match="is a file; give"):
        raise kind("hub.is_file", name="x")
    assert issubclass(kind, ValueError)


def mismatch() -> None:
    load_into(torch.nn.Linear(2, 3), {"weight": torch.zeros(5, 5), "bias": torch.zeros(3)})


@pytest.mark.parametrize(
    ("act", "key"),
    [
        (lambda: resolve_device("tpu"), "device.unknown"),
        (lambda: resolve_device("meta"), "device.unsupported"),
        (lambda: hub.cached_file("no such folder", "config.json"), "hub.bad_id"),
        (lambda: hub.cached_file(__file__, "config.json"), "hub.is_file"),
        (lambda: hub.cached_file(".", "../config.json"), "hub.bad_path"),
        (lambda: hub.cached_file("a/b", "c", revision="../x"), "hub.bad_revision"),
        (lambda: hub.resolve(Path(__file__).parent, "none.json"), "hub.lacks_files"),
        (mismatch, "weights.mismatch"),
    ],
)
def test_bad_inputs_arrive_in_parts(act, key):
    with pytest.raises(Trouble) as caught:
        act()
    error = caught.value
    assert error.key == key
    assert error.why
    assert error.move
    assert str(error) == f"{error.why}; {error.move}"
    assert "{" not in str(error)
