"""The house rules that a machine can check: who imports whom, and how long a file and a function may be."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator
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
# The page from the ground up; its loose modules are the ground that its folders stand on.
STOREYS = [
    {"strings", "limits"},
    {"settings", "theme", "vendor", "views", "texts", "refusal"},
    {"validation", "session", "gate", "surroundings"},
    {"models"},
    {"runs"},
    {"context"},
    {"widgets"},
    {"api", "launching"},
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


def nodes(parent: ast.AST, typing_too: bool) -> Iterator[ast.AST]:
    """Everything below `parent`; what stands under `if TYPE_CHECKING` only where that is asked for."""
    for child in ast.iter_child_nodes(parent):
        yield child
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING") and not typing_too:
            for branch in child.orelse:
                yield branch
                yield from nodes(branch, typing_too)
        else:
            yield from nodes(child, typing_too)


def imported(source: str, typing_too: bool) -> Iterator[tuple[str, str | None, str]]:
    """(module, name in it or None, name here) of every import, inside functions too; dots resolved."""
    package = list(Path(source).parent.parts)
    for node in nodes(tree(source), typing_too):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None, alias.asname or alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((module, alias.name, alias.asname or alias.name) for alias in node.names)


def imports(source: str) -> set[str]:
    """Full dotted names of everything a file imports, for its types too."""
    found = set()
    for module, name, _ in imported(source, typing_too=True):
        found.add(module)
        if name is not None:
            found.add(f"{module}.{name}")
    return found


def module_name(source: str) -> str:
    """The dotted name of a file; a package's is that of its folder."""
    parts = Path(source).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def origin(module: str, name: str | None, files: dict[str, str], seen: frozenset[str] = frozenset()) -> str:
    """The module that an import reads: a module of that name, or the one whose name a package passes on."""
    full = f"{module}.{name}"
    if full in files:
        return full
    # A package that imports the name itself is a door, not the place where it is defined.
    if files.get(module, "").endswith("__init__.py") and full not in seen:
        for inner, inner_name, alias in imported(files[module], typing_too=False):
            if alias == name:
                return origin(inner, inner_name, files, seen | {full})
    return module


def import_circle(sources: list[str]) -> list[str]:
    """One circle of imports between the files, as modules in order; empty where there is none."""
    files = {module_name(source): source for source in sources}
    graph = {
        module: {origin(*names[:2], files) for names in imported(source, typing_too=False)} - {module}
        for module, source in files.items()
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


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


@pytest.mark.parametrize("package", ["bertgen", "components"])
def test_no_import_circle(package):
    """Not between files either, and not by imports inside functions."""
    circle = import_circle([source for source in SOURCES if source.startswith(f"{package}/")])
    assert not circle, " <- ".join(circle)


def test_an_import_circle_would_be_seen(tmp_path, monkeypatch):
    """The check itself: through a package's door and inside a function; imports for types alone are free."""
    folder = tmp_path / "bertgen" / "door"
    folder.mkdir(parents=True)
    files = {
        "__init__.py": "from bertgen.door.one import first as opened\n",
        "one.py": "def first():\n    from . import two\n",
        "two.py": "from bertgen.door.three import third\n",
        "three.py": "import typing\nif typing.TYPE_CHECKING:\n    from bertgen.door import opened\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    sources = [f"bertgen/door/{name}" for name in files]
    assert import_circle(sources) == []
    (folder / "three.py").write_text("def third():\n    from bertgen.door import opened\n")
    circle = {f"bertgen.door.{name}" for name in ("one", "two", "three")}
    assert set(import_circle(sources)) == circle


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
