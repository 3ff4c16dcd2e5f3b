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
    own, cross = output.get("decoder_attentions"), output.get("cross_attentions")
    own = output.get("attentions") if own is None else own
    if own is None:
        raise Trouble("generation.no_attentions")
    is_beam = "sequences_scores" in output or output.sequences.shape[0] != own[0][0].shape[0]
    indices = output.get("beam_indices")
    if is_beam and indices is None:
        raise Trouble("generation.no_scores")
    # A prompt of several tokens gives the first step several queries; the last one predicted the token.
    result = {"decoder_self": _stack(own, indices)}
    if cross:
        result["cross"] = _stack(cross, indices)
    return result


def _stack(steps: tuple[tuple[Tensor, ...], ...], indices: Tensor | None) -> Tensor:
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
        picked = indices[:, step] if step < indices.shape[1] else indices.new_full((batch,), -1)
        alive = picked >= 0
        stacked[alive, :, :, step, : row.shape[-1]] = row[picked[alive]]
    return stacked
