"""The attention that generate returns, step by step and layer by layer, as whole matrices."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from bertgen.errors import Trouble


def stack_attentions(output: Any) -> dict[str, Tensor]:
    """``cross`` [B, L, H, T, S] and ``decoder_self`` [B, L, H, T, T] of generate's own output.

    ``output`` comes from generate(..., output_attentions=True, return_dict_in_generate=True), and of a beam
    search also output_scores=True: rows then follow each returned sequence's beams. Row t is the query that
    predicted the t-th new token; columns beyond a row's past are 0, and so are rows after the end of a
    sequence in a beam search. Raises ``ValueError`` when something needed was not asked for.
    """
    # 1) An encoder-decoder's output names its decoder's attention, a decoder alone has no other.
    cross, decoder_self = output.get("cross_attentions"), output.get("decoder_attentions")
    if decoder_self is None:
        decoder_self = output.get("attentions")
    if decoder_self is None:
        raise Trouble("generation.no_attentions")
    # 2) Beams change their rows from step to step; the indices say which row wrote each token.
    is_beam = "sequences_scores" in output or output.sequences.shape[0] != decoder_self[0][0].shape[0]
    indices = output.get("beam_indices")
    if is_beam and indices is None:
        raise Trouble("generation.no_scores")
    # 3) A prompt of several tokens gives the first step several queries; the last one predicted the token.
    result = {"decoder_self": _stack(decoder_self, indices)}
    if cross:
        result["cross"] = _stack(cross, indices)
    return result


def _stack(steps: tuple[tuple[Tensor, ...], ...], indices: Tensor | None) -> Tensor:
    """Steps of layers of [R, H, T, K] -> [B, L, H, steps, K of the last step]."""
    rows = [torch.stack([layer[:, :, -1] for layer in step], dim=1) for step in steps]  # T of [R, L, H, K]
    count = len(rows)
    batch, layers, heads, width = rows[-1].shape
    if indices is not None:
        batch = indices.shape[0]
    stacked = rows[0].new_zeros(batch, layers, heads, count, width)
    for step, row in enumerate(rows):
        if indices is None:
            stacked[:, :, :, step, : row.shape[-1]] = row
            continue
        if step >= indices.shape[1]:  # the search went on after every returned sequence had ended
            continue
        picked = indices[:, step]
        alive = picked >= 0
        stacked[alive, :, :, step, : row.shape[-1]] = row[picked[alive]]
    return stacked
