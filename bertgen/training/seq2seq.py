"""Sequence to sequence: the objective of `train`."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from bertgen.encoder_decoder import EncoderDecoderModel
from bertgen.training.build import build_model, training_loss
from bertgen.training.corpus import Corpus, epoch_batches
from bertgen.training.data import Batch, Example, collate
from bertgen.training.recipe import Recipe
from bertgen.training.validation import validate
from bertgen.training.vocabulary import BOS_ID, PAD_ID


class Seq2Seq:
    """Pairs of a source and a target; the decoder reads the target shifted."""

    def __init__(self, recipe: Recipe, corpus: Corpus, data: Path) -> None:
        self.recipe, self.corpus, self.data = recipe, corpus, data

    def build(self) -> EncoderDecoderModel:
        return build_model(self.recipe.model, self.recipe.vocabulary.size, self.recipe.seed)

    def epoch(self, number: int) -> list[list[Example]]:
        return epoch_batches(self.corpus, self.recipe, number)

    def collate(self, rows: list[Example], step: int) -> Batch:
        return collate(rows, PAD_ID, BOS_ID)

    def loss(self, model: EncoderDecoderModel, batch: Batch) -> Tensor:
        return training_loss(model, batch, self.recipe.optimisation.label_smoothing)

    def validate(self, model: EncoderDecoderModel) -> dict[str, float]:
        return validate(model, self.recipe, self.corpus, self.data)
