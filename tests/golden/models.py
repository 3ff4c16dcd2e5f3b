"""Tiny seeded random models of the reference, for the golden files (transformers 4.37.2 needed)."""

from __future__ import annotations

import torch
from transformers import (
    BertGenerationConfig,
    BertGenerationDecoder,
    BertGenerationEncoder,
    EncoderDecoderConfig,
    EncoderDecoderModel,
    PreTrainedModel,
)

PAD, EOS, START = 0, 1, 2
VOCABULARY = 67


def config(**changes) -> BertGenerationConfig:
    """A BertGeneration config of about 10,000 to 20,000 parameters; ids as the library's own defaults."""
    sizes = {
        "vocab_size": VOCABULARY,
        "hidden_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 40,
        "max_position_embeddings": 40,
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "pad_token_id": PAD,
        "eos_token_id": EOS,
        "bos_token_id": START,
    }
    return BertGenerationConfig(**{**sizes, **changes})


def decoder_config(**changes) -> BertGenerationConfig:
    """The same as a decoder with cross-attention, three layers deep."""
    return config(**{"is_decoder": True, "add_cross_attention": True, "num_hidden_layers": 3, **changes})


def scramble(model: PreTrainedModel, seed: int, eos_bias: float = 5.0) -> PreTrainedModel:
    """Move every parameter away from its initial value, and make the outputs far from uniform.

    A weight that stays at 0 or 1 hides a missing key, and near-uniform logits make ids a matter of rounding.
    The row of the padding token is filled too: a loaded row keeps what the file says. Strong positions and
    weak attention outputs keep a random decoder from repeating one token for ever.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in model.named_parameters():
            noise = torch.randn(value.shape, generator=generator)
            if name.endswith("LayerNorm.weight"):
                value.copy_(1 + 0.2 * noise)
            elif value.dim() == 2:
                value.copy_(noise * _scale(name, value))
            else:
                value.copy_(0.1 * noise)
            if name.endswith("lm_head.bias"):
                value[EOS] += eos_bias
                value[START] -= 4.0
                value[PAD] -= 4.0
    return model.eval()


def _scale(name: str, value: torch.Tensor) -> float:
    """The standard deviation of one matrix."""
    if "position_embeddings" in name:
        return 2.0
    if "embedding" in name:
        return 0.7
    factor = 0.5 if "attention.output" in name else 1.3 if "query" in name else 1.0
    return factor / value.shape[1] ** 0.5


def encoder(seed: int = 1, **changes) -> BertGenerationEncoder:
    """An encoder alone."""
    return scramble(BertGenerationEncoder(config(**changes)), seed)


def decoder(seed: int = 2, **changes) -> BertGenerationDecoder:
    """A language model; `add_cross_attention=False` gives the plain one."""
    return scramble(BertGenerationDecoder(decoder_config(**changes)), seed)


def encoder_decoder(
    seed: int = 5, encoder_changes=None, eos_bias: float = 5.0, **changes
) -> EncoderDecoderModel:
    """An encoder-decoder of two and three layers; `changes` go to the decoder (but tie_encoder_decoder)."""
    tied = changes.pop("tie_encoder_decoder", False)
    settings = EncoderDecoderConfig.from_encoder_decoder_configs(
        config(**(encoder_changes or {})), decoder_config(**changes)
    )
    settings.tie_encoder_decoder = tied
    settings.decoder_start_token_id = START
    settings.pad_token_id = PAD
    settings.eos_token_id = EOS
    return scramble(EncoderDecoderModel(config=settings), seed, eos_bias)
