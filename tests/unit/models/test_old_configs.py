"""Old words in configs, and where a config says that it is from: as in transformers 4.37.2."""

from __future__ import annotations

import json

import pytest
import torch

import bertgen
from tests.golden import by_formula

IDS = torch.tensor([[5, 9, 30, 7]])


@pytest.mark.parametrize("family", ["generation", "bert", "roberta", "gpt2"])
def test_gradient_checkpointing_in_a_config(family, tmp_path):
    model = by_formula.decoder(bertgen, family, is_decoder=True, gradient_checkpointing=True)
    assert model.is_gradient_checkpointing
    assert not hasattr(model.config, "gradient_checkpointing")
    assert model.train()(IDS, use_cache=True).past_key_values is None  # recomputed layers cache nothing

    # the same from a file; what is written then no longer says it
    model.save_pretrained(tmp_path)
    written = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert "gradient_checkpointing" not in written
    old = written | {"gradient_checkpointing": True}
    (tmp_path / "config.json").write_text(json.dumps(old), encoding="utf-8")
    assert type(model).from_pretrained(tmp_path).is_gradient_checkpointing
    assert type(model.base_model).from_pretrained(tmp_path).is_gradient_checkpointing


def test_false_leaves_the_config_too():
    model = by_formula.decoder(bertgen, "bert", gradient_checkpointing=False)
    assert not model.is_gradient_checkpointing
    assert not hasattr(model.config, "gradient_checkpointing")


def test_a_side_with_the_word():
    sizes = {**by_formula.SIZES, **by_formula.BERT_SIZES}
    encoder = bertgen.BertGenerationConfig(**sizes, gradient_checkpointing=True)
    decoder = bertgen.BertGenerationConfig(**sizes, is_decoder=True, add_cross_attention=True)
    config = bertgen.EncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    model = bertgen.EncoderDecoderModel(config=config)
    assert model.encoder.is_gradient_checkpointing
    assert not model.decoder.is_gradient_checkpointing
    assert not hasattr(model.config.encoder, "gradient_checkpointing")


def test_a_config_alone_keeps_its_name(tmp_path):
    model = by_formula.decoder(bertgen, "gpt2")
    model.save_pretrained(tmp_path)
    config = bertgen.GPT2Config.from_pretrained(tmp_path)
    assert config._name_or_path == ""
    assert str(tmp_path) not in config.to_json_string(use_diff=False)
    # a model knows where it is from, and writes no path of this machine
    model = bertgen.GPT2LMHeadModel.from_pretrained(tmp_path)
    assert model.name_or_path == str(tmp_path)
    model.save_pretrained(tmp_path / "again")
    assert str(tmp_path) not in (tmp_path / "again" / "config.json").read_text(encoding="utf-8")
