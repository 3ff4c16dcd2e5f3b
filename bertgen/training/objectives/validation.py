"""Losses and outputs of held-out rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from bertgen.models.encoder_decoder import EncoderDecoderModel
from bertgen.tokenizers.base import PreTrainedTokenizer
from bertgen.training.data.batches import Example, collate, make_batches, pad_rows
from bertgen.training.data.corpus import Corpus, read_references
from bertgen.training.objectives.pair import training_loss
from bertgen.training.recipe.tables import Recipe
from bertgen.training.scores.metrics import score

# Rows of the first set that are scored, so that a validation takes seconds.
SCORED_ROWS = 200
# Tokens an output: an untrained model never ends by itself.
SCORED_TOKENS = 80


def source_pad(model: EncoderDecoderModel) -> int:
    """The encoder's pad id, which may lie outside the decoder's vocabulary, and the other way round."""
    pad = model.config.encoder.pad_token_id
    if pad is None:
        return model.config.pad_token_id
    return pad


@torch.inference_mode()
def validation_loss(model: EncoderDecoderModel, examples: Sequence[Example], batch_tokens: int) -> float:
    """Mean loss in nats a target token, without smoothing. `model` must be in eval mode."""
    total, count = 0.0, 0
    pad, start = model.config.pad_token_id, model.config.decoder_start_token_id
    for rows in make_batches(examples, batch_tokens, seed=0, epoch=0):
        batch = collate([examples[row] for row in rows], pad, start, source_pad(model)).to(model.device)
        total += training_loss(model, batch, smoothing=0.0).item() * batch.target_tokens
        count += batch.target_tokens
    return total / count


def translate(
    model: EncoderDecoderModel, sources: Sequence[Sequence[int]], rows: int = 64, **generation: Any
) -> list[list[int]]:
    """Generated ids of encoded sources, in their order, `rows` sources of similar lengths at a time.

    `generation` goes to `model.generate`, e.g. num_beams=4, max_new_tokens=128.
    """
    order = sorted(range(len(sources)), key=lambda row: len(sources[row]))
    results: list[list[int]] = [[] for _ in sources]
    for start in range(0, len(order), rows):
        part = order[start : start + rows]
        ids = pad_rows([sources[row] for row in part], source_pad(model)).to(model.device)  # [B, S]
        mask = pad_rows([(1,) * len(sources[row]) for row in part], 0).to(model.device)
        written = model.generate(ids, attention_mask=mask, **generation)
        # Back to where the source stood.
        for row, target in zip(part, written.tolist(), strict=True):
            results[row] = target
    return results


def write_texts(
    model: EncoderDecoderModel, tokenizer: PreTrainedTokenizer, sources: Sequence[str], **generation: Any
) -> list[str]:
    """The texts that a model writes for source texts; `generation` as in `translate`."""
    ids = [tokenizer(source, truncation=True).input_ids for source in sources]
    target = tokenizer.decoder_tokenizer or tokenizer
    return target.batch_decode(translate(model, ids, **generation), skip_special_tokens=True)


def is_uncased(tokenizer: PreTrainedTokenizer) -> bool:
    """Whether the side that writes lower-cases its texts, as uncased BERT does."""
    return bool(getattr(tokenizer.decoder_tokenizer or tokenizer, "do_lower_case", False))


def validate(model: EncoderDecoderModel, recipe: Recipe, corpus: Corpus, data: Path) -> dict[str, float]:
    """Validation loss of every set, and greedy figures on the first set's first rows."""
    # 1) Losses, the first set's first: the run is watched on it.
    result = {
        f"loss_{name}": round(validation_loss(model, rows, recipe.optimisation.batch_tokens), 4)
        for name, rows in corpus.valid.items()
    }
    # 2) Outputs, beside all references of their sources.
    sources, references = read_references(recipe.data[0], data, "valid")
    sources, references = sources[:SCORED_ROWS], references[:SCORED_ROWS]
    texts = write_texts(
        model,
        corpus.tokenizer,
        sources,
        num_beams=1,
        do_sample=False,
        max_new_tokens=min(SCORED_TOKENS, recipe.longest_target),
    )
    figures = score(recipe.task, texts, references, sources, is_uncased(corpus.tokenizer))
    return {**result, **{name.lower(): figure["score"] for name, figure in figures.items()}}
