"""Stages, warm starts, accumulation, kept weights, several processes: on a few made-up sentences."""

import dataclasses
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from bertgen import AutoTokenizer, EncoderDecoderModel
from bertgen.training.data.corpus import build_corpus
from bertgen.training.data.text import build_base_vocabulary, load_rows
from bertgen.training.objectives.masked_lm import MaskedLM
from bertgen.training.objectives.seq2seq import Seq2Seq
from bertgen.training.recipe.reader import read_any_recipe, read_pretraining_recipe, read_recipe
from bertgen.training.recipe.tables import Recipe
from bertgen.training.runs.export import export_base, export_checkpoint, run_weights
from bertgen.training.runs.snapshots import snapshot_files
from bertgen.training.runs.start import start_tokenizer
from bertgen.training.runs.state import FIGURE_PREFIXES, append_log, read_log
from bertgen.training.trainer import Trainer

BASE = """
name = "base"
title = "Tiny base"
seed = 3
row_length = 16
held_out = 20
short_rows = [[8, 4]]

[[text]]
name = "made-up"
origin = "this test"
licence = "Apache-2.0"
file = "text.txt"

[vocabulary]
size = 282

[model]
hidden_size = 32
intermediate_size = 64
num_attention_heads = 2
num_hidden_layers = 1
max_position_embeddings = 48

[optimisation]
batch_tokens = 128
max_steps = 6
warmup_steps = 2
decay_steps = 2
learning_rate = 5e-3
label_smoothing = 0.0
precision = "fp32"
"""
SPLIT = """
name = "tiny"
task = "split"
title = "Tiny"
seed = 5
longest_source = 40
longest_target = 48

[warm_start]
setup = "BERTSHARE"
bert = "{base}"
dropout = 0.1

[[data]]
name = "pairs"
origin = "this test"
licence = "Apache-2.0"
train = "pairs.tsv"
valid = "pairs.tsv"

[[data]]
name = "plain"
origin = "this test"
licence = "Apache-2.0"
train = "text.txt"
format = "denoising"

[optimisation]
batch_tokens = 256
validate_every = 4

[[stage]]
name = "copy"
max_steps = 5
warmup_steps = 2
decay_steps = 0
learning_rate = 1e-3
shares = {{ plain = 1.0 }}

[[stage]]
name = "split"
max_steps = 8
warmup_steps = 0
decay_steps = 4
learning_rate = 5e-4
shares = {{ pairs = 2.0, plain = 0.5 }}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text, pairs, and a base pre-trained for six steps in `base`."""
    folder = tmp_path_factory.mktemp("data")
    chance = random.Random(0)
    nouns, verbs = ["cat", "dog", "bird", "tree"], ["sees", "likes", "has"]
    lines = [f"The {chance.choice(nouns)} {chance.choice(verbs)} a hat." for _ in range(120)]
    (folder / "text.txt").write_text("\n".join(lines) + "\n")
    pairs = [f"{a[:-1]} and it ran.\t{a} It ran." for a in lines[:40]]
    (folder / "pairs.tsv").write_text("\n".join(pairs) + "\n")
    (folder / "base.toml").write_text(BASE)
    recipe, run = read_pretraining_recipe(folder / "base.toml"), folder / "base-run"
    trainer = base_trainer(folder, run)
    (run / "spiece.model").write_bytes(trainer.objective.text.vocabulary)
    trainer.run()
    export_base(recipe, run, folder / "base", "masters")
    (folder / "split.toml").write_text(SPLIT.format(base=folder / "base"))
    return folder


def base_trainer(folder: Path, run: Path, **settings: int) -> Trainer:
    recipe = read_pretraining_recipe(folder / "base.toml")
    recipe = dataclasses.replace(recipe, optimisation=dataclasses.replace(recipe.optimisation, **settings))
    run.mkdir(exist_ok=True)
    vocabulary = build_base_vocabulary(recipe, folder)
    return Trainer(MaskedLM(recipe, load_rows(recipe, folder, run, vocabulary)), run, torch.device("cpu"))


