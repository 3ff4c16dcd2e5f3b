"""Pictures and model cards of runs."""

import gzip
import json
import shutil
from pathlib import Path

import pytest

from bertgen import GenerationConfig
from bertgen.training.__main__ import main
from bertgen.training.recipe.reader import read_any_recipe
from bertgen.training.reports.card import read_results, write_card
from bertgen.training.reports.curves import draw_curves, smooth
from bertgen.training.runs.export import generation_config

RECIPES = Path(__file__).parents[3] / "bertgen" / "training" / "recipes"
EMBEDDED = Path(__file__).parents[3] / "assets" / "checkpoints" / "split-mini"
LOG = [
    {"step": step, "loss": 9.0 - step / 10, "tokens": step * 100, "seconds": 60.0}
    for step in range(20, 61, 20)
]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A folder with the files that a card reads; no weights of any size are needed for it."""
    folder = tmp_path / "split-mini"
    folder.mkdir()
    for name in ("config.json", "spiece.model", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copy(EMBEDDED / name, folder)
    (folder / "profile.json").write_text('{"task": "split", "longest_source": 9, "metrics": {}}')
    (folder / "model.safetensors").write_bytes(bytes(3_000_000))
    log = [*LOG, {"step": 60, "last_loss": 3.25, "last_accuracy": 0.5, "average_loss": 3.5}]
    (folder / "train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "wikisplit").mkdir()
    rows = "".join(f"Source {n} | end.\tTarget {n}. End.\n" for n in range(30))
    (tmp_path / "wikisplit" / "valid.tsv.gz").write_bytes(gzip.compress(rows.encode()))
    return tmp_path


RESULTS = {
    "metrics": [
        {
            "set": "wikisplit",
            "split": "test",
            "rows": 30,
            "references": "one",
            "baseline": "copy",
            "exact": {"score": 0.0, "signature": "whole text"},
        },
        {
            "set": "wikisplit",
            "split": "test",
            "rows": 30,
            "references": "one",
            "decoding": {"num_beams": 4},
            "exact": {"score": 12.345, "signature": "whole text"},
        },
    ],
    "outputs": {"wikisplit, num_beams 4": [f"Output {n}." for n in range(30)]},
}
VALID = {
    "metrics": [{**row, "split": "valid"} for row in RESULTS["metrics"]],
    "outputs": RESULTS["outputs"],
}


def test_a_card_holds_figures_outputs_licences_and_the_command(checkpoint: Path, data: Path) -> None:
    recipe = read_any_recipe(RECIPES / "split-mini.toml")
    write_card(checkpoint, recipe, data, RESULTS, "python -m it", "It fails.", VALID)
    text = (checkpoint / "README.md").read_text()
    front = text.split("---\n")[1]
    values = {line.split(": ", 1)[0]: json.loads(line.split(": ", 1)[1]) for line in front.splitlines()}
    result = values["model-index"][0]["results"]
    assert [metric["value"] for row in result for metric in row["metrics"]] == [12.345]  # no baseline there
    assert values["pipeline_tag"] == "text-generation"
    assert "| wikisplit test | 30 | one | baseline: copy | 0.00 |" in text
    assert "| wikisplit test | 30 | one | beam 4 | 12.35 |" in text
    assert "3.0 MB as float16" in text
    assert "BERTSHARE" in text
    assert "60 steps" in text
    for expected in ("python -m it", "It fails.", "CC BY-SA 4.0", "- one exact: whole text"):
        assert expected in text
    profile = json.loads((checkpoint / "profile.json").read_text())
    figures = {"copy (baseline)": {"exact": 0.0}, "beam 4": {"exact": 12.345}}
    assert profile == {
        "task": "split",
        "title": recipe.title,
        "licence": recipe.licence,
        "longest_source": 9,
        "metrics": {"wikisplit test": figures},
    }
    shown = [line for line in text.splitlines() if line.startswith("| Source")]
    assert len(shown) == 10
    for line in shown:
        number = line.split()[2]
        assert line == f"| Source {number} \\| end. | Output {number}. | Target {number}. End. |"


def test_a_card_shows_the_rows_of_the_set_that_is_asked_for(checkpoint: Path, data: Path) -> None:
    rows = "".join(f"Other {n} and more.\tOther {n}. More.\n" for n in range(30))
    (data / "wikisplit" / "train.tsv.gz").write_bytes(gzip.compress(rows.encode()))
    recipe = read_any_recipe(RECIPES / "split-mini.toml")
    # A set whose name begins like another's must not lend its outputs to that one.
    outputs = {**RESULTS["outputs"], "wikisplit-mixed, num_beams 1": ["Mixed 0.", "Mixed 1.", "Mixed 2."]}
    valid = {**VALID, "outputs": outputs}
    for shown, beginning in ((None, "| Source"), ("wikisplit-mixed", "| Other")):
        write_card(checkpoint, recipe, data, RESULTS, "python -m it", "It fails.", valid, shown)
        lines = (checkpoint / "README.md").read_text().splitlines()
        found = [line for line in lines if line.startswith(beginning)]
        assert len(found) == (10 if shown is None else 3)
        assert all(("Mixed" in line) == (shown is not None) for line in found)
    with pytest.raises(ValueError, match="no validation outputs on a set 'desse'"):
        write_card(checkpoint, recipe, data, RESULTS, "python -m it", "It fails.", valid, "desse")


def test_a_card_names_the_defaults_of_decoding(checkpoint: Path, data: Path) -> None:
    for settings, told in (([], False), (["no_repeat_ngram_size=3", "length_penalty=0.8"], True)):
        recipe = read_any_recipe(RECIPES / "split-mini.toml", settings)
        write_card(checkpoint, recipe, data, RESULTS, "python -m it", "It fails.")
        text = (checkpoint / "README.md").read_text()
        assert ("is with length_penalty 0.8 and no_repeat_ngram_size 3.\n\n| set |" in text) is told
        assert ("Every decoding" in text) is told


def test_a_default_length_penalty_can_be_saved(tokenizer, tmp_path: Path) -> None:
    """Without beams it would have no effect, and settings without effect are refused when they are saved."""
    for settings, beams in (([], 1), (["length_penalty=0.8"], 4)):
        recipe = read_any_recipe(RECIPES / "split-mini.toml", settings)
        generation_config(recipe, tokenizer).save_pretrained(tmp_path)
        again = GenerationConfig.from_pretrained(tmp_path)
        assert (again.num_beams, again.length_penalty) == (beams, recipe.length_penalty)


def test_results_of_several_evaluations_are_one(tmp_path: Path) -> None:
    greedy = {**RESULTS["metrics"][1], "decoding": {"num_beams": 1}}
    other = {**greedy, "set": "other"}
    parts = [
        {"metrics": [RESULTS["metrics"][0], greedy, other], "outputs": {"wikisplit, num_beams 1": ["a"]}},
        RESULTS,
    ]
    paths = [tmp_path / "1.json", tmp_path / "2.json"]
    for path, part in zip(paths, parts, strict=True):
        path.write_text(json.dumps(part))
    found = read_results(paths)
    assert found["metrics"] == [*RESULTS["metrics"][:1], greedy, RESULTS["metrics"][1], other]
    assert list(found["outputs"]) == ["wikisplit, num_beams 1", "wikisplit, num_beams 4"]


def test_the_card_of_a_base_and_curves_through_the_command_line(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notes.md").write_text("Small.\n")
    recipe = RECIPES / "bert-mini.toml"
    command = ["card", checkpoint, recipe, "--command", "python -m it", "--notes", tmp_path / "notes.md"]
    monkeypatch.setattr("sys.argv", ["training", *map(str, command)])
    main()
    text = (checkpoint / "README.md").read_text()
    assert "- loss: 3.25\n" in text
    assert "- accuracy: 0.5\n" in text
    assert 'pipeline_tag: "fill-mask"' in text
    command = ["curves", checkpoint, "--out", tmp_path / "curves.png"]
    monkeypatch.setattr("sys.argv", ["training", *map(str, command)])
    main()
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    same = [tmp_path / run / "checkpoint" for run in ("one", "two")]
    for folder in same:  # runs are told apart where their last folders are called alike
        shutil.copytree(checkpoint, folder)
    command = ["curves", *same, "--out", tmp_path / "curves.svg"]
    monkeypatch.setattr("sys.argv", ["training", *map(str, command)])
    main()
    text = (tmp_path / "curves.svg").read_text()
    assert all(f"<!-- {folder} -->" in text for folder in same)


def test_curves_show_every_run(tmp_path: Path) -> None:
    watched = {"step": 60, "last_loss_a": 3.0, "last_sari": 40.0}
    draw_curves({"first-run": [*LOG, watched], "second-run": LOG}, tmp_path / "curves.svg")
    text = (tmp_path / "curves.svg").read_text()
    assert "<!-- first-run -->" in text
    assert "<!-- second-run -->" in text
    assert "sari on held-out rows" in text
    with pytest.raises(ValueError, match="log of empty holds no training step"):
        draw_curves({"empty": [watched]}, tmp_path / "curves.svg")


def test_smoothing_is_a_running_mean() -> None:
    assert smooth([1.0, 3.0, 5.0, 7.0], 2) == [1.0, 2.0, 4.0, 6.0]
