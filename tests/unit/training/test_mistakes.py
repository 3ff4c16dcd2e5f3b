"""Training from other families, dead runs, held-out references, and settings that cannot be meant."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from bertgen.training.__main__ import main
from bertgen.training.data.corpus import read_sets
from bertgen.training.recipe.reader import read_recipe
from bertgen.training.recipe.tables import DataSet
from bertgen.training.runs.export import run_weights
from bertgen.training.runs.snapshots import snapshot_files
from bertgen.training.runs.state import read_log
from bertgen.training.trainer import Trainer
from tests.unit.training.tiny_bases import make_bert, make_gpt2, make_roberta, recipe_text

NOTHING = '""'  # an empty text in TOML


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random BERT (42 tokens), RoBERTa and GPT-2 (257 and more) of one layer."""
    root = tmp_path_factory.mktemp("bases")
    make_bert(root / "bert")
    make_roberta(root / "roberta")
    make_gpt2(root / "gpt2")
    return root


@pytest.fixture
def work(bases: Path, tmp_path: Path) -> Path:
    """A folder with pairs of many lengths, one too long to validate on as it is, and a recipe."""
    pairs = [f"ada sees {'and runs ' * (n % 5)}{n}.\tada {n}. he runs {n % 3}.\n" for n in range(30)]
    (tmp_path / "train.tsv").write_text("".join(pairs))
    (tmp_path / "valid.tsv").write_text(f"{'bob runs ' * 40}.\tbob runs.\nada runs.\tada.\n")
    (tmp_path / "recipe.toml").write_text(recipe_text(bases / "bert"))
    return tmp_path


def command(monkeypatch: pytest.MonkeyPatch, work: Path, name: str, *more: object) -> None:
    arguments = [name, work / "recipe.toml", "--data", work, "--out", work / "run", *more]
    monkeypatch.setattr("sys.argv", ["training", *map(str, arguments)])
    main()


def start(bases: Path, setup: str) -> list[str]:
    """Settings of a warm start that read what it needs, and nothing else."""
    kinds = {
        "bert": "BERT" in setup.replace("ROBERTA", ""),
        "roberta": "ROBERTA" in setup,
        "gpt2": "GPT" in setup,
    }
    sources = [f"warm_start.{kind}={bases / kind if used else NOTHING}" for kind, used in kinds.items()]
    return [f"warm_start.setup={setup}", *sources]


def options(settings: Sequence[str]) -> list[str]:
    return [part for setting in settings for part in ("--set", setting)]


@pytest.mark.parametrize("setup", ["BERTSHARE", "BERT2GPT", "ROBERTA2GPT"])
def test_each_side_is_padded_with_its_own_id(
    bases: Path, work: Path, monkeypatch: pytest.MonkeyPatch, setup: str
) -> None:
    command(monkeypatch, work, "train", *options([*start(bases, setup), "longest_source=36"]))
    assert read_log(work / "run")[-1]["step"] == 2
    assert (work / "run" / "checkpoint" / "config.json").exists()


