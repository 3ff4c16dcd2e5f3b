"""token_type_ids in generate: BERT's tokenizer makes them, and people call `generate(**tokenizer(text))`."""

from __future__ import annotations

import pytest
import torch

from bertgen import (
    BertConfig,
    BertGenerationConfig,
    BertLMHeadModel,
    EncoderDecoderConfig,
    EncoderDecoderModel,
)

SIZES = {
    "vocab_size": 50,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 32,
}
IDS, TYPES = torch.tensor([[5, 6, 7, 8]]), torch.tensor([[0, 0, 1, 1]])


def joined(encoder) -> EncoderDecoderModel:
    torch.manual_seed(3)
    config = EncoderDecoderConfig.from_encoder_decoder_configs(
        encoder(**SIZES), BertConfig(**SIZES), decoder_start_token_id=2, pad_token_id=0, eos_token_id=1
    )
    return EncoderDecoderModel(config).eval()


def test_they_reach_the_encoder():
    model = joined(BertConfig)
    with torch.no_grad():
        model.encoder.embeddings.token_type_embeddings.weight[1] += 3 * torch.randn(16)
        encoded = model.encoder(IDS, token_type_ids=TYPES)
    told = model.generate(IDS, token_type_ids=TYPES, output_scores=True, return_dict_in_generate=True)
    ready = model.generate(encoder_outputs=encoded, output_scores=True, return_dict_in_generate=True)
    plain = model.generate(IDS, output_scores=True, return_dict_in_generate=True)
    assert torch.equal(told.sequences, ready.sequences)
    torch.testing.assert_close(told.scores[0], ready.scores[0])
    assert not torch.allclose(told.scores[0], plain.scores[0])


def test_a_model_without_them_refuses():
    with pytest.raises(ValueError, match="return_token_type_ids=False"):
        joined(BertGenerationConfig).generate(IDS, token_type_ids=TYPES)


def test_a_bert_decoder_takes_and_ignores_them():
    torch.manual_seed(3)
    model = BertLMHeadModel(BertConfig(**SIZES, is_decoder=True, eos_token_id=1, pad_token_id=0)).eval()
    assert torch.equal(model.generate(IDS, token_type_ids=TYPES), model.generate(IDS))
