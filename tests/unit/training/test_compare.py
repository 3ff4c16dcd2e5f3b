"""Settings on the command line, skipped stages, automatic export and comparisons, on made-up sentences."""

import json
import random
from pathlib import Path

import pytest
import torch

from bertgen import AutoTokenizer, BertGenerationConfig, BertGenerationDecoder, EncoderDecoderModel
from bertgen.training.__main__ import main
from bertgen.training.data.vocabulary import train_sentencepiece, write_tokenizer_files
from bertgen.training.recipe.overrides import apply_settings
from bertgen.training.recipe.reader import read_recipe
from bertgen.training.runs.export import run_weights
from bertgen.training.runs.state import STATE, read_log
from components.models.checkpoint import describe

RECIPES = Path(__file__).parents[3] / "bertgen" / "training" / "recipes"
RECIPE = """
name = "tiny"
task = "split"
title = "Tiny"
seed = 5
longest_source = 40
longest_target = 48

[warm_start]
setup = "BERTSHARE"
bert = "base"
dropout = 0.1

[[data]]
name = "pairs"
origin = "this test"
licence = "Apache-2.0"
train = "pairs.tsv"
carve = [6, 6]

[optimisation]
batch_tokens = 256
validate_every = 4

[[stage]]
name = "copy"
max_steps = 0
warmup_steps = 2
decay_steps = 0
learning_rate = 1e-3

[[stage]]
name = "split"
max_steps = 8
warmup_steps = 0
decay_steps = 4
learning_rate = 5e-4
"""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder with pairs.tsv, recipe.toml and a random base."""
    chance = random.Random(0)
    names = ["Ada", "Bob", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hal"]
    lines = [
        f"{a} sees {b} and {c} runs home {number} times."
        for number in range(8)
        for a, b, c in [chance.sample(names, 3) for _ in range(6)]
    ]
    pairs = [f"{line}\t{line.replace(' and ', '. ')}" for line in lines]
    (tmp_path / "pairs.tsv").write_text("\n".join(pairs) + "\n")
    vocabulary = train_sentencepiece(lines, 296, "unigram")
    torch.manual_seed(0)
    config = BertGenerationConfig(
        vocab_size=296,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        pad_token_id=0,
        bos_token_id=2,
        eos_token_id=3,
        is_decoder=False,
    )
    BertGenerationDecoder(config).save_pretrained(tmp_path / "base")
    write_tokenizer_files(tmp_path / "base", vocabulary, 64)
    (tmp_path / "recipe.toml").write_text(RECIPE.replace('"base"', f'"{tmp_path / "base"}"'))
    return tmp_path


def command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr("sys.argv", ["training", *map(str, arguments)])
    main()


def test_settings_replace_those_of_the_recipe(work: Path) -> None:
    recipe = read_recipe(
        work / "recipe.toml",
        ["seed=7", "warm_start.setup=RND2RND", "stage.copy.max_steps=3", "data.pairs.share = 0.5"],
    )
    assert (recipe.seed, recipe.warm_start.setup) == (7, "RND2RND")
    assert [stage.max_steps for stage in recipe.stage] == [3, 8]
    assert recipe.data[0].share == 0.5


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("seed", "expected TABLE.KEY=VALUE"),
        ("warm_start.=x", "expected TABLE.KEY=VALUE"),
        ("nowhere.setup=x", "the recipe has no table 'nowhere'"),
        ("stage.third.max_steps=1", r"stage has no table 'third'; it has \['copy', 'split'\]"),
        ("seed.a.b=1", "has no table 'seed'"),
        ("warm_start.color=red", "unknown setting 'color'"),
    ],
)
def test_bad_settings_are_named(work: Path, setting: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_recipe(work / "recipe.toml", [setting])


def test_values_are_toml_or_else_text() -> None:
    values = {"table": {}}
    apply_settings(values, ["table.a=1e-3", "table.b=[1, 2]", "table.c=true", "table.d=/x/y", 'table.e="1"'])
    assert values["table"] == {"a": 1e-3, "b": [1, 2], "c": True, "d": "/x/y", "e": "1"}


def test_a_finished_run_leaves_a_checkpoint_with_its_better_weights(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = work / "run"
    set_ngrams = ["--set", "no_repeat_ngram_size=3"]
    command(monkeypatch, "train", work / "recipe.toml", "--data", work, "--out", run, *set_ngrams)
    assert f"--checkpoint {run / 'checkpoint'}" in capsys.readouterr().out
    assert {line["stage"] for line in read_log(run) if "stage" in line} == {"split"}  # copy is skipped
    assert (run / "checkpoint" / "curves.png").read_bytes().startswith(b"\x89PNG")
    last = [line for line in read_log(run) if "last_loss_pairs" in line][-1]
    better = "averages" if last["average_loss_pairs"] < last["last_loss_pairs"] else "masters"
    model = EncoderDecoderModel.from_pretrained(run / "checkpoint")
    assert model.generation_config.no_repeat_ngram_size == 3
    wanted = run_weights(run, better)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter, wanted[name], rtol=2e-3, atol=1e-4)


def test_own_pairs_and_an_own_base_need_one_command(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """recipes/own.toml as it is, on a file of 48 pairs; the page opens what comes out."""
    (work / "pairs.tsv").rename(work / "train.tsv")
    run = work / "run"
    settings = [f"warm_start.bert={work / 'base'}", "task=split", "longest_source=64", "longest_target=64"]
    settings += ["optimisation.max_steps=6", "optimisation.warmup_steps=2", "optimisation.decay_steps=2"]
    settings += ["optimisation.validate_every=3"]
    chosen = [part for setting in settings for part in ("--set", setting)]
    command(monkeypatch, "train", RECIPES / "own.toml", "--data", work, "--out", run, *chosen)
    opened = describe(run / "checkpoint")
    assert (opened.task, opened.runnable, opened.longest_source) == ("split", True, 64)
    model = EncoderDecoderModel.from_pretrained(run / "checkpoint")
    text = AutoTokenizer.from_pretrained(run / "checkpoint")("Ada sees Bob.", return_tensors="pt")
    assert model.generate(**text, max_new_tokens=3).shape[0] == 1


def test_licences_name_the_start(work: Path) -> None:
    recipe = read_recipe(work / "recipe.toml")
    assert recipe.licence == f"pairs: Apache-2.0; start {work / 'base'} (see its card)"
    (work / "base" / "profile.json").write_text('{"task": "base", "licence": "CC BY-SA 3.0"}')
    assert recipe.licence == "pairs: Apache-2.0; start base (CC BY-SA 3.0)"


def test_the_last_stage_cannot_be_skipped(work: Path) -> None:
    with pytest.raises(ValueError, match="skips a stage, but not the last"):
        read_recipe(work / "recipe.toml", ["stage.split.max_steps=0", "stage.split.decay_steps=0"])


def test_compare_trains_every_variant_once_and_goes_on(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = work / "compared"
    arguments = ["compare", work / "recipe.toml", "--data", work, "--out", out, "--num-beams", 1]
    arguments += ["--set", "optimisation.validate_every=8"]
    command(monkeypatch, *arguments, "--setups", "RND2RND", "BERTSHARE")
    first = (out / "RND2RND" / STATE).stat().st_mtime_ns
    copying = ["--variant", "BERTSHARE, copied first", "stage.copy.max_steps=2"]
    command(monkeypatch, *arguments, "--setups", "RND2RND", "BERTSHARE", *copying)
    assert (out / "RND2RND" / STATE).stat().st_mtime_ns == first
    table = (out / "table.md").read_text()
    rows = [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines() if line.startswith("| ")]
    names = ["RND2RND", "BERTSHARE", "BERTSHARE, copied first"]
    assert rows == ["variant", "copy", "variant", *names]
    assert "### pairs valid, 4 rows, references: one, num_beams 1" in table
    assert (out / "curves.png").read_bytes().startswith(b"\x89PNG")
    steps = {name: read_log(out / name)[-1]["step"] for name in names}
    assert steps == {"RND2RND": 8, "BERTSHARE": 8, "BERTSHARE, copied first": 10}
    results = json.loads((out / "RND2RND" / "results.json").read_text())
    assert results["recipe"]["warm_start"]["setup"] == "RND2RND"
    shared = [EncoderDecoderModel.from_pretrained(out / name / "checkpoint") for name in names]
    assert [model.config.tie_encoder_decoder for model in shared] == [False, True, True]


def test_a_stopped_variant_is_finished_by_the_next_call(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = work / "compared"
    command(monkeypatch, "train", work / "recipe.toml", "--data", work, "--out", out / "BERTSHARE")
    (out / "BERTSHARE" / "checkpoint" / "profile.json").unlink()  # as if it had stopped before the export
    arguments = ["--data", work, "--out", out, "--num-beams", 1, "--setups", "BERTSHARE"]
    command(monkeypatch, "compare", work / "recipe.toml", *arguments)
    assert (out / "BERTSHARE" / "checkpoint" / "profile.json").exists()
    assert read_log(out / "BERTSHARE")[-1]["step"] == 8
    assert "BERTSHARE" in (out / "table.md").read_text()


def test_compare_is_not_for_several_processes(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    arguments = ["compare", work / "recipe.toml", "--data", work, "--out", work / "compared"]
    with pytest.raises(SystemExit, match="compare runs in one process; let torchrun `train` the variants"):
        command(monkeypatch, *arguments, "--setups", "RND2RND")


def test_compare_needs_variants_and_checks_them_all_first(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["compare", work / "recipe.toml", "--data", work, "--out", work / "compared"]
    with pytest.raises(SystemExit, match="name what to compare"):
        command(monkeypatch, *arguments)
    with pytest.raises(SystemExit, match="unknown setting 'speed'"):
        command(monkeypatch, *arguments, "--setups", "RND2RND", "--variant", "fast", "optimisation.speed=1")
    assert not (work / "compared").exists()
