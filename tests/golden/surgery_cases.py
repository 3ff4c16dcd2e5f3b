"""Models that are changed after loading: pruned, resized, joined (transformers 4.37.2 needed)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import models
import torch
from record import Case
from transformers import BertGenerationDecoder, EncoderDecoderModel

HEADS = {0: [1], 1: [0, 2]}


def pruned(root: Path, ids: Callable) -> None:
    """A checkpoint whose config names pruned heads."""
    model = models.encoder(seed=81)
    model.prune_heads(HEADS)
    case = Case(root, "encoder_pruned", "BertGenerationEncoder")
    case.call("padded", model, ids(2, 7, 82, (7, 4)), output_attentions=True)
    case.save(model)


def surgery(root: Path, ids: Callable) -> None:
    """What golden checkpoints answer after an operation; no checkpoint of its own."""
    case = Case(root, "surgery", "surgery")
    given = ids(2, 6, 83, (6, 4))
    given["input_ids"] = given["input_ids"].clamp(max=49)
    for size in (50, 72):
        model = BertGenerationDecoder.from_pretrained(root / "decoder_lm")
        model.resize_token_embeddings(size)
        logits = model(**given, use_cache=False).logits[..., : models.VOCABULARY]
        case.arrays[f"resized/{size}"] = logits.detach().contiguous()
    model = models.encoder(seed=1)
    model.prune_heads(HEADS)
    case.arrays["pruned/states"] = model(**given).last_hidden_state.detach()
    model = EncoderDecoderModel.from_encoder_decoder_pretrained(root / "encoder", root / "decoder_lm")
    constant_cross_attention(model)
    target = ids(2, 5, 84)["input_ids"]
    output = model(**given, decoder_input_ids=target, use_cache=False)
    case.arrays["joined/logits"] = output.logits.detach()
    case.arrays |= {
        "input_ids": given["input_ids"],
        "attention_mask": given["attention_mask"],
        "target": target,
    }
    case.notes = {"class": "surgery"}
    case.save()


def constant_cross_attention(model: torch.nn.Module) -> None:
    """Fresh weights are random: give them values that any library can repeat."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            if "crossattention" in name and not name.endswith("LayerNorm.weight"):
                value.copy_(torch.linspace(-0.3, 0.3, value.numel()).view(value.shape))
