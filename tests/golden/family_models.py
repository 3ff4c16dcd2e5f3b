"""Tiny seeded random models of the reference's other families (transformers 4.37.2 needed)."""

from __future__ import annotations

import models
import torch
from transformers import (
    BertConfig,
    BertLMHeadModel,
    BertModel,
    EncoderDecoderConfig,
    EncoderDecoderModel,
    GPT2Config,
    GPT2LMHeadModel,
    PretrainedConfig,
    PreTrainedModel,
    RobertaConfig,
    RobertaForCausalLM,
    RobertaModel,
)

VOCABULARY, WIDTH, POSITIONS = 47, 16, 32
SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": WIDTH,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": POSITIONS,
}
# Padding, end and start; GPT-2 has one token for all three, which its config names twice.
IDS = {"bert": (0, 1, 2), "bert-generation": (0, 1, 2), "roberta": (1, 2, 0), "gpt2": (5, 5, 5)}
DECODER = {"is_decoder": True, "add_cross_attention": True}
CONFIGS = {"bert": BertConfig, "roberta": RobertaConfig, "bert-generation": models.BertGenerationConfig}
ENCODERS = {"bert": BertModel, "roberta": RobertaModel}
DECODERS = {"bert": BertLMHeadModel, "roberta": RobertaForCausalLM, "gpt2": GPT2LMHeadModel}


def config(family: str, **changes) -> PretrainedConfig:
    """A config of about 10,000 parameters."""
    pad, end, start = IDS[family]
    if family == "gpt2":
        sizes = {"n_embd": WIDTH, "n_layer": 2, "n_head": 4, "n_positions": POSITIONS, "n_inner": 24}
        own = {"vocab_size": VOCABULARY, "bos_token_id": start, "eos_token_id": end}
        return GPT2Config(**{**sizes, **own, **changes})
    own = {"pad_token_id": pad, "eos_token_id": end, "bos_token_id": start}
    return CONFIGS[family](**{**SIZES, **own, **changes})


def scramble(model: PreTrainedModel, seed: int, end: int, eos_bias: float) -> PreTrainedModel:
    """As ``models.scramble``, for every family's names; a head without bias gets a stronger end row."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in model.named_parameters():
            noise = torch.randn(value.shape, generator=generator)
            if value.dim() == 1 and name.endswith("weight"):
                value.copy_(1 + 0.2 * noise)
            elif value.dim() == 2:
                value.copy_(noise * _scale(name, value))
            else:
                value.copy_(0.1 * noise)
            if name.endswith(("lm_head.bias", "predictions.bias")):
                value[end] += eos_bias
    return model.eval()


def _scale(name: str, value: torch.Tensor) -> float:
    if "position_embeddings" in name or "wpe" in name:
        return 2.0
    if "embedding" in name or "wte" in name:
        return 0.7
    inputs = value.shape[0] if "c_" in name or "q_attn" in name else value.shape[1]
    cross = "crossattention.output" in name or "crossattention.c_proj" in name
    own = "attention.output" in name or "attn.c_proj" in name
    factor = 2.0 if cross else 0.5 if own else 1.3 if "query" in name else 1.0
    return factor / inputs**0.5


def encoder(family: str, seed: int, **changes) -> PreTrainedModel:
    return scramble(ENCODERS[family](config(family, **changes)), seed, IDS[family][1], 0.0)


def decoder(family: str, seed: int, eos_bias: float = 0.0, **changes) -> PreTrainedModel:
    """With cross-attention unless ``add_cross_attention=False``."""
    model = DECODERS[family](config(family, **{**DECODER, **changes}))
    return scramble(model, seed, IDS[family][1], eos_bias)


def encoder_decoder(
    first: str, second: str, seed: int, eos_bias: float = 0.0, encoder_changes=None, tied=False, **changes
) -> EncoderDecoderModel:
    """Any two families; ``changes`` go to the decoder."""
    settings = EncoderDecoderConfig.from_encoder_decoder_configs(
        config(first, **(encoder_changes or {})), config(second, **changes)
    )
    settings.tie_encoder_decoder = tied
    pad, end, start = IDS[second]
    settings.decoder_start_token_id, settings.pad_token_id, settings.eos_token_id = start, pad, end
    return scramble(EncoderDecoderModel(config=settings), seed, end, eos_bias)