def test_files_of_another_run_are_neither_taken_up_nor_lost(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = work / "run"
    run.mkdir()
    names = ["best.safetensors", "kept-0000007.safetensors", "spiece.model", "train.jsonl"]
    for name in names:
        (run / name).write_bytes(b"of another run")
    with pytest.raises(SystemExit, match=f"holds {re.escape(', '.join(names))}"):
        command(monkeypatch, work, "train")
    assert sorted(path.name for path in run.iterdir()) == names
    assert all((run / name).read_bytes() == b"of another run" for name in names)


def test_a_run_that_dies_in_its_first_step_can_be_resumed(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ["--set", "optimisation.keep_last=5"]
    command(monkeypatch, work, "train", *settings)
    whole = run_weights(work / "run", "masters")
    (work / "run").rename(work / "whole")
    with monkeypatch.context() as broken:
        broken.setattr(Trainer, "train_step", lambda trainer: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            command(broken, work, "train", *settings)
    command(monkeypatch, work, "train", *settings, "--resume")
    assert [path.name for path in snapshot_files(work / "run")] == [
        "kept-0000001.safetensors",
        "kept-0000002.safetensors",
    ]
    assert {line["step"] for line in read_log(work / "run")} == {1, 2}
    for name, tensor in run_weights(work / "run", "masters").items():
        assert torch.equal(tensor, whole[name])


def test_every_listed_reference_is_held_out(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text("one\tA.\ntwo\tB.\nthree\tC.\nfour\tD.\n")
    (tmp_path / "valid.tsv").write_text("five\tE.\n")
    rows = [{"source": "Two", "references": ["X."]}, {"source": "six", "references": ["Y.", "c"]}]
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    entry = DataSet("own", "", "", "train.tsv", valid="valid.tsv", test_references="test.jsonl", clean=True)
    assert read_sets([entry], tmp_path, 0)["own"].train == [("one", "A."), ("four", "D.")]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("data.own=other.tsv", "data.own is a table"),
        ("optimisation=5", "optimisation is a table"),
        ("data.own.clean=False", "clean must be true or false, got 'False'"),
        ("optimisation.max_steps=ten", r"max_steps must be a number \(int\)"),
        ("optimisation.max_steps=true", r"max_steps must be a number \(int\)"),
        ("title=5", "title must be a text"),
        ("optimisation.validate_every=0", "at least 1"),
        ("no_repeat_ngram_size=-1", "no_repeat_ngram_size must be at least 0"),
        ("data.own.carve=[2,2]", "set carve = "),
        ("warm_start.setup=GPT", "GPT is a decoder alone"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(work: Path, setting: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_recipe(work / "recipe.toml", [setting])


def test_schedules_stand_in_one_place(work: Path) -> None:
    stage = (
        '[[stage]]\nname = "one"\nmax_steps = 2\nwarmup_steps = 0\ndecay_steps = 0\nlearning_rate = 1e-3\n'
    )
    (work / "recipe.toml").write_text((work / "recipe.toml").read_text() + stage)
    with pytest.raises(ValueError, match=r"stand in \[\[stage\]\]"):
        read_recipe(work / "recipe.toml")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["ROBERTASHARE", "longest_source=39"], "the checkpoint has 38 positions"),
        (["joined_share=0.5"], "joined_share needs a SentencePiece vocabulary"),
        (["data.own.share=0.001"], "leave no row in an epoch"),
        (["longest_target=3"], "none of 30 training rows is within|no validation rows"),
        (["warm_start.bert=nowhere/at/all"], "nowhere/at/all"),
    ],
)
def test_what_only_the_data_or_the_base_can_tell_ends_in_one_line(
    bases: Path, work: Path, monkeypatch: pytest.MonkeyPatch, settings: list[str], message: str
) -> None:
    if settings[0] == "ROBERTASHARE":
        settings = [*start(bases, settings[0]), *settings[1:]]
    with pytest.raises(SystemExit, match=message):
        command(monkeypatch, work, "train", *options(settings))


@pytest.mark.parametrize("device", ["cuda:99", "tpu", "meta"])
def test_a_device_that_is_not_there_ends_in_one_line_before_anything_is_read(
    work: Path, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    (work / "train.tsv").unlink()  # which would be the next error
    for name in ("train", "compare"):
        variants = ["--setups", "BERTSHARE"] if name == "compare" else []
        with pytest.raises(SystemExit, match=f"error: .*device '{device}'"):
            command(monkeypatch, work, name, "--device", device, *variants)


def test_a_comparison_is_not_answered_with_results_of_other_settings(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["--num-beams", "1", "--variant", "slow"]
    command(monkeypatch, work, "compare", *asked, "optimisation.learning_rate=1e-4")
    command(monkeypatch, work, "compare", *asked, "optimisation.learning_rate=1e-4")  # kept
    with pytest.raises(SystemExit, match="holds results of other settings"):
        command(monkeypatch, work, "compare", *asked, "optimisation.learning_rate=1e-2")
    for beams in (["2"], ["1", "2"]):
        with pytest.raises(SystemExit, match="holds results of other settings"):
            command(
                monkeypatch, work, "compare", *asked, "optimisation.learning_rate=1e-4", "--num-beams", *beams
            )
