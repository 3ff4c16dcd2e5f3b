"""Finished runs of tiny models of every family, and the teacher-forced pass over one."""

from __future__ import annotations

import pytest
import torch

from bertgen import (
    BertConfig,
    BertGenerationConfig,
    EncoderDecoderConfig,
    EncoderDecoderModel,
    GPT2Config,
    GPT2LMHeadModel,
    RobertaConfig,
    trace_generate,
)
from bertgen.configs.generation import GenerationConfig

TEXT = "Hello world, how are you?"
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 64}
GPT2 = {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 64, "bos_token_id": 2, "eos_token_id": 1}
IDS = {"decoder_start_token_id": 2, "eos_token_id": 1, "pad_token_id": 0}
# Encoder and decoder; of the last one there is a decoder alone.
FAMILIES = ["bert-generation", "bert", "roberta", "relative", "gpt2", "wider", "gpt2-alone"]


def wild(model: torch.nn.Module, seed: int = 3) -> torch.nn.Module:
    """Parameters far from their initial values, biases and norms too."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in model.named_parameters():
            noise = torch.randn(value.shape, generator=generator)
            if value.dim() == 2:
                value.copy_(noise / 3)
            elif name.endswith("weight"):
                value.copy_(1 + 0.2 * noise)
            else:
                value.copy_(0.2 * noise)
    return model.eval()


def build(family: str, size: int) -> torch.nn.Module:
    """A tiny model of a family, with a vocabulary of this size."""
    gpt2 = GPT2Config(**GPT2, vocab_size=size)
    if family == "gpt2-alone":
        return wild(GPT2LMHeadModel(gpt2))
    feed_forward = {"intermediate_size": 40, "vocab_size": size}
    small = {**SMALL, **feed_forward}
    relative = {**small, "position_embedding_type": "relative_key_query"}
    sides = {
        "bert-generation": (BertGenerationConfig(**small), BertGenerationConfig(**small)),
        "bert": (BertConfig(**small), BertConfig(**small)),
        "roberta": (RobertaConfig(**small), RobertaConfig(**small)),
        "relative": (BertConfig(**relative), BertConfig(**relative)),
        "gpt2": (BertConfig(**small), gpt2),
        "wider": (BertConfig(**{**small, "hidden_size": 48, "num_hidden_layers": 1}), BertConfig(**small)),
    }
    config = EncoderDecoderConfig.from_encoder_decoder_configs(*sides[family])
    config.decoder_start_token_id, config.eos_token_id, config.pad_token_id = 2, 1, 0
    return wild(EncoderDecoderModel(config))


@pytest.fixture(scope="session", params=FAMILIES)
def run(request, tokenizer):
    """(model, trace) of each family in turn."""
    model = build(request.param, len(tokenizer))
    settings = GenerationConfig(max_new_tokens=6, **IDS)
    return model, trace_generate(model, tokenizer, TEXT, settings)
