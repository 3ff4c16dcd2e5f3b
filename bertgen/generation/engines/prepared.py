"""The copies of weights that decoding keeps: matrices in the layout that few rows are multiplied by fastest.

A row times a matrix [out, in], as the model stores it, takes up to twice as long on CPUs as on a transposed
copy, where the matrix is wide. So the engine asks for such copies where they pay.

A copy can become stale, and torch's own counter does not see changes through ``.data``, numpy or inference
mode. So nothing is guessed: before each run every value is compared with what was copied, which costs about
as much as writing a token, and less than the copy saves on a few.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PreparedCopy:
    """What belongs to one projection. A model that is copied or pickled takes none along."""

    def __init__(self, weight: Tensor) -> None:
        self.seen = weight.detach().clone(memory_format=torch.contiguous_format)  # [out, in]: what was copied
        self.transposed = self.seen.t().contiguous()  # [in, out]

    def fits(self, weight: Tensor) -> bool:
        """Whether the matrix still holds, bit by bit, what was copied."""
        if (weight.shape, weight.dtype, weight.device) != (
            self.seen.shape,
            self.seen.dtype,
            self.seen.device,
        ):
            return False
        # As whole numbers of eight bytes the comparison takes two thirds of the time.
        if weight.is_contiguous() and weight.shape[1] * weight.element_size() % 8 == 0:
            return torch.equal(self.seen.view(torch.int64), weight.detach().view(torch.int64))
        return torch.equal(self.seen, weight.detach())

    def __deepcopy__(self, memo: dict) -> None:
        return None

    def __reduce__(self) -> tuple:
        return type(None), ()


def transposed(linear: nn.Linear) -> Tensor:
    """The weight as [in, out], laid out that way: the projection's copy, made anew when it does not fit."""
    prepared = linear.__dict__.get("_prepared_copy")
    if prepared is None or not prepared.fits(linear.weight):
        # Threads that come here at once each make one; whichever stays is whole and of these weights.
        prepared = linear.__dict__["_prepared_copy"] = PreparedCopy(linear.weight)
    return prepared.transposed
