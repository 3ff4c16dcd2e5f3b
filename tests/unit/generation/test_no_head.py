import pytest

from bertgen import BertGenerationConfig, BertGenerationEncoder


def test_a_model_without_a_head_says_who_can_generate():
    config = BertGenerationConfig(
        vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    )
    with pytest.raises(TypeError, match="EncoderDecoderModel"):
        BertGenerationEncoder(config).generate()
