"""Whole runs of bertgen.training on a corpus of a few made-up sentences."""

import json
import random
from pathlib import Path

import pytest
import torch

from bertgen.models.encoder_decoder import EncoderDecoderModel
from bertgen.training.__main__ import main, parse
from bertgen.training.data.corpus import build_corpus, build_vocabulary
from bertgen.training.data.vocabulary import write_tokenizer_files
from bertgen.training.objectives.seq2seq import Seq2Seq
from bertgen.training.recipe.reader import read_pretraining_recipe, read_recipe
from bertgen.training.recipe.tables import Recipe
from bertgen.training.runs.start import start_tokenizer
from bertgen.training.runs.state import STATE, read_log
from bertgen.training.trainer import Trainer

RECIPES = Path(__file__).parents[3] / "bertgen" / "training" / "recipes"
RECIPE = """
name = "tiny"
task = "translate"
title = "Tiny"
seed = 5
longest_source = 16
longest_target = 16
joined_share = 0.2
examples = ["the cat sees a dog"]

[[data]]
name = "made-up"
origin = "this test"
licence = "Apache-2.0"
train = "train.tsv"
valid = "valid.tsv"
valid_references = "valid.refs.jsonl"
test = "valid.tsv"

[vocabulary]
size = 290

[model]
hidden_size = 32
intermediate_size = 64
num_attention_heads = 2
encoder_layers = 1
decoder_layers = 1
max_position_embeddings = 64

[optimisation]
batch_tokens = 256
max_steps = {steps}
warmup_steps = 5
decay_steps = 10
learning_rate = 5e-3
validate_every = 1000
"""
WORDS = {"cat": "Katze", "dog": "Maus", "bird": "Ente", "sees": "sieht", "likes": "mag", "the": "die"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    chance = random.Random(0)
    nouns = ["cat", "dog", "bird"]
    lines = []
    for _ in range(300):
        words = ["the", chance.choice(nouns), chance.choice(["sees", "likes"]), "the", chance.choice(nouns)]
        lines.append(f"{' '.join(words)}\t{' '.join(WORDS[word] for word in words)}")
    (folder / "train.tsv").write_text("\n".join(lines) + "\n")
    (folder / "valid.tsv").write_text("\n".join(lines[:20]) + "\n")
    references = [dict(zip(("source", "references"), line.split("\t"), strict=True)) for line in lines[:20]]
    rows = [{**row, "references": [row["references"], "etwas anderes"]} for row in references]
    (folder / "valid.refs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def recipe_file(folder: Path, steps: int) -> Path:
    path = folder / "tiny.toml"
    path.write_text(RECIPE.replace("{steps}", str(steps)))
    return path


def trainer(recipe: Recipe, data: Path, out: Path) -> Trainer:
    out.mkdir(exist_ok=True)
    write_tokenizer_files(out, build_vocabulary(recipe, data), recipe.longest_source)
    corpus = build_corpus(recipe, data, start_tokenizer(recipe, out))
    return Trainer(Seq2Seq(recipe, corpus, data), out, torch.device("cpu"))


def test_a_resumed_run_ends_with_the_same_bits(tmp_path: Path, data: Path) -> None:
    recipe = read_recipe(recipe_file(tmp_path, 40))
    straight = trainer(recipe, data, tmp_path / "straight")
    for _ in range(30):
        straight.train_step()
    first = trainer(recipe, data, tmp_path / "stopped")
    for _ in range(13):
        first.train_step()
    first.save()
    second = trainer(recipe, data, tmp_path / "stopped")
    second.resume()
    assert second.step == 13
    for _ in range(17):
        second.train_step()
    assert second.epoch == straight.epoch > 0
    for mine, theirs in zip(second.weights.masters, straight.weights.masters, strict=True):
        assert torch.equal(mine, theirs)
    for mine, theirs in zip(second.weights.averages, straight.weights.averages, strict=True):
        assert torch.equal(mine, theirs)


def test_resuming_refuses_another_recipe_but_lets_the_end_move(tmp_path: Path, data: Path) -> None:
    recipe = read_recipe(recipe_file(tmp_path, 40))
    out = tmp_path / "run"
    trainer(recipe, data, out).save()
    longer = read_recipe(recipe_file(tmp_path, 60))
    trainer(longer, data, out).resume()
    path = recipe_file(tmp_path, 60)
    path.write_text(path.read_text().replace("seed = 5", "seed = 6"))
    with pytest.raises(ValueError, match="started with another 'seed': 5"):
        trainer(read_recipe(path), data, out).resume()


def command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr("sys.argv", ["training", *map(str, arguments)])
    main()


def test_train_export_evaluate_through_the_command_line(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, run, folder = recipe_file(tmp_path, 80), tmp_path / "run", tmp_path / "checkpoint"
    command(monkeypatch, "train", recipe, "--data", data, "--out", run)
    losses = [line["loss"] for line in read_log(run) if "loss" in line]
    assert losses[-1] < 0.6 * losses[0]
    last = read_log(run)[-1]
    assert {"last_bleu", "average_bleu", "last_loss_made-up", "average_loss_made-up"} <= last.keys()

    metrics = tmp_path / "metrics.json"
    metrics.write_text('{"BLEU": 1.0}')
    command(monkeypatch, "export", recipe, run, "--out", folder, "--metrics", metrics)
    profile = json.loads((folder / "profile.json").read_text())
    assert (profile["task"], profile["longest_source"], profile["metrics"]) == (
        "translate",
        16,
        {"BLEU": 1.0},
    )
    model = EncoderDecoderModel.from_pretrained(folder)
    assert model.config.decoder_start_token_id == 2
    encoder, decoder = model.encoder.embeddings, model.decoder.bert.embeddings
    assert encoder.word_embeddings.weight is not decoder.word_embeddings.weight
    assert torch.equal(encoder.word_embeddings.weight, decoder.word_embeddings.weight)

    capsys.readouterr()
    outputs = tmp_path / "outputs.json"
    command(monkeypatch, "evaluate", folder, recipe, "--data", data, "--num-beams", 1, 2, "--json", outputs)
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    kinds = [(row.get("baseline") or row["decoding"]["num_beams"], row["references"]) for row in rows]
    assert kinds == [("copy", "one"), ("copy", "all"), (1, "one"), (1, "all"), (2, "one"), (2, "all")]
    assert "tok:13a" in rows[0]["BLEU"]["signature"]
    assert len(json.loads(outputs.read_text())["outputs"]["made-up, num_beams 2"]) == 20


def test_an_existing_run_is_not_overwritten(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, out = recipe_file(tmp_path, 20), tmp_path / "run"
    with pytest.raises(SystemExit, match="holds no run to resume"):
        command(monkeypatch, "train", recipe, "--data", data, "--out", out, "--resume")
    out.mkdir()
    (out / STATE).touch()
    with pytest.raises(SystemExit, match="go on with --resume"):
        command(monkeypatch, "train", recipe, "--data", data, "--out", out)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("hidden_size", "width", "unknown setting 'width'"),
        ("[vocabulary]\nsize = 290", "", r"table \[vocabulary\] is missing"),
        ("warmup_steps = 5", "warmup_steps = 500", "must not exceed max_steps"),
        ("decoder_layers = 1", 'decoder_layers = 2\nshare_weights = "all"', "as many encoder_layers"),
        ("longest_source = 16", "longest_source = 99", "max_position_embeddings"),
        ("seed = 5\n", "", "seed"),
        ("warmup_steps = 5", 'warmup_steps = 5\nprecision = "int8"', "precision must be one of"),
        ("train =", "carve = [2]\ntrain =", r"carve is \[valid, test\], got \[2\]"),
    ],
)
def test_bad_recipes_name_the_setting(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = recipe_file(tmp_path, 40)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ValueError, match=message):
        read_recipe(path)


def test_two_sets_of_one_name_are_refused(tmp_path: Path) -> None:
    path = recipe_file(tmp_path, 40)
    text = path.read_text()
    start = text.index("[[data]]")
    end = text.index("[vocabulary]")
    path.write_text(text[:end] + text[start:end] + text[end:])
    with pytest.raises(ValueError, match="a name of its own"):
        read_recipe(path)


def test_shipped_recipes_are_valid_and_the_command_line_has_defaults() -> None:
    bases = sorted(RECIPES.glob("bert-*.toml"))
    others = sorted(set(RECIPES.glob("*.toml")) - set(bases))
    assert bases
    assert others
    assert all(read_pretraining_recipe(path).licence for path in bases)
    assert all(read_recipe(path).licence for path in others)
    assert parse(["train", "a.toml", "--data", "d", "--out", "o"]).device == "cpu"
