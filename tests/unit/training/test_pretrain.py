"""Pre-training: packing, masks, whole runs on a made-up text."""

import math
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
import torch
import torch.nn.functional as F

from bertgen.training.__main__ import main
from bertgen.training.data.text import build_base_vocabulary, load_rows, pack, read_paragraphs
from bertgen.training.data.vocabulary import EOS_ID, MASK, SEPARATOR
from bertgen.training.objectives.masked_lm import MaskedLM, Masker
from bertgen.training.recipe.reader import read_pretraining_recipe
from bertgen.training.runs.state import read_log
from bertgen.training.trainer import Trainer

RECIPES = Path(__file__).parents[3] / "bertgen" / "training" / "recipes"
RECIPE = """
name = "tiny"
title = "Tiny"
seed = 3
row_length = 16
masked_share = 0.15
held_out = 20

[[text]]
name = "made-up"
origin = "this test"
licence = "Apache-2.0"
file = "text.txt"

[[text]]
name = "words"
origin = "this test"
licence = "Apache-2.0"
file = "words.tsv"
learn = false

[vocabulary]
size = 285

[model]
hidden_size = 32
intermediate_size = 64
num_attention_heads = 2
num_hidden_layers = 1
max_position_embeddings = 16

[optimisation]
batch_tokens = 256
max_steps = {steps}
warmup_steps = 5
decay_steps = 10
learning_rate = 1e-2
label_smoothing = 0.0
validate_every = 1000
"""
NOUNS = ["cat", "dog", "bird", "house", "tree"]
VERBS = ["sees", "likes", "wants", "has"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    chance = random.Random(0)
    lines = [
        f"the {chance.choice(NOUNS)} {chance.choice(VERBS)} a red hat on the old table" for _ in range(400)
    ]
    (tmp_path / "text.txt").write_text("\n".join([*lines[:200], "", *lines[200:]]) + "\n")
    (tmp_path / "words.tsv").write_text("zebra\tquagga\n" * 30)
    return tmp_path


def recipe_file(folder: Path, steps: int) -> Path:
    path = folder / "tiny.toml"
    path.write_text(RECIPE.replace("{steps}", str(steps)))
    return path


def trainer(folder: Path, out: Path, steps: int = 90) -> Trainer:
    recipe = read_pretraining_recipe(recipe_file(folder, steps))
    out.mkdir(exist_ok=True)
    vocabulary = build_base_vocabulary(recipe, folder)
    return Trainer(MaskedLM(recipe, load_rows(recipe, folder, out, vocabulary)), out, torch.device("cpu"))


def test_paragraphs_and_vocabulary(data: Path) -> None:
    recipe = read_pretraining_recipe(recipe_file(data, 40))
    assert len(read_paragraphs(recipe.text[0], data)) == 400  # the empty line is none
    assert read_paragraphs(recipe.text[1], data)[:2] == ["zebra", "quagga"]
    pieces = sentencepiece.SentencePieceProcessor(model_proto=build_base_vocabulary(recipe, data))
    assert pieces.encode(f"{SEPARATOR}{MASK}", out_type=str)[-2:] == [SEPARATOR, MASK]
    # A text that only feeds the vocabulary does feed it: its letters need no bytes.
    assert not any(pieces.is_byte(piece) for piece in pieces.encode("zebra quagga"))


def test_rows_hold_the_whole_stream_and_nothing_held_out(data: Path) -> None:
    objective = trainer(data, data / "run").objective
    text, recipe = objective.text, objective.recipe
    pieces = sentencepiece.SentencePieceProcessor(model_proto=text.vocabulary)
    paragraphs = read_paragraphs(recipe.text[0], data)
    for rows, wanted in ((text.train, paragraphs[:-20]), (text.valid, paragraphs[-20:])):
        assert (rows.dtype, rows.shape[1]) == (np.uint16, 16)
        stream = [piece for line in wanted for piece in (*pieces.encode(line), EOS_ID)]
        assert rows.ravel().tolist() == stream[: rows.size]
        assert len(stream) - rows.size < 16
    assert pack(["the cat"] * 50, text.vocabulary, 8).shape[1] == 8


def test_a_text_is_read_as_often_as_asked_and_its_held_out_part_once(data: Path) -> None:
    path = recipe_file(data, 40)
    path.write_text(path.read_text().replace('file = "text.txt"', 'file = "text.txt"\nrepeat = 3', 1))
    recipe = read_pretraining_recipe(path)
    vocabulary = build_base_vocabulary(recipe, data)
    (data / "three").mkdir()
    text = load_rows(recipe, data, data / "three", vocabulary)
    paragraphs = read_paragraphs(recipe.text[0], data)
    for rows, wanted in ((text.train, paragraphs[:-20] * 3), (text.valid, paragraphs[-20:])):
        np.testing.assert_array_equal(rows, pack(wanted, vocabulary, recipe.row_length))


def test_masks_follow_the_shares_and_the_seed(data: Path) -> None:
    vocabulary = trainer(data, data / "run").objective.text.vocabulary
    masker = Masker.of(vocabulary, 0.2)
    pieces = sentencepiece.SentencePieceProcessor(model_proto=vocabulary)
    assert pieces.is_byte(masker.first_ordinary - 1)
    assert not pieces.is_byte(masker.first_ordinary)
    ids = torch.full((400, 100), masker.first_ordinary)
    ids[:, -1] = EOS_ID
    batch = masker.mask(ids, seed=1)
    chosen = batch.labels != -100
    assert not chosen[:, -1].any()
    assert torch.equal(batch.labels[chosen], ids[chosen])
    assert torch.equal(batch.input_ids[~chosen], ids[~chosen])
    assert batch.target_tokens == chosen.sum()
    assert abs(chosen[:, :-1].float().mean() - 0.2) < 0.01
    seen = batch.input_ids[chosen]
    assert abs((seen == masker.mask_id).float().mean() - 0.8) < 0.02
    kept = (seen == masker.first_ordinary).float().mean()
    assert 0.09 < kept < 0.12  # a tenth, and the random draws that hit the same piece
    assert torch.equal(masker.mask(ids, seed=1).input_ids, batch.input_ids)
    assert not torch.equal(masker.mask(ids, seed=2).input_ids, batch.input_ids)


def test_loss_is_cross_entropy_at_the_chosen_positions(data: Path) -> None:
    objective = trainer(data, data / "run").objective
    model = objective.build().eval()
    batch = objective.collate([0, 3, 5], step=4)
    logits = model(batch.input_ids).logits
    expected = F.cross_entropy(logits.flatten(0, 1), batch.labels.flatten())
    torch.testing.assert_close(objective.loss(model, batch), expected, rtol=1e-5, atol=1e-5)
    assert not model.config.is_decoder  # it looks both ways


def test_a_resumed_pretraining_ends_with_the_same_bits(data: Path) -> None:
    straight = trainer(data, data / "straight")
    for _ in range(75):
        straight.train_step()
    first = trainer(data, data / "stopped")
    for _ in range(23):
        first.train_step()
    first.save()
    second = trainer(data, data / "stopped")
    second.resume()
    for _ in range(52):
        second.train_step()
    assert second.epoch == straight.epoch > 0
    for mine, theirs in zip(second.weights.masters, straight.weights.masters, strict=True):
        assert torch.equal(mine, theirs)


def test_a_run_killed_at_any_moment_resumes_to_the_same_bits(data: Path) -> None:
    recipe = recipe_file(data, 60)
    recipe.write_text(recipe.read_text() + "save_every_seconds = 0\n")  # after every step
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}

    def command(run: str, *more: str) -> list[str]:
        words = ["pretrain", str(recipe), "--data", str(data), "--out", str(data / run), *more]
        return [sys.executable, "-m", "bertgen.training", *words]

    straight = subprocess.Popen(command("straight"), env=environment, stderr=subprocess.DEVNULL)
    killed = subprocess.Popen(command("killed"), env=environment, stderr=subprocess.DEVNULL)
    while not (data / "killed" / "train.jsonl").exists() and killed.poll() is None:
        time.sleep(0.02)
    killed.kill()
    killed.wait()
    state = torch.load(data / "killed" / "state.pt")
    assert 0 < state["step"] < 60
    again = subprocess.run(command("killed", "--resume"), env=environment, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert straight.wait() == 0
    ends = [torch.load(data / run / "state.pt")["weights"] for run in ("straight", "killed")]
    for kind in ("masters", "averages", "exp_avg", "exp_avg_sq"):
        for name, tensor in ends[0][kind].items():
            assert torch.equal(tensor, ends[1][kind][name]), (kind, name)
    logs = [[line["step"] for line in read_log(data / run)] for run in ("straight", "killed")]
    assert logs[0] == logs[1]


def test_pretrain_learns_the_text(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = data / "run"
    arguments = ["pretrain", recipe_file(data, 200), "--data", data, "--out", run]
    monkeypatch.setattr("sys.argv", ["training", *map(str, arguments)])
    main()
    log = read_log(run)
    assert log[-1]["last_loss"] < 0.55 * math.log(285)  # an even guess over the vocabulary
    assert 0.1 < log[-1]["last_accuracy"] < 1
    assert log[0]["tokens"] == 20 * 256  # every piece counts, not only the masked ones


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("row_length = 16", "row_length = 17", "row_length must not exceed"),
        ("masked_share = 0.15", "masked_share = 1.5", "between 0 and 1"),
        ('file = "text.txt"', 'file = "text.txt"\nlearn = false', "to learn from"),
        ('file = "text.txt"', 'file = "text.txt"\nrepeat = 0', "repeat must be at least 1"),
        ("held_out = 20", "kept_out = 20", "unknown setting 'kept_out'"),
    ],
)
def test_bad_recipes_name_the_setting(data: Path, old: str, new: str, message: str) -> None:
    path = recipe_file(data, 40)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ValueError, match=message):
        read_pretraining_recipe(path)