def split_recipe(folder: Path, **settings: int) -> Recipe:
    recipe = read_recipe(folder / "split.toml")
    return dataclasses.replace(recipe, optimisation=dataclasses.replace(recipe.optimisation, **settings))


def split_trainer(recipe: Recipe, folder: Path, out: Path) -> Trainer:
    out.mkdir(exist_ok=True)
    corpus = build_corpus(recipe, folder, start_tokenizer(recipe, out))
    return Trainer(Seq2Seq(recipe, corpus, folder), out, torch.device("cpu"))


def test_a_base_is_a_bidirectional_model_with_a_mask_token(data: Path) -> None:
    config = json.loads((data / "base" / "config.json").read_text())
    assert config["architectures"] == ["BertGenerationDecoder"]
    assert not config.get("is_decoder")
    tokenizer = AutoTokenizer.from_pretrained(data / "base")
    assert tokenizer.mask_token == "<mask>"
    assert tokenizer("a<mask>").input_ids[-1] == tokenizer.mask_token_id
    assert json.loads((data / "base" / "profile.json").read_text())["task"] == "base"  # none to run
    assert read_any_recipe(data / "base.toml").row_length == 16


def test_short_rows_come_first(data: Path, tmp_path: Path) -> None:
    objective = base_trainer(data, tmp_path / "run").objective
    shapes = [tuple(objective.collate([0, 1], step).input_ids.shape) for step in (0, 3, 4)]
    assert shapes == [(4, 8), (4, 8), (2, 16)]
    assert objective.collate([0, 1], 0).input_ids.numel() == objective.collate([0, 1], 4).input_ids.numel()


@pytest.mark.parametrize(
    ("setup", "encoder", "decoder"),
    [
        ("RND2RND", False, False),
        ("BERT2RND", True, False),
        ("RND2BERT", False, True),
        ("BERT2BERT", True, True),
        ("BERTSHARE", True, True),
    ],
)
def test_warm_starts_hold_the_base(
    data: Path, tmp_path: Path, setup: str, encoder: bool, decoder: bool
) -> None:
    recipe = split_recipe(data)
    recipe = dataclasses.replace(recipe, warm_start=dataclasses.replace(recipe.warm_start, setup=setup))
    objective = split_trainer(recipe, data, tmp_path / "run").objective
    model, again = objective.build(), objective.build()
    base = load_file(data / "base" / "model.safetensors")["bert.embeddings.word_embeddings.weight"].float()
    sides = (model.encoder.embeddings, model.decoder.bert.embeddings)
    for side, expected in zip(sides, (encoder, decoder), strict=True):
        assert torch.equal(side.word_embeddings.weight, base) is expected
    assert (sides[0].word_embeddings.weight is sides[1].word_embeddings.weight) is (setup == "BERTSHARE")
    assert model.config.decoder_start_token_id == 2
    assert model.encoder.embeddings.dropout.p == 0.1
    for mine, theirs in zip(model.parameters(), again.parameters(), strict=True):
        assert torch.equal(mine, theirs)  # cross-attention and random sides follow the seed


def test_a_run_resumed_in_its_second_stage_ends_with_the_same_bits(data: Path, tmp_path: Path) -> None:
    recipe = split_recipe(data)
    straight = split_trainer(recipe, data, tmp_path / "straight")
    for _ in range(13):
        straight.train_step()
    assert straight.finished
    first = split_trainer(recipe, data, tmp_path / "stopped")
    for _ in range(8):
        first.train_step()
    first.save()
    second = split_trainer(recipe, data, tmp_path / "stopped")
    second.resume()
    assert (second.step, second.stage, second.stage_step) == (8, 1, 3)
    for _ in range(5):
        second.train_step()
    for mine, theirs in zip(second.weights.masters, straight.weights.masters, strict=True):
        assert torch.equal(mine, theirs)


