"""What load_report.advice tells: (what, why, next move), one case a kind, and nothing about a sound model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from bertgen import (
    BertGenerationConfig,
    BertGenerationDecoder,
    BertGenerationEncoder,
    EncoderDecoderModel,
    LoadReport,
)
from bertgen.hub import cached_file
from tests.hub_server import read_folder

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden"
TOKENIZER = GOLDEN / "tokenizer" / "plain.model"


@pytest.fixture
def folder(tmp_path):
    """A writable copy of the golden encoder-decoder."""
    for name in ("config.json", "generation_config.json", "model.safetensors"):
        shutil.copy(GOLDEN / "encdec" / name, tmp_path)
    return tmp_path


def change(path: Path, **fields) -> None:
    """Sets fields of a JSON file; None removes one."""
    data = json.loads(path.read_text()) if path.exists() else {}
    data.update(fields)
    path.write_text(json.dumps({key: value for key, value in data.items() if value is not None}))


def advice_on(folder, **kwargs):
    """The one piece of advice that loading this folder gives."""
    report = EncoderDecoderModel.from_pretrained(folder, **kwargs).load_report
    assert len(report.advice) == 1, report.advice
    return report.advice[0]


def test_a_sound_checkpoint_needs_none(folder):
    report = EncoderDecoderModel.from_pretrained(folder).load_report
    assert report.advice == []
    assert "advice" not in str(report)


def test_the_embedded_checkpoints():
    """Their tokenizers, tokens and lengths fit; half precision, and one copy of shared weights, are meant."""
    meant = ("read as float32", "shared with others")
    for place in sorted((ROOT / "assets" / "checkpoints").iterdir()):
        if "EncoderDecoder" in (place / "config.json").read_text():
            whats = [what for what, _, _ in EncoderDecoderModel.from_pretrained(place).load_report.advice]
            strange = [what for what in whats if not any(words in what for words in meant)]
            assert not strange, place.name


def test_it_stands_in_the_text(folder):
    change(folder / "config.json", decoder_start_token_id=None)
    report = EncoderDecoderModel.from_pretrained(folder).load_report
    what, why, move = report.advice[0]
    assert f"advice: {what}; {why}. Next: {move}" in str(report).splitlines()
    assert (report.advice[0].what, report.advice[0].move) == (what, move)


def test_no_start_token(folder):
    change(folder / "config.json", decoder_start_token_id=None)
    what, why, move = advice_on(folder)
    assert "no decoder_start_token_id" in what
    assert "generate starts with 2" in why
    assert move.endswith("decoder_start_token_id = 2")
    config = json.loads((folder / "config.json").read_text())
    config["decoder"]["bos_token_id"] = None
    change(folder / "config.json", decoder=config["decoder"])
    (folder / "generation_config.json").unlink()
    assert "generate cannot start" in advice_on(folder).why


def test_no_pad_token(folder):
    change(folder / "config.json", pad_token_id=None)
    assert advice_on(folder).move.endswith("pad_token_id = 0")


def test_untrained_cross_attention(folder):
    path = folder / "model.safetensors"
    kept = {key: value for key, value in load_file(path).items() if ".crossattention." not in key}
    save_file(kept, path, metadata={"format": "pt"})
    what, _, move = advice_on(folder)
    assert what.startswith("the cross-attention is untrained (")
    assert "fine-tune" in move


def test_untrained_head():
    config = BertGenerationConfig.from_pretrained(GOLDEN / "encoder")
    config.is_decoder = True
    model = BertGenerationDecoder.from_pretrained(GOLDEN / "encoder", config=config)
    assert [what for what, _, _ in model.load_report.advice] == [
        "the language-model head is untrained (lm_head.bias)"
    ]


def test_other_weights_at_random(folder):
    path = folder / "model.safetensors"
    kept = {key: value for key, value in load_file(path).items() if "layer.0.output.dense" not in key}
    save_file(kept, path, metadata={"format": "pt"})
    assert "not in the file, set at random" in advice_on(folder).what


def test_mismatched_sizes(folder):
    path = folder / "model.safetensors"
    tensors = load_file(path) | {"encoder.embeddings.position_embeddings.weight": torch.ones(3, 24)}
    save_file(tensors, path, metadata={"format": "pt"})
    what, _, move = advice_on(folder, ignore_mismatched_sizes=True)
    assert "of another shape" in what
    assert "own config.json" in move


def test_weights_without_a_place(folder):
    path = folder / "model.safetensors"
    more = {"encoder.adapter.weight": torch.ones(2), "encoder.embeddings.token_type_embeddings.weight": 0}
    more["encoder.embeddings.token_type_embeddings.weight"] = torch.ones(2, 24)
    save_file(load_file(path) | more, path, metadata={"format": "pt"})
    whats = [a.what for a in EncoderDecoderModel.from_pretrained(folder).load_report.advice]
    assert whats[0].startswith("the token-type embeddings are lost")
    assert whats[1].startswith("encoder.adapter.weight: in the file, but")


def test_nothing_fits(folder):
    path = folder / "model.safetensors"
    save_file({f"other.{key}": value for key, value in load_file(path).items()}, path, {"format": "pt"})
    first = EncoderDecoderModel.from_pretrained(folder).load_report.advice[0]
    assert first.what == "none of the file's weights belongs to this model"
    assert "other." in first.why


def test_shared_weights():
    what, _, move = advice_on(GOLDEN / "encdec_tied")
    assert what.startswith("36 weights, decoder.bert.embeddings.word_embeddings.weight first: shared")
    assert "untie=True" in move


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_half_precision(folder, kind):
    path = folder / "model.safetensors"
    halved = {key: value.to(getattr(torch, kind)) for key, value in load_file(path).items()}
    save_file(halved, path, metadata={"format": "pt"})
    assert advice_on(folder).what == f"the file holds {kind}, read as float32"
    for asked in ("auto", torch.float32):  # whoever says what they want needs no advice
        model = EncoderDecoderModel.from_pretrained(folder, torch_dtype=asked)
        assert model.load_report.advice == []


def test_more_tokens_than_positions(folder):
    change(folder / "generation_config.json", max_length=41)
    what, _, move = advice_on(folder)
    assert what == "generation_config.json asks for up to 41 tokens, the decoder has 40 positions"
    assert move.endswith("max_length to 40 or less")


# -- against the tokenizer's files ----------------------------------------------------------------


def vocabulary(folder: Path, words: int, **config) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "vocab.txt").write_text("".join(f"w{i}\n" for i in range(words)))
    change(folder / "tokenizer_config.json", **config)


def test_a_tokenizer_that_fits(folder):
    rows = EncoderDecoderModel.from_pretrained(folder).config.encoder.vocab_size
    vocabulary(folder, rows, model_max_length=40)
    assert EncoderDecoderModel.from_pretrained(folder).load_report.advice == []


def test_a_tokenizer_with_more_tokens_than_rows(folder):
    rows = EncoderDecoderModel.from_pretrained(folder).config.encoder.vocab_size
    vocabulary(folder, rows, model_max_length=40, added_tokens_decoder={str(rows): {"content": "<new>"}})
    report = EncoderDecoderModel.from_pretrained(folder).load_report
    whats = [what for what, _, _ in report.advice]
    assert whats == [
        f"the tokenizer has {rows + 1} tokens, the {side} embeddings for {rows}"
        for side in ("encoder", "decoder")
    ]
    assert "resize_token_embeddings" in report.advice[0].move


def test_two_tokenizers_are_compared_each_with_its_side(folder):
    rows = EncoderDecoderModel.from_pretrained(folder).config.encoder.vocab_size
    vocabulary(folder, rows, model_max_length=40)
    vocabulary(folder / "decoder_tokenizer", rows + 5, model_max_length=40)
    assert advice_on(folder).what.startswith(f"the tokenizer has {rows + 5} tokens, the decoder")


def test_another_models_tokenizer(tmp_path):
    config = BertGenerationConfig(
        vocab_size=3000,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=16,
    )
    BertGenerationEncoder(config).save_pretrained(tmp_path)
    shutil.copy(TOKENIZER, tmp_path / "spiece.model")
    change(tmp_path / "tokenizer_config.json", model_max_length=16)
    (only,) = BertGenerationEncoder.from_pretrained(tmp_path).load_report.advice
    assert only.what.endswith("tokens, the model embeddings for 3,000")
    (tmp_path / "spiece.model").write_bytes(b"damaged")
    assert BertGenerationEncoder.from_pretrained(tmp_path).load_report.advice == []


@pytest.mark.parametrize(
    ("longest", "words"),
    [
        (None, "the tokenizer's files set no limit"),
        (512, "tokenizer_config.json allows 512 tokens"),
    ],
)
def test_a_tokenizer_that_lets_too_long_texts_through(folder, longest, words):
    rows = EncoderDecoderModel.from_pretrained(folder).config.encoder.vocab_size
    vocabulary(folder, rows, model_max_length=longest)
    what, _, move = advice_on(folder)
    assert what == f"{words}, the encoder has 40 positions"
    assert move.endswith("truncation=True, max_length=40")


def test_of_a_hub_repository_the_cache_is_looked_at(hub, folder):
    rows = EncoderDecoderModel.from_pretrained(folder).config.encoder.vocab_size
    vocabulary(folder, rows + 1, model_max_length=40)
    hub.add("owner/name", read_folder(folder))
    model = EncoderDecoderModel.from_pretrained("owner/name")
    asked = len(hub.log)
    assert model.load_report.advice == []  # the tokenizer was never fetched
    assert len(hub.log) == asked
    for name in ("vocab.txt", "tokenizer_config.json"):
        cached_file("owner/name", name)
    assert len(EncoderDecoderModel.from_pretrained("owner/name").load_report.advice) == 2


# -- joined models --------------------------------------------------------------------------------


def test_a_warm_start(tmp_path):
    model = EncoderDecoderModel.from_encoder_decoder_pretrained(GOLDEN / "encoder", GOLDEN / "encoder")
    whats = [what for what, _, _ in model.load_report.advice]
    assert whats[0].startswith("the cross-attention is untrained (20 weights, decoder.bert.")
    assert whats[1] == "the language-model head is untrained (decoder.lm_head.bias)"
    assert whats[2:] == [
        "config.json names no decoder_start_token_id",
        "config.json names no pad_token_id at its top level",
    ]


def test_an_empty_report():
    assert LoadReport().advice == []
    assert str(LoadReport()) == "nothing loaded"
