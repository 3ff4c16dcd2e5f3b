"""The house rules that a machine can check: who imports whom, and how long a file and a function may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
LONGEST_FILE, LONGEST_FUNCTION = 400, 60
# Folders and modules of bertgen from the ground up: each may import itself and what stands on a lower line.
FLOORS = [
    {"trace", "errors"},
    {"machine", "hub"},
    {"configs"},
    {"layers", "tokenizers"},
    {"generation", "checkpoints"},
    {"attribution", "models"},
    {"warm_start"},
    {"serving"},
    {"training", "cli", "notebook", "__main__"},
]
FLOOR_OF = {name: floor for floor, names in enumerate(FLOORS) for name in names}
# The page from the ground up; its loose modules are the ground that all of its folders stand on.
STOREYS = [
    {"strings", "limits", "settings", "theme", "vendor", "views", "texts", "refusal"},
    {"validation", "session", "gate"},
    {"models"},
    {"runs"},
    {"context"},
    {"widgets"},
    {"api"},
    {"tabs"},
    {"page"},
]
STOREY_OF = {name: storey for storey, names in enumerate(STOREYS) for name in names}
FOREIGN = {
    "bertgen": {"gradio", "gradio_client", "plotly", "transformers", "components", "app", "fastapi"},
    "components/views": {"torch", "gradio", "gradio_client", "bertgen", "transformers"},
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
    """The folder or loose module that a file belongs to; None for the package's own front door."""
    parts = Path(source).with_suffix("").parts
    return None if parts[1] == "__init__" else parts[1]


def rooms_used(source: str, package: str, known: dict[str, int]) -> set[str]:
    """The rooms of `package` that a file imports."""
    names = {name.split(".")[1] for name in imports(source) if name.startswith(f"{package}.")}
    return {name for name in names if name in known}


def check_arrows(source: str, package: str, height: dict[str, int]) -> None:
    """A file imports its own room and lower ones only."""
    own = room(source)
    if own is None:
        return
    assert own in height, f"{source}: give the new room a place in {Path(__file__).name}"
    used = rooms_used(source, package, height) - {own}
    wrong = sorted(name for name in used if height[name] >= height[own])
    assert not wrong, f"{source} must not import {package}.{wrong}"


@pytest.mark.parametrize("source", [name for name in SOURCES if name.startswith("bertgen/")])
def test_arrows_of_bertgen(source):
    check_arrows(source, "bertgen", FLOOR_OF)


@pytest.mark.parametrize("source", [name for name in SOURCES if name.startswith("components/")])
def test_arrows_of_the_page(source):
    check_arrows(source, "components", STOREY_OF)


@pytest.mark.parametrize("source", SOURCES)
def test_foreign_libraries(source):
    """bertgen knows no page; views know neither torch nor gradio; nobody needs transformers."""
    for place, banned in FOREIGN.items():
        if source.startswith(place + "/"):
            wrong = {name for name in imports(source) if name.split(".")[0] in banned}
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
    folder = tmp_path / "components" / "views"
    folder.mkdir(parents=True)
    (folder / "bad.py").write_text("def draw():\n    from torch import nn\n    from ..tabs import x\n")
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    assert imports("components/views/bad.py") == {
        "torch",
        "torch.nn",
        "components.tabs",
        "components.tabs.x",
    }
    with pytest.raises(AssertionError, match="torch"):
        test_foreign_libraries("components/views/bad.py")


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