def test_a_finished_run_goes_on_with_a_stage_and_a_set_added_behind(data: Path, tmp_path: Path) -> None:
    """To the same bits as the longer recipe from its start."""
    text = (data / "split.toml").read_text()
    more = text.replace(
        "[optimisation]",
        '[[data]]\nname = "more"\norigin = ""\nlicence = ""\n'
        'train = "pairs.tsv"\nswap = true\n\n[optimisation]',
    )
    more += '\n[[stage]]\nname = "last"\nmax_steps = 3\nwarmup_steps = 0\ndecay_steps = 0\n'
    more += "learning_rate = 1e-4\nshares = { more = 1.0 }\n"
    weights = []
    for name, recipes in (("straight", (more,)), ("in-two", (text, more))):
        for recipe in recipes:
            (tmp_path / "recipe.toml").write_text(recipe)
            trainer = split_trainer(read_recipe(tmp_path / "recipe.toml"), data, tmp_path / name)
            if (tmp_path / name / "state.pt").exists():
                trainer.resume()
            trainer.run()
        assert trainer.step == 16
        weights.append(trainer.weights.masters)
    for one, two in zip(*weights, strict=True):
        assert torch.equal(one, two)


def test_stages_read_their_own_shares_and_rates(data: Path, tmp_path: Path) -> None:
    trainer = split_trainer(split_recipe(data), data, tmp_path / "run")
    corpus = trainer.objective.corpus
    plain = set(corpus.train[corpus.counts[0] :])
    assert all(row in plain for batch in trainer.batches for row in batch)
    rates = [trainer.train_step().rate for _ in range(13)]
    assert rates == pytest.approx([5e-4, *[1e-3] * 4, *[5e-4] * 5, 3.75e-4, 2.5e-4, 1.25e-4])
    rows = [row for batch in trainer.objective.epoch(9, 1) for row in batch]
    pairs = set(corpus.train[: corpus.counts[0]])
    assert sum(row in pairs for row in rows) == 2 * corpus.counts[0]


def test_a_whole_run_logs_stages_keeps_weights_and_exports(data: Path, tmp_path: Path) -> None:
    recipe, run = split_recipe(data, keep_last=2), tmp_path / "run"
    trainer = split_trainer(recipe, data, run)
    trainer.run()
    log = read_log(run)
    assert [line["stage"] for line in log if "stage" in line] == ["split"]
    assert {"last_loss_pairs", "last_exact", "last_sari"} <= log[-1].keys()
    assert len(snapshot_files(run)) == 2
    mean, parts = run_weights(run, "kept"), [load_file(path) for path in snapshot_files(run)]
    name = trainer.weights.names[0]
    torch.testing.assert_close(mean[name], (parts[0][name] + parts[1][name]) / 2)
    for lowest in ("masters", "averages", "kept"):  # whatever validation liked best is what is exported
        losses = {f"{prefix}_loss_pairs": float(kind != lowest) for kind, prefix in FIGURE_PREFIXES.items()}
        assert losses.keys() <= log[-1].keys()
        append_log(run, step=trainer.step, **losses)
        for name, tensor in run_weights(run, "auto").items():
            torch.testing.assert_close(tensor, run_weights(run, lowest)[name], rtol=0, atol=0)
    export_checkpoint(recipe, run, tmp_path / "out", "kept", {"exact": 1.0})
    model = EncoderDecoderModel.from_pretrained(tmp_path / "out")
    assert model.config.tie_encoder_decoder
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert tokenizer.model_max_length == 40
    assert json.loads((tmp_path / "out" / "profile.json").read_text())["task"] == "split"
    assert model.generate(**tokenizer("The cat sat.", return_tensors="pt"), max_new_tokens=3).shape[0] == 1


