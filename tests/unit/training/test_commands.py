"""What the training commands say: figures, tables, paths, and one line where something is missing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bertgen.training import __main__ as commands
from bertgen.training.runs import compare  # noqa: F401 - it keeps the true `evaluate` beside the test's
from bertgen.training.runs.state import digest_of
from tests.unit.training.tiny_bases import make_bert, recipe_text

ROOT = Path(__file__).resolve().parents[3]
FILES = 'train = "train.tsv"\ncarve = [3, 3]'
STOP = "import sys; sys.modules['sacrebleu'] = None; from bertgen.training.__main__ import main; main()"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    bert = make_bert(tmp_path / "bert")
    (tmp_path / "recipe.toml").write_text(recipe_text(bert, "summarize", 20, FILES, 2))
    rows = [f"ada sees {n}.\tada {n}." for n in range(36)]
    (tmp_path / "train.tsv").write_text("\n".join(rows) + "\n")
    return tmp_path


def command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["training", *map(str, arguments)])
    commands.main()


def test_a_run_goes_on_with_its_own_rows_alone(work, monkeypatch, capsys):
    names = [work / "recipe.toml", "--data", work, "--out", work / "run"]
    command(monkeypatch, "train", *names)
    told = capsys.readouterr().err
    assert re.search(r"step 2: last_loss\w* \d", told)
    assert re.search(r"precision: (bf16|fp32), device: cpu", told)
    # As many rows, of which one is another.
    text = (work / "train.tsv").read_text()
    (work / "train.tsv").write_text(text.replace("ada sees 7.\tada 7.", "ada sees 7.\tbob 7."))
    with pytest.raises(SystemExit, match="rows are others"):
        command(monkeypatch, "train", *names, "--resume", "--set", "optimisation.max_steps=4")
    (work / "train.tsv").write_text(text)
    command(monkeypatch, "train", *names, "--resume", "--set", "optimisation.max_steps=4")


def test_digests_tell_rows_and_their_cuts_apart():
    assert digest_of([b"ab", b"c"]) == digest_of(iter([b"ab", b"c"]))
    assert digest_of([b"ab", b"c"]) != digest_of([b"a", b"bc"])
    assert digest_of([b"ab", b"c"]) != digest_of([b"c", b"ab"])


def test_a_file_as_data_is_told_how_to_name_it(work, monkeypatch):
    with pytest.raises(SystemExit, match=r"--data .* --set data\.own\.train=train\.tsv"):
        command(
            monkeypatch, "train", work / "recipe.toml", "--data", work / "train.tsv", "--out", work / "run"
        )


def test_a_missing_package_names_the_extra_that_has_it(work):
    arguments = ["evaluate", work / "bert", work / "recipe.toml", "--data", work]
    ended = subprocess.run(
        [sys.executable, "-c", STOP, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True
    )
    assert ended.returncode == 1
    assert ended.stderr.strip().endswith(
        'sacrebleu is not installed; training needs more: pip install ".[training]"'
    )
    assert "Traceback" not in ended.stderr


def test_the_extra_holds_what_the_requirements_pin():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extra = {name.partition(">=")[0] for name in project["optional-dependencies"]["training"]}
    pinned = (ROOT / "bertgen" / "training" / "requirements.txt").read_text("utf-8")
    assert extra == set(re.findall(r"^([\w-]+)==", pinned, re.MULTILINE))
    assert {name.replace("-", "_") for name in extra} == set(commands.EXTRA)


def test_results_are_kept_whatever_the_terminal_can_show(work, monkeypatch):
    def fake(*_):
        return [{"set": "own", "split": "valid"}], {"own, num_beams 1": ["Größe 😀"]}

    monkeypatch.setattr("bertgen.training.reports.evaluate.evaluate", fake)
    reads = []
    monkeypatch.setattr(Path, "write_text", lambda self, text, **how: reads.append((how, text)))
    command(
        monkeypatch,
        "evaluate",
        work / "bert",
        work / "recipe.toml",
        "--data",
        work,
        "--json",
        work / "x.json",
    )
    assert reads[0][0] == {"encoding": "utf-8"}
    assert "Größe 😀" in reads[0][1]


def test_a_terminal_of_ascii_stops_nothing():
    code = "from bertgen.training import __main__ as m; m.parse = lambda: print('Größe'); m.main()"
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True)
    assert ended.stdout.strip() == "Gr\\xf6\\xdfe"
