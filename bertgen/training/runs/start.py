"""The model and the tokenizer that a run starts from: fresh, or warm (Rothe et al. 2020)."""

from __future__ import annotations

from pathlib import Path

import torch

from bertgen.models.encoder_decoder import EncoderDecoderModel
from bertgen.tokenizers import AutoTokenizer
from bertgen.tokenizers.base import PreTrainedTokenizer
from bertgen.training.objectives.pair import build_model
from bertgen.training.recipe.tables import Recipe
from bertgen.warm_start import warm_start, warm_start_tokenizer


def start_tokenizer(recipe: Recipe, run: Path) -> PreTrainedTokenizer:
    """The tokenizer of a run: its own (files in `run`), or the warm start's.

    Where encoder and decoder come from two families, the decoder's is its `decoder_tokenizer`.
    """
    start = recipe.warm_start
    if start is None:
        tokenizer = AutoTokenizer.from_pretrained(run)
    elif start.model:
        tokenizer = AutoTokenizer.from_pretrained(start.model)
    else:
        tokenizer = warm_start_tokenizer(start.setup, **start.sources)
    # What a longer text is cut to, in validation too.
    tokenizer.model_max_length = recipe.longest_source
    return tokenizer


def start_token(tokenizer: PreTrainedTokenizer) -> int:
    """The id that a decoder starts from: the beginning-of-sentence or, in BERT, the class token."""
    return _first(tokenizer, "bos_token_id", "cls_token_id", "start the decoder from")


def end_token(tokenizer: PreTrainedTokenizer) -> int:
    """The id that ends a target: the end-of-sentence or, in BERT, the separator token."""
    return _first(tokenizer, "eos_token_id", "sep_token_id", "end a target with")


def _first(tokenizer: PreTrainedTokenizer, name: str, other: str, use: str) -> int:
    """The id that a tokenizer calls `name` or else `other`; ValueError, with its `use`, for neither."""
    found = getattr(tokenizer, name)
    if found is None:
        found = getattr(tokenizer, other)
    if found is None:
        raise ValueError(f"the tokenizer has neither {name} nor {other} to {use}; set one of them")
    return found


def start_model(recipe: Recipe) -> EncoderDecoderModel:
    """The model at step 0, in float32; the same for the same recipe and checkpoints."""
    # 1) Fresh weights of the recipe's sizes.
    start = recipe.warm_start
    if start is None:
        return build_model(recipe.model, recipe.vocabulary.size, recipe.seed)
    # 2) Or those of checkpoints; the seed is for what they lack, such as cross-attention.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        if start.model:
            model = EncoderDecoderModel.from_pretrained(start.model)
        else:
            model = warm_start(start.setup, classes=start.classes, **start.sources)
    # 3) A recipe must fit the positions that they have.
    for name, config in (("longest_source", model.config.encoder), ("longest_target", model.config.decoder)):
        positions = config.max_position_embeddings
        if config.model_type == "roberta":
            # It counts from behind its pad id.
            positions -= config.pad_token_id + 1
        if getattr(recipe, name) > positions:
            raise ValueError(
                f"{name} is {getattr(recipe, name)} but the checkpoint has {positions} positions"
            )
    return _with_dropout(model.float(), start.dropout)


def _with_dropout(model: EncoderDecoderModel, probability: float) -> EncoderDecoderModel:
    """Sets every dropout, in the configs too: a base was trained without, a fine-tuning needs it."""
    for config in (model.config.encoder, model.config.decoder):
        for name in config.to_dict():
            if name.endswith(("_dropout_prob", "_pdrop")):
                setattr(config, name, probability)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = probability
    return model
