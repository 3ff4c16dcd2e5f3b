"""Sequence to sequence: the objective of `train`."""

from __future__ import annotations

import itertools
from pathlib import Path

from torch import Tensor

from bertgen.models.encoder_decoder import EncoderDecoderModel
from bertgen.training.data.batches import Batch, Example, collate
from bertgen.training.data.corpus import Corpus, epoch_batches
from bertgen.training.objectives.pair import training_loss
from bertgen.training.objectives.validation import validate
from bertgen.training.recipe.tables import Recipe
from bertgen.training.runs.start import start_model, start_token
from bertgen.training.runs.state import digest_of


class Seq2Seq:
    """Pairs of a source and a target; the decoder reads the target shifted."""

    def __init__(self, recipe: Recipe, corpus: Corpus, data: Path) -> None:
        self.recipe, self.corpus, self.data = recipe, corpus, data
        target = corpus.tokenizer.decoder_tokenizer or corpus.tokenizer
        # Pads are masked, but each side's embedding has to know its id (and RoBERTa counts positions by it).
        self.pad, self.start = target.pad_token_id, start_token(target)
        self.source_pad = corpus.tokenizer.pad_token_id

    @property
    def rows(self) -> list[int]:
        # Set by set, as they stand one after the other in the corpus.
        return self.corpus.counts

    @property
    def digests(self) -> list[str]:
        ends = list(itertools.accumulate(self.corpus.counts))
        return [
            digest_of(f"{row.source} {row.target}".encode() for row in self.corpus.train[end - count : end])
            for count, end in zip(self.corpus.counts, ends, strict=True)
        ]

    def build(self) -> EncoderDecoderModel:
        return start_model(self.recipe)

    def epoch(self, number: int, stage: int) -> list[list[Example]]:
        return epoch_batches(self.corpus, self.recipe, number, stage)

    def collate(self, rows: list[Example], step: int) -> Batch:
        return collate(rows, self.pad, self.start, self.source_pad)

    def loss(self, model: EncoderDecoderModel, batch: Batch) -> Tensor:
        return training_loss(model, batch, self.recipe.optimisation.label_smoothing)

    def validate(self, model: EncoderDecoderModel) -> dict[str, float]:
        return validate(model, self.recipe, self.corpus, self.data)
