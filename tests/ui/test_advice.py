"""Checkpoints that something is wrong with: what is said, what to do next, and what stays as it was."""

from __future__ import annotations

import json
import shutil

import pytest
from safetensors.torch import load_file, save_file

from components.models.advice import Refusal
from components.models.reports import refusal_html
from components.strings import t
from components.tabs import checkpoints as tab
from components.tabs import generate

SETTINGS = ("greedy", 4, 1.0, 50, 1.0, 6, 0)


@pytest.fixture
def folder(checkpoints, tmp_path):
    """A copy of a good checkpoint, to be spoilt."""
    return shutil.copytree(checkpoints / "translate-tiny", tmp_path / "mine")


def change_json(path, change):
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def drop_weights(folder, *parts):
    """Takes the weights whose names hold one of ``parts`` out of the file."""
    path = folder / "model.safetensors"
    kept = {key: value for key, value in load_file(path).items() if not any(part in key for part in parts)}
    path.unlink()
    save_file(kept, path, metadata={"format": "pt"})


def no_start(folder):
    for name in ("config.json", "generation_config.json"):
        change_json(folder / name, lambda data: data.update(decoder_start_token_id=None, bos_token_id=None))


def other_family(folder):
    change_json(folder / "config.json", lambda data: data["decoder"].update(model_type="t5"))


def whole_other_family(folder):
    change_json(folder / "config.json", lambda data: data.update(model_type="t5"))


def unnamed_family(folder):
    (folder / "config.json").write_text('{"hidden_size": 3}')


def encoder_alone(folder):
    config = json.loads((folder / "config.json").read_text())["encoder"]
    (folder / "config.json").write_text(json.dumps(config))


def no_tokenizer(folder):
    (folder / "spiece.model").unlink()


def no_weights(folder):
    (folder / "model.safetensors").unlink()


def strange_weights(folder):
    save_file({"x.weight": next(iter(load_file(folder / "model.safetensors").values()))},
              folder / "model.safetensors", metadata={"format": "pt"})  # fmt: skip


def other_width(folder):
    change_json(folder / "config.json", lambda data: data["encoder"].update(hidden_size=64))


def small_vocabulary(folder):
    """Embeddings for fewer tokens than the tokenizer has: as with another model's tokenizer."""
    path = folder / "model.safetensors"
    weights = load_file(path)
    for key, value in weights.items():
        if value.shape[0] == 367:
            weights[key] = value[:100].clone()
    path.unlink()
    save_file(weights, path, metadata={"format": "pt"})
    for side in ("encoder", "decoder"):
        change_json(folder / "config.json", lambda data, side=side: data[side].update(vocab_size=100))


@pytest.mark.parametrize(
    ("spoil", "why", "move"),
    [
        (no_start, "the token that the decoder starts with", "decoder_start_token_id"),
        (other_family, "its decoder is of the family 't5'", "bert-generation"),
        (whole_other_family, "this model is of the family 't5'", "bert-generation"),
        (unnamed_family, "of a family that config.json does not name", "bert-generation"),
        (encoder_alone, "cannot read one text and write another", "warm-start"),
        (no_tokenizer, "holds no tokenizer", "tokenizer.save_pretrained"),
        (no_weights, "holds no weights", "save the model there again"),
        (strange_weights, "none of the weights in the files belongs", "of one checkpoint"),
        (other_width, "does not fit this EncoderDecoderModel: encoder.embeddings", "of one checkpoint"),
        (small_vocabulary, "knows 367 tokens and the encoder has embeddings for 100", "tokenizer files"),
    ],
)
def test_what_cannot_run_is_refused_with_the_next_move(ctx, folder, spoil, why, move):
    spoil(folder)
    before = (tab.choices(ctx, "me"), ctx.registry.memory.nbytes)
    with pytest.raises(Refusal) as refusal:
        tab.on_open(ctx, str(folder), "me")
    assert why in refusal.value.why
    assert move in refusal.value.move
    assert (tab.choices(ctx, "me"), ctx.registry.memory.nbytes) == before
    line = refusal_html(refusal.value)
    assert "Not opened." in line
    assert "Next:" in line


@pytest.mark.parametrize(
    ("parts", "warning"),
    [
        (["crossattention"], t("warning.cross")),
        (["lm_head", "decoder.bert.embeddings.word_embeddings"], t("warning.head")),
        (["encoder.encoder.layer.1."], "more weights are not in the files and were set at random"),
    ],
)
def test_what_is_untrained_runs_with_a_warning_that_stays(ctx, folder, parts, warning):
    if "lm_head" in parts:  # a head of its own, which the files do not hold
        change_json(folder / "config.json", lambda data: data["decoder"].update(tie_word_embeddings=False))
        parts = ["lm_head"]
    drop_weights(folder, *parts)
    _, line, *_, report = tab.on_open(ctx, str(folder), "me")
    assert warning in line.replace("&#x27;", "'")
    assert report.index("bx-advice") < report.index("loaded from the files")
    assert "not in the files, set at random" in report
    for _ in range(2):  # with every run
        last = list(generate.on_run(ctx, "the cat", "translate", "mine", SETTINGS, "me"))[-1]
        assert any(warning in note for note in last["notes"])
    stored = ctx.sessions.runs("me")[0]
    assert any(warning in note for note in stored.warnings)


def test_texts_in_a_refusal_are_escaped():
    line = refusal_html(Refusal.saying("<img src=x>", "<b>"))
    assert "<img" not in line
    assert "&lt;b&gt;" in line
