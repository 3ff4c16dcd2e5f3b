"""Tiny models whose weights follow from their names, so that the reference and we build the same."""

from __future__ import annotations

import zlib
from typing import Any

import torch

SIZES = {"vocab_size": 61, "bos_token_id": 2, "eos_token_id": 1, "pad_token_id": 0}
BERT_SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": 40,
}
GPT2_SIZES = {"n_embd": 16, "n_layer": 2, "n_head": 4, "n_positions": 40}


def decoder(library: Any, family: str, **changes: Any) -> Any:
    """A language model of the family, "generation", "bert", "roberta" or "gpt2", in eval mode."""
    config_name, model_name = {
        "generation": ("BertGenerationConfig", "BertGenerationDecoder"),
        "bert": ("BertConfig", "BertLMHeadModel"),
        "roberta": ("RobertaConfig", "RobertaForCausalLM"),
        "gpt2": ("GPT2Config", "GPT2LMHeadModel"),
    }[family]
    sizes = BERT_SIZES
    if family == "gpt2":
        sizes = GPT2_SIZES
    config = getattr(library, config_name)(**{**SIZES, **sizes, **changes})
    return fill(getattr(library, model_name)(config))


def joined(library: Any) -> Any:
    """An encoder-decoder of the BertGeneration kind, its start and end set."""
    config_class = library.BertGenerationConfig
    encoder = config_class(**SIZES, **BERT_SIZES)
    side = config_class(**SIZES, **BERT_SIZES, is_decoder=True, add_cross_attention=True)
    config = library.EncoderDecoderConfig.from_encoder_decoder_configs(
        encoder, side, decoder_start_token_id=2, eos_token_id=1, pad_token_id=0
    )
    return fill(library.EncoderDecoderModel(config=config))


def fill(model: Any) -> Any:
    """The same model with every parameter drawn from a generator that its name seeds."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
            noise = torch.randn(value.shape, generator=generator)
            if value.dim() == 2:
                value.copy_(noise * 0.4)
            elif name.endswith("weight"):  # of a layer norm
                value.copy_(1 + 0.2 * noise)
            else:
                value.copy_(0.2 * noise)
    return model.eval()
