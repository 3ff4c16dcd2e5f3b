"""EncoderDecoderModel.from_encoder_decoder_pretrained: keywords of the two sides."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from bertgen import (
    BertGenerationConfig,
    BertGenerationDecoder,
    BertGenerationEncoder,
    EncoderDecoderModel,
)

GOLDEN = Path(__file__).parents[2] / "golden"
ENCODER = GOLDEN / "encoder"


def files(changes: dict) -> dict[str, bytes]:
    """The golden encoder's files with another config."""
    config = json.loads((ENCODER / "config.json").read_text(encoding="utf-8"))
    weights = (ENCODER / "model.safetensors").read_bytes()
    return {"config.json": json.dumps({**config, **changes}).encode(), "model.safetensors": weights}


def test_keywords_of_each_side():
    """encoder_* and decoder_* overwrite the sides' fields, the rest the joint config's."""
    model = EncoderDecoderModel.from_encoder_decoder_pretrained(
        ENCODER, ENCODER, encoder_hidden_dropout_prob=0.3, decoder_use_cache=False, pad_token_id=0
    )
    assert model.config.encoder.hidden_dropout_prob == 0.3
    assert model.config.decoder.hidden_dropout_prob == 0.1
    assert model.config.decoder.use_cache is False
    assert model.config.pad_token_id == 0
    assert model.config.decoder.is_decoder
    assert not model.config.encoder.is_decoder


def test_dtype_of_each_side():
    model = EncoderDecoderModel.from_encoder_decoder_pretrained(
        ENCODER, ENCODER, encoder_torch_dtype=torch.float16, decoder_torch_dtype="bfloat16"
    )
    assert {p.dtype for p in model.encoder.parameters()} == {torch.float16}
    assert {p.dtype for p in model.decoder.parameters()} == {torch.bfloat16}


def test_revision_of_each_side(hub):
    """Hub keywords hold for a side's config as for its weights."""
    hub.add("owner/encoder", files({"hidden_act": "gelu"}))
    hub.add("owner/encoder", files({"hidden_act": "relu"}), branch="relu")
    model = EncoderDecoderModel.from_encoder_decoder_pretrained(
        "owner/encoder", "owner/encoder", encoder_revision="relu"
    )
    assert model.config.encoder.hidden_act == "relu"
    assert model.config.decoder.hidden_act == "gelu"


def test_ready_models_and_configs():
    encoder = BertGenerationEncoder.from_pretrained(ENCODER)
    config = BertGenerationConfig.from_pretrained(ENCODER, is_decoder=True, add_cross_attention=True)
    model = EncoderDecoderModel.from_encoder_decoder_pretrained(
        encoder_model=encoder, decoder_pretrained_model_name_or_path=ENCODER, decoder_config=config
    )
    assert model.encoder is encoder
    assert model.config.decoder.add_cross_attention
    decoder = BertGenerationDecoder(config)
    assert (
        EncoderDecoderModel.from_encoder_decoder_pretrained(ENCODER, decoder_model=decoder).decoder is decoder
    )


def test_what_is_missing():
    with pytest.raises(ValueError, match="encoder_pretrained_model_name_or_path or encoder_model"):
        EncoderDecoderModel.from_encoder_decoder_pretrained(None, ENCODER)
    with pytest.raises(ValueError, match="decoder_pretrained_model_name_or_path or decoder_model"):
        EncoderDecoderModel.from_encoder_decoder_pretrained(ENCODER)
    with pytest.raises(TypeError, match="start_token_id"):  # a decoder's field it is not; as in the reference
        EncoderDecoderModel.from_encoder_decoder_pretrained(ENCODER, ENCODER, decoder_start_token_id=2)
