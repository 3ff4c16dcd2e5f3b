"""The project's own papers agree with each other: README, .ci/run, requirements, pyproject."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests import install_chromium

ROOT = Path(__file__).parent.parent.parent


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def commands() -> list[str]:
    """The README's one-line commands that begin with a virtual environment."""
    return [line for line in read("README.md").splitlines() if line.startswith("python3 -m venv")]


def pins(name: str) -> dict[str, str]:
    lines = [line.split("#")[0].strip() for line in read(name).splitlines()]
    return dict(line.split("==") for line in lines if line and not line.startswith("-r"))


def test_ci_runs_the_readmes_second_command():
    first, second = commands()
    assert first.endswith("python app.py")
    assert second.endswith("pytest")
    last = read(".ci/run").strip().splitlines()[-1]
    assert last == second


@pytest.mark.parametrize(
    "name", ["requirements.txt", "tests/requirements.txt", "bertgen/training/requirements.txt"]
)
def test_requirements_are_pinned(name):
    for package, version in pins(name).items():
        assert re.fullmatch(r"\d+(\.\d+)+", version), package


def test_the_library_accepts_what_the_page_pins():
    needed = tomllib.loads(read("pyproject.toml"))["project"]["dependencies"]
    pinned = {name.lower().replace("_", "-"): version for name, version in pins("requirements.txt").items()}
    for requirement in needed:
        name, floor = requirement.split(">=")
        version = pinned[name.lower().replace("_", "-")]
        as_numbers = [[int(part) for part in text.split(".")] for text in (floor, version)]
        assert as_numbers[0] <= as_numbers[1], requirement


def test_space_front_matter_names_the_pinned_gradio():
    front = read("README.md").split("---")[1]
    fields = dict(re.findall(r'^(\w+): "?([^"\n]+)"?$', front, flags=re.MULTILINE))
    assert fields["sdk"] == "gradio"
    assert fields["sdk_version"] == pins("requirements.txt")["gradio"]
    assert (ROOT / fields["app_file"]).is_file()
    assert 0 < len(fields["short_description"]) <= 60


def test_readme_pictures_and_links_exist():
    for target in re.findall(r"\]\(([^)#]+)\)", read("README.md")):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target


def test_no_file_needs_large_file_storage():
    """A clone can be pushed to a Space as it is: no file over 10,000,000 bytes."""
    for folder in ("assets", "tests", "bertgen", "components"):
        for path in (ROOT / folder).rglob("*"):
            assert not path.is_file() or path.stat().st_size <= 10_000_000, path


def test_a_named_browser_is_used(tmp_path, monkeypatch):
    browser = tmp_path / "browser"
    monkeypatch.setenv("CHROMIUM", str(browser))
    with pytest.raises(SystemExit, match="no file"):
        install_chromium.find()
    browser.touch()
    assert install_chromium.find() == str(browser)


def test_apt_only_where_it_has_a_chromium(tmp_path):
    release = tmp_path / "os-release"
    for text, expected in (("ID=debian\n", True), ("ID=ubuntu\nID_LIKE=debian\n", False), ("", False)):
        release.write_text(text)
        assert install_chromium.is_debian(str(release)) is expected
    assert not install_chromium.is_debian(str(tmp_path / "nowhere"))
