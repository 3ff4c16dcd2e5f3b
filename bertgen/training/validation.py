"""Losses and translations of held-out rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sentencepiece
import torch

from bertgen.encoder_decoder import EncoderDecoderModel
from bertgen.training.build import training_loss
from bertgen.training.corpus import Corpus, read_references
from bertgen.training.data import Example, collate, make_batches, pad_rows
from bertgen.training.metrics import score
from bertgen.training.recipe import Recipe
from bertgen.training.vocabulary import BOS_ID, PAD_ID

BLEU_ROWS = 300  # of the first set, so that a validation takes seconds
BLEU_NEW_TOKENS = 48  # an untrained model never ends by itself


@torch.inference_mode()
def validation_loss(model: EncoderDecoderModel, examples: Sequence[Example], batch_tokens: int) -> float:
    """Mean loss in nats a target token, without smoothing. `model` must be in eval mode."""
    total, count = 0.0, 0
    for rows in make_batches(examples, batch_tokens, seed=0, epoch=0):
        batch = collate([examples[row] for row in rows], PAD_ID, BOS_ID).to(model.device)
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
        ids = pad_rows([sources[row] for row in part], PAD_ID).to(model.device)  # [B, S]
        written = model.generate(ids, attention_mask=(ids != PAD_ID).to(torch.int64), **generation)
        for row, target in zip(part, written.tolist(), strict=True):
            results[row] = target
    return results


def validate(model: EncoderDecoderModel, recipe: Recipe, corpus: Corpus, data: Path) -> dict[str, float]:
    """Validation loss of every set, and greedy BLEU on the first set's first rows."""
    result = {
        f"loss_{name}": round(validation_loss(model, rows, recipe.optimisation.batch_tokens), 4)
        for name, rows in corpus.valid.items()
    }
    sources, references = read_references(recipe.data[0], data, "valid")
    processor = sentencepiece.SentencePieceProcessor(model_proto=corpus.vocabulary)
    ids = processor.encode(sources[:BLEU_ROWS])
    written = translate(model, ids, num_beams=1, do_sample=False, max_new_tokens=BLEU_NEW_TOKENS)
    texts = [processor.decode(row) for row in written]
    result["bleu"] = score(texts, references[:BLEU_ROWS])["BLEU"]["score"]
    return result
