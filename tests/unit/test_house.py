"""The house rules that a machine can check: who imports whom, and how long a file and a function may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
LONGEST_FILE, LONGEST_FUNCTION = 400, 50
# Rooms of bertgen from the ground up: a module may import its own room and those below it.
FLOORS = [
    {"outputs", "hub", "activations", "devices"},
    {"checks", "generation_checks"},
    {"config_base"},
    {"config"},
    {"tokenizers", "cache", "trace", "inputs"},
    {"layers"},
    {"checkpoints", "generation"},
    {"modeling", "transformer", "families", "encoder_decoder", "pretrained", "model_utils", "load_options"},
    {"warm_start"},
    {"training", "attribution", "published"},
]
FLOOR_OF = {name: floor for floor, names in enumerate(FLOORS) for name in names}
# Rooms on one floor that may still use each other: the models are one room in several files.
TOGETHER = [
    {"modeling", "transformer", "families", "encoder_decoder", "pretrained", "model_utils", "load_options"},
    {"checks", "generation_checks"},
]
FOREIGN = {
    "bertgen": {"gradio", "gradio_client", "plotly", "transformers", "components", "app", "fastapi"},
    "components/figures": {"torch", "gradio", "gradio_client", "bertgen", "transformers"},
    "components": {"transformers", "app"},
}


def python_files(*places: str) -> list[Path]:
    """The project's own modules under the given files and folders."""
    found = []
    for place in places:
        path = ROOT / place
        found += [path] if path.is_file() else sorted(path.rglob("*.py"))
    return found


SOURCES = [str(path.relative_to(ROOT)) for path in python_files("bertgen", "components", "app.py")]


def tree(source: str) -> ast.Module:
    return ast.parse((ROOT / source).read_text(encoding="utf-8"), filename=source)


def imports(source: str) -> set[str]:
    """Full dotted names of everything a file imports, inside functions too; relative imports resolved."""
    package = list(Path(source).parent.parts)
    found = set()
    for node in ast.walk(tree(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{module}.{alias.name}" for alias in node.names} | {module}
    return found


def room(source: str) -> str | None:
    """The room of bertgen that a file belongs to; None for the package's own front door."""
    parts = Path(source).with_suffix("").parts
    return None if parts[1] == "__init__" else parts[1]


def bertgen_rooms(source: str) -> set[str]:
    names = {name.split(".")[1] for name in imports(source) if name.startswith("bertgen.")}
    return {name for name in names if name in FLOOR_OF}


def may_use(user: str, used: str) -> bool:
    """Whether room `user` may import room `used`."""
    if user == used or any({user, used} <= group for group in TOGETHER):
        return True
    return FLOOR_OF[used] < FLOOR_OF[user]


@pytest.mark.parametrize("source", [name for name in SOURCES if name.startswith("bertgen/")])
def test_rooms_of_bertgen(source):
    own = room(source)
    if own is None:
        return
    assert own in FLOOR_OF, f"{source}: give the new module a floor in {Path(__file__).name}"
    wrong = sorted(used for used in bertgen_rooms(source) if not may_use(own, used))
    assert not wrong, f"{source} must not import bertgen.{wrong}"
    if own == "tokenizers":
        assert not bertgen_rooms(source) - {"tokenizers", "config", "config_base", "hub"}


@pytest.mark.parametrize("source", SOURCES)
def test_foreign_libraries(source):
    """bertgen knows no page; figures know neither torch nor gradio; nobody needs transformers."""
    for place, banned in FOREIGN.items():
        if source.startswith(place + "/"):
            wrong = {name for name in imports(source) if name.split(".")[0] in banned}
            assert not wrong, f"{source} must not import {sorted(wrong)}"


@pytest.mark.parametrize("source", [name for name in SOURCES if name.startswith("components/")])
def test_storeys_of_the_page(source):
    """tabs -> widgets, figures, context; these never reach up to the tabs or the page."""
    below = not source.startswith("components/tabs/") and source != "components/page.py"
    if below:
        wrong = {n for n in imports(source) if n.startswith(("components.tabs", "components.page"))}
        assert not wrong, f"{source} must not import {sorted(wrong)}"


@pytest.mark.parametrize("source", SOURCES)
def test_lengths(source):
    lines = (ROOT / source).read_text(encoding="utf-8").count("\n")
    assert lines <= LONGEST_FILE, f"{source} has {lines} lines; split what it does in two"
    for node in ast.walk(tree(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = node.end_lineno - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{source}: {node.name} has {length} lines"


def test_a_forbidden_import_would_be_seen(tmp_path, monkeypatch):
    """The check itself: a figure that imports torch inside a function is found."""
    folder = tmp_path / "components" / "figures"
    folder.mkdir(parents=True)
    (folder / "bad.py").write_text("def draw():\n    from torch import nn\n    from ..tabs import x\n")
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    assert imports("components/figures/bad.py") == {
        "torch",
        "torch.nn",
        "components.tabs",
        "components.tabs.x",
    }
    with pytest.raises(AssertionError, match="torch"):
        test_foreign_libraries("components/figures/bad.py")


@pytest.mark.parametrize("arguments", [["check"], ["format", "--check"]])
def test_ruff(arguments):
    command = [sys.executable, "-m", "ruff", *arguments, "."]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_importing_bertgen_pulls_in_no_page():
    pages = {"gradio", "plotly", "transformers", "pandas"}
    code = f"import sys, bertgen; print(sorted({pages} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
