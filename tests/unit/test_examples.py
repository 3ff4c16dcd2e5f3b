"""Every example of assets/examples runs, and says what it promises."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bertgen import BertGenerationTokenizer, EncoderDecoderModel

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "assets" / "examples"
SAYS = {
    "1_translate.py": ([], "beams of 4: Die Katze"),
    "2_trace.py": ([], "looked"),
    "3_own_search.py": ([], "greedy:            Die Katze"),
    "4_heads.py": ([], "layer head  entropy"),
    "5_train.py": (["50"], "without a mistake"),
}


def test_every_script_is_listed_and_tried():
    scripts = {path.name for path in EXAMPLES.glob("*.py")}
    assert scripts == set(SAYS)
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    for path in EXAMPLES.iterdir():
        assert path.name == "README.md" or f"`{path.name}`" in listed


@pytest.mark.parametrize("name", sorted(SAYS))
def test_a_script_runs(name, tmp_path):
    arguments, words = SAYS[name]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
    result = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert words in result.stdout


def test_the_notebook_runs(monkeypatch):
    monkeypatch.chdir(EXAMPLES)
    notebook = json.loads((EXAMPLES / "where_it_looks.ipynb").read_text(encoding="utf-8"))
    names: dict = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert not cell["outputs"]
            exec(compile("".join(cell["source"]), "where_it_looks.ipynb", "exec"), names)
    assert names["trace"].text == "Die Katze schläft auf dem Sofa."
    assert names["mean"].shape == (len(names["trace"].target_pieces), len(names["trace"].source_pieces))


def test_the_tour_as_code_runs(capsys):
    """The loop that bertgen/README.md shows writes what the model writes."""
    tour = (ROOT / "bertgen" / "README.md").read_text(encoding="utf-8")
    code = next(part for part in re.findall(r"```python\n(.*?)```", tour, re.DOTALL) if "advance(" in part)
    folder = ROOT / "assets" / "checkpoints" / "translate-mini"
    names = {
        "model": EncoderDecoderModel.from_pretrained(folder).eval(),
        "tokenizer": BertGenerationTokenizer.from_pretrained(folder),
        "text": "The cat is sleeping on the sofa.",
    }
    exec(compile(code, "bertgen/README.md", "exec"), names)
    assert capsys.readouterr().out == "Die Katze schläft auf dem Sofa.\n"
