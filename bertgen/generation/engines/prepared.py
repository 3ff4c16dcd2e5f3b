"""The one copy of weights that decoding keeps: the vocabulary's table in the layout that is read fastest.

A single row times the table [V, C], as the model stores it, is the slowest product that torch has on CPUs; on
a transposed copy it takes half the time, and it is a third of a small model's step. The smaller products of
the layers gain nothing by it, so they are not copied.

A copy can become stale, and torch's own counter does not see changes through ``.data``, numpy or inference
mode. So nothing is guessed: before each run every value is compared with what was copied, which costs about
as much as writing one or two tokens, far less than the copy saves on a sentence.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

_LARGEST = 1 << 28  # bytes of a table: two copies of a larger one are not worth their memory


class PreparedTable:
    """What belongs to one decoder. A model that is copied or pickled takes none along, but makes its own."""

    def __init__(self, weight: Tensor) -> None:
        self.seen = weight.detach().clone()  # [V, C]: what was copied
        self.transposed = self.seen.t().contiguous()  # [C, V]

    def fits(self, weight: Tensor) -> bool:
        """Whether the table still holds what was copied. NaN is unlike itself: that costs a copy, no more."""
        same = (weight.shape, weight.dtype) == (self.seen.shape, self.seen.dtype)
        return same and torch.equal(self.seen, weight.detach())

    def __deepcopy__(self, memo: dict) -> None:
        return None

    def __reduce__(self) -> tuple:
        return type(None), ()


def vocabulary_table(decoder: Any) -> Tensor:
    """The head's weight as [C, V]: the decoder's prepared copy, made anew when it does not fit, or a view."""
    weight = decoder.get_output_embeddings().weight
    if weight.device.type != "cpu" or weight.numel() * weight.element_size() > _LARGEST:
        return weight.t()
    prepared = decoder.__dict__.get("_prepared_table")
    if prepared is None or not prepared.fits(weight):
        # Threads that come here at once each make one; whichever stays is whole and of these weights.
        prepared = decoder.__dict__["_prepared_table"] = PreparedTable(weight)
    return prepared.transposed


def prepare(model: nn.Module) -> None:
    """Makes in advance what the first ``generate`` of a model would make."""
    decoder = model
    if model.config.is_encoder_decoder:
        decoder = model.get_decoder()
    if type(decoder.get_output_embeddings()) is nn.Linear:
        with torch.no_grad():
            vocabulary_table(decoder)
