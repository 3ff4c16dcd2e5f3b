"""Streaming for every family: what is written is told by the decoder's own tokenizer; a decoder alone."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from bertgen import (
    BertConfig,
    BertGenerationTokenizer,
    EncoderDecoderConfig,
    EncoderDecoderModel,
    GenerationConfig,
    GPT2Config,
    GPT2LMHeadModel,
    RobertaConfig,
    stream_generate,
    trace_generate,
)
from tests.conftest import GOLDEN

TEXT = "Hello world, how are you?"
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 64}
GPT2 = {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 64, "bos_token_id": 2, "eos_token_id": 1}
MODES = {"greedy": {}, "sample": {"do_sample": True, "top_k": 5}, "beam": {"num_beams": 3}}


def wild(model: torch.nn.Module) -> torch.nn.Module:
    """Parameters far from their initial values, so that the output varies."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for value in model.parameters():
            if value.dim() == 2:
                value.copy_(torch.randn(value.shape, generator=generator) / 3)
    return model.eval()


def joined(encoder, decoder) -> EncoderDecoderModel:
    config = EncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    config.decoder_start_token_id, config.eos_token_id, config.pad_token_id = 2, 1, 0
    return wild(EncoderDecoderModel(config))


@pytest.fixture(scope="module")
def both(tokenizer) -> BertGenerationTokenizer:
    """A tokenizer whose decoder has another vocabulary, in which the same ids are other pieces."""
    pair = copy.deepcopy(tokenizer)
    pair.decoder_tokenizer = BertGenerationTokenizer(str(GOLDEN / "tokenizer" / "plain.model"))
    return pair


def settings(mode: str) -> GenerationConfig:
    ids = {"decoder_start_token_id": 2, "eos_token_id": 1, "pad_token_id": 0}
    return GenerationConfig(max_new_tokens=9, **ids, **MODES[mode])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("decoder", ["gpt2", "roberta"])
def test_two_vocabularies(both, mode, decoder):
    """Pieces, alternatives, words and text are the decoder's; the source's are the encoder's."""
    size = len(both.decoder_tokenizer)
    kinds = {
        "gpt2": GPT2Config(**{**GPT2, "n_layer": 2}, vocab_size=size),
        "roberta": RobertaConfig(**SMALL, intermediate_size=40, vocab_size=size),
    }
    model = joined(BertConfig(**SMALL, intermediate_size=40, vocab_size=len(both)), kinds[decoder])
    generator = torch.Generator().manual_seed(1)
    stream = stream_generate(model, both, TEXT, settings(mode), generator=generator)
    steps = list(stream)
    steps = [step for step in steps if hasattr(step, "token_id")]
    trace, target = stream.trace, both.decoder_tokenizer
    assert trace.source_pieces == tuple(both.convert_ids_to_tokens(trace.source_ids.tolist()))
    ids = trace.target_ids.tolist()
    assert trace.target_pieces == tuple(target.convert_ids_to_tokens(ids))
    assert trace.target_pieces != tuple(both.convert_ids_to_tokens(ids))
    assert [step.piece for step in steps] == list(trace.target_pieces)
    assert "".join(step.text for step in steps) == trace.text == target.decode(ids, skip_special_tokens=True)
    assert all(target.convert_ids_to_tokens([i])[0] == piece for i, piece, _ in steps[0].top_k)
    assert len(trace.target_words) == len(ids)
    assert trace.cross.shape == (2, 4, len(ids), len(trace.source_ids))
    np.testing.assert_allclose(trace.cross.astype(np.float32).sum(-1), 1, atol=2e-3)
    if mode != "sample":
        batch = model.generate(**both(TEXT, return_tensors="pt"), generation_config=settings(mode))
        assert batch[0, 1 : 1 + len(ids)].tolist() == ids


@pytest.mark.parametrize("mode", MODES)
def test_a_decoder_alone_continues_its_prompt(tokenizer, mode):
    model = wild(GPT2LMHeadModel(GPT2Config(**GPT2, vocab_size=len(tokenizer))))
    prompt = tokenizer(TEXT)["input_ids"]
    generator = torch.Generator().manual_seed(1)
    trace = trace_generate(model, tokenizer, TEXT, settings(mode), generator=generator)
    count, length = len(trace.target_ids), len(prompt)
    assert trace.cross is None
    assert trace.encoder_self is None
    assert trace.decoder_self.shape == (3, 4, count, length - 1 + count)
    rows = trace.decoder_self.astype(np.float32)
    np.testing.assert_allclose(rows.sum(-1), 1, atol=2e-3)
    assert all(not rows[:, :, t, length + t :].any() for t in range(count))
    assert set(trace.maps) == {"decoder_self"}
    assert trace.maps["decoder_self"].columns == (trace.source_pieces + trace.target_pieces)[:-1]
    assert trace.text == tokenizer.decode(trace.target_ids.tolist(), skip_special_tokens=True)
    if mode != "sample":
        whole = model.generate(torch.tensor([prompt]), generation_config=settings(mode))
        assert whole[0, length : length + count].tolist() == trace.target_ids.tolist()


def test_stopping_before_the_first_step(tokenizer):
    model = wild(GPT2LMHeadModel(GPT2Config(**GPT2, vocab_size=len(tokenizer))))
    stream = stream_generate(model, tokenizer, TEXT, settings("greedy"))
    stream.close()
    assert stream.trace.decoder_self.shape[2] == 0
    assert stream.trace.finish_reason == "stopped"