def test_patience_stops_the_run_and_keeps_the_best(data: Path, tmp_path: Path) -> None:
    recipe = split_recipe(data, patience=2, validate_every=1)
    trainer = split_trainer(recipe, data, tmp_path / "run")
    # Two figures a validation, of the last and of the averaged weights; a stage ends at the second worse one.
    losses = iter([figure for loss in (3.0, 2.0, 2.5, 2.4, 2.6, 2.3) for figure in (loss, 9.0)])
    trainer.objective.validate = lambda model: {"loss_pairs": next(losses)}
    trainer.run()
    assert trainer.finished
    assert (trainer.stage, trainer.step) == (1, 6)  # four steps of one stage, two of the other
    best = run_weights(tmp_path / "run", "best")
    chosen = run_weights(tmp_path / "run", "auto")
    assert all(torch.equal(chosen[name], best[name]) for name in best)
    assert any(
        not torch.equal(best[name], master)
        for name, master in zip(trainer.weights.names, trainer.weights.masters, strict=True)
    )
    # Going on without patience, a lower loss has its weights in no file: those of 2 are not it.
    append_log(tmp_path / "run", step=7, last_loss_pairs=1.5, average_loss_pairs=1.9)
    append_log(tmp_path / "run", step=8, last_loss_pairs=1.8, average_loss_pairs=1.9)
    last = run_weights(tmp_path / "run", "masters")
    assert all(
        torch.equal(tensor, last[name]) for name, tensor in run_weights(tmp_path / "run", "auto").items()
    )


def test_accumulated_batches_are_one_larger_batch(data: Path, tmp_path: Path) -> None:
    small = base_trainer(data, tmp_path / "small", batch_tokens=128, accumulate=2)
    large = base_trainer(data, tmp_path / "large", batch_tokens=256)
    rows = large.batches[0]
    small.batches = [rows[: len(rows) // 2], rows[len(rows) // 2 :]]
    one = large.objective.collate(rows, 4)
    halves = [
        type(one)(one.input_ids[part], one.labels[part], int((one.labels[part] != -100).sum()))
        for part in (slice(0, len(rows) // 2), slice(len(rows) // 2, None))
    ]
    assert halves[0].target_tokens != halves[1].target_tokens  # so that the weighting shows
    parts = iter(halves)
    small.objective.collate = lambda *_: next(parts)
    large.objective.collate = lambda *_: one
    found, expected = small.train_step(), large.train_step()
    torch.testing.assert_close(found.loss, expected.loss, rtol=1e-5, atol=1e-5)
    for mine, theirs in zip(small.weights.masters, large.weights.masters, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5)


TWO = """
import sys, torch
from pathlib import Path
torch.set_num_threads(1)
sys.path.insert(0, {tests!r})
import test_stages as here
folder = Path({folder!r})
trainer = here.team_trainer(folder, folder / "two", 128)
for _ in range(3):
    trainer.train_step()
if trainer.team.leads:
    torch.save(trainer.weights.masters, folder / "two.pt")
trainer.team.leave()
"""


def team_trainer(folder: Path, run: Path, tokens: int) -> Trainer:
    """A trainer whose masks depend on the rows alone, so that any cut into batches sees the same ones."""
    trainer = base_trainer(folder, run, batch_tokens=tokens)
    objective = trainer.objective

    def collate(rows: list[int], step: int):
        batches = [
            objective.masker.mask(torch.from_numpy(objective.text.train[[row]].astype("int64")), row)
            for row in rows
        ]
        ids, labels = (
            torch.cat([getattr(batch, name) for batch in batches]) for name in ("input_ids", "labels")
        )
        return type(batches[0])(ids, labels, sum(batch.target_tokens for batch in batches))

    objective.collate = collate
    return trainer


def torchrun(*words: object) -> None:
    root = Path(__file__).parents[3]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    result = subprocess.run([*command, *map(str, words)], env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_two_processes_equal_one_with_twice_the_batch(data: Path) -> None:
    script = data / "two.py"
    script.write_text(TWO.format(tests=str(Path(__file__).parent), folder=str(data)))
    base_trainer(data, data / "two")  # packs the rows before two processes would
    torchrun(script)
    single = team_trainer(data, data / "one", 256)
    for _ in range(3):
        single.train_step()
    for mine, theirs in zip(torch.load(data / "two.pt"), single.weights.masters, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5)


def test_torchrun_pretrains_from_the_command_line(data: Path) -> None:
    """The second process finds the vocabulary and the rows of the first, and only the first writes a log."""
    words = ["pretrain", data / "base.toml", "--data", data, "--out", data / "team"]
    torchrun("-m", "bertgen.training", *words)
    log = read_log(data / "team")
    assert [line["step"] for line in log] == [6, 6]
    assert log[0]["tokens"] == 6 * 2 * 128
    assert (data / "team" / "state.pt").exists()
