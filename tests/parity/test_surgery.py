"""Loaded models that are then pruned, resized or joined answer as in transformers 4.37.2."""

from __future__ import annotations

import pytest
import torch

from bertgen import BertGenerationDecoder, BertGenerationEncoder, EncoderDecoderModel
from tests.parity import cases

HEADS = {0: [1], 1: [0, 2]}


def given() -> dict[str, torch.Tensor]:
    found = cases.arrays("surgery")
    return {"input_ids": found["input_ids"], "attention_mask": found["attention_mask"]}


@pytest.mark.parametrize("size", [50, 72])
@torch.no_grad()
def test_resized_vocabulary(size):
    model = BertGenerationDecoder.from_pretrained(cases.ROOT / "decoder_lm")
    model.resize_token_embeddings(size)
    logits = model(**given()).logits
    assert logits.shape[-1] == size == model.config.vocab_size
    assert model.lm_head.decoder.weight is model.get_input_embeddings().weight
    assert model.lm_head.decoder.bias is model.lm_head.bias
    expected = cases.arrays("surgery")[f"resized/{size}"]
    torch.testing.assert_close(logits[..., : expected.shape[-1]], expected, **cases.TOLERANCE)
    assert not model.lm_head.bias[67:].any()


@torch.no_grad()
def test_pruned_heads():
    model = BertGenerationEncoder.from_pretrained(cases.ROOT / "encoder")
    model.prune_heads(HEADS)
    states = model(**given()).last_hidden_state
    torch.testing.assert_close(states, cases.arrays("surgery")["pruned/states"], **cases.TOLERANCE)
    assert model.config.pruned_heads == HEADS


@torch.no_grad()
def test_joined_from_two_checkpoints():
    """from_encoder_decoder_pretrained: both sides as they were, cross-attention new."""
    model = EncoderDecoderModel.from_encoder_decoder_pretrained(
        cases.ROOT / "encoder", cases.ROOT / "decoder_lm"
    )
    for name, value in model.named_parameters():
        if "crossattention" in name and not name.endswith("LayerNorm.weight"):
            value.copy_(torch.linspace(-0.3, 0.3, value.numel()).view(value.shape))
    found = cases.arrays("surgery")
    logits = model.eval()(**given(), decoder_input_ids=found["target"]).logits
    torch.testing.assert_close(logits, found["joined/logits"], **cases.TOLERANCE)
    fresh = model.load_report.keys("initialised")
    assert fresh
    assert all("crossattention" in key for key in fresh)
    assert not model.config.encoder.is_decoder
    assert model.config.decoder.add_cross_attention
