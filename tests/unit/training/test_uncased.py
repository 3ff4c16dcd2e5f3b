"""A run from an uncased BERT: what it writes has no capitals, so it is scored without them."""

import json
from pathlib import Path

import pytest

from bertgen import BertTokenizer
from bertgen.training.__main__ import main
from bertgen.training.objectives.validation import is_uncased
from bertgen.training.reports.evaluate import score_all
from bertgen.training.runs.state import read_log
from bertgen.training.scores.metrics import score
from tests.unit.training.tiny_bases import make_bert, recipe_text

FILES = 'train = "pairs.tsv"\ncarve = [2, 2]'


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder with pairs, a recipe and a random uncased BERT."""
    base = make_bert(tmp_path / "bert")
    lines = [f"Ada sees {n} and runs.\tAda sees {n}. Ada runs." for n in range(30)]
    (tmp_path / "pairs.tsv").write_text("\n".join(lines) + "\n")
    (tmp_path / "recipe.toml").write_text(recipe_text(base, longest=32, files=FILES, steps=1))
    return tmp_path


def test_an_uncased_run_is_scored_in_lower_case(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = [work / "recipe.toml", "--data", work, "--out", work / "run"]
    monkeypatch.setattr("sys.argv", ["training", "train", *map(str, arguments)])
    main()
    assert "last_exact" in read_log(work / "run")[-1]
    arguments = [work / "run" / "checkpoint", work / "recipe.toml", "--data", work, "--split", "test"]
    arguments += ["--num-beams", 1, "--json", work / "results.json"]
    monkeypatch.setattr("sys.argv", ["training", "evaluate", *map(str, arguments)])
    main()
    (copied,) = [
        row for row in json.loads((work / "results.json").read_text())["metrics"] if "baseline" in row
    ]
    assert all("all lower-cased" in copied[name]["signature"] for name in ("exact", "SARI", "BLEU", "chrF"))


def test_case_counts_unless_the_model_has_none() -> None:
    texts, references, sources = (
        ["ada sees. bob runs."],
        [["Ada sees. Bob runs."]],
        ["Ada sees and Bob runs."],
    )
    assert score("split", texts, references, sources)["exact"]["score"] == 0
    lower = score("split", texts, references, sources, lower=True)
    assert (lower["exact"]["score"], lower["BLEU"]["score"]) == (100, 100)
    tokens = (["Ada sees and Bob runs ."], [["Ada sees . Bob runs ."]])
    for ignored, hits in ((True, 100), (False, 0)):
        (row,) = [
            row
            for row in score_all("split", texts, references, sources, tokens, lower=ignored)
            if row["references"] == "tokens"
        ]
        assert row["exact"]["score"] == hits
        assert ("lower-cased" in row["SARI"]["signature"]) is ignored


@pytest.mark.parametrize("lower", [True, False])
def test_the_tokenizer_says_whether_there_are_capitals(work: Path, lower: bool) -> None:
    assert is_uncased(BertTokenizer(work / "bert" / "vocab.txt", do_lower_case=lower)) is lower
