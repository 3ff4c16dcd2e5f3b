"""What a run learns: the trainer knows no task, it asks an objective."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from bertgen.training.recipe.tables import PretrainingRecipe, Recipe


class TrainingBatch(Protocol):
    """One step's tensors."""

    @property
    def target_tokens(self) -> int:
        """Labels that the loss is a mean of."""

    @property
    def tokens(self) -> int:
        """What the log's speed counts."""

    def to(self, device: torch.device) -> TrainingBatch:
        """The same on `device`."""


class Objective(Protocol):
    """Gives the trainer its model, batches and loss. All of it follows from the recipe and the arguments."""

    recipe: Recipe | PretrainingRecipe

    # 1) What the trainer asks at its start.

    @property
    def rows(self) -> list[int]:
        """Training rows, set by set: a resumed run must find those that it began with."""

    @property
    def digests(self) -> list[str]:
        """A digest of every set's training rows, in the order of `rows`: they must be the same rows too."""

    def build(self) -> nn.Module:
        """The model at its start, in float32; the same at every call."""

    # 2) What it asks every epoch and every step.

    def epoch(self, number: int, stage: int) -> Sequence[Any]:
        """Batches of one epoch of a stage in training order, as anything that `collate` understands."""

    def collate(self, rows: Any, step: int) -> TrainingBatch:
        """Tensors of one of them; `step` seeds what is drawn anew each time."""

    def loss(self, model: nn.Module, batch: Any) -> Tensor:
        """Mean training loss in nats a label."""

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Figures on held-out rows, the first of them the loss to watch; `model` is in eval mode."""
