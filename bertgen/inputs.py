"""What forward is given, checked: ids, embeddings, positions and labels; errors name what does not fit."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FROM_MASK = "mask"


def resolve_positions(
    position_ids: Tensor | str | None,
    mask: Tensor | None,
    past: int,
    first: int = 0,
    masked: int | None = None,
) -> Tensor | None:
    """What forward's ``position_ids`` stands for: a tensor or None as it is, "mask" counted from the mask.

    With ``position_ids="mask"`` a token's position [B, T] is ``first`` plus the number of unmasked tokens
    before it, so that padding on the left does not shift the text. (By default, as in the reference,
    positions are counted from the left edge, padding included.) Masked tokens on the left get ``first``,
    or all masked ones ``masked`` where that is given; nobody looks at them. ``mask`` [B, past + T] covers
    cached tokens too; without a mask nothing is padded and the default holds. Raises ``ValueError`` on
    another word or a 3-D mask.
    """
    if not isinstance(position_ids, str):
        return position_ids
    if position_ids != FROM_MASK:
        raise ValueError(
            f'position_ids={position_ids!r} is unknown; give a tensor of positions, or "{FROM_MASK}" '
            "to count them from the attention mask"
        )
    if mask is None:
        return None
    if mask.dim() != 2:
        raise ValueError(
            f'position_ids="{FROM_MASK}" counts the ones of a mask [batch, keys]; this one has shape '
            f"{tuple(mask.shape)}: give the positions themselves"
        )
    positions = ((mask != 0).long().cumsum(1) - 1).clamp(min=0) + first
    if masked is not None:
        positions = positions.masked_fill(mask == 0, masked)
    return positions[:, past:]


def look_up(table: nn.Embedding, ids: Tensor, what: str) -> Tensor:
    """Rows [*ids.shape, C] of a table; errors (``IndexError``, ``RuntimeError``) say which id and why."""
    try:
        return table(ids)
    except IndexError as error:
        low, high = int(ids.min()), int(ids.max())
        raise IndexError(
            f"{what} must lie between 0 and {table.num_embeddings - 1}, got {low if low < 0 else high}; "
            "do the model and the tokenizer (or the model and its config) belong together?"
        ) from error
    except (RuntimeError, TypeError) as error:
        if isinstance(ids, Tensor) and ids.dtype in (torch.int64, torch.int32):
            raise
        found = ids.dtype if isinstance(ids, Tensor) else type(ids).__name__
        raise type(error)(
            f"{what} must be a tensor of whole numbers (torch.long), got {found}; make it with "
            "torch.tensor(ids), or call .long() on it"
        ) from error


def check_inputs(input_ids: Tensor | None, inputs_embeds: Tensor | None) -> None:
    """Raises ``ValueError`` unless exactly one is there, ids [B, T] or embeddings [B, T, C]."""
    if (input_ids is None) == (inputs_embeds is None):
        raise ValueError("give either input_ids or inputs_embeds, not both and not neither")
    given, name = (input_ids, "input_ids") if inputs_embeds is None else (inputs_embeds, "inputs_embeds")
    wanted = {"input_ids": "[batch, length]", "inputs_embeds": "[batch, length, width]"}[name]
    if not isinstance(given, Tensor):
        raise ValueError(f"{name} must be a tensor {wanted}, got {type(given).__name__}; use torch.tensor")
    if given.dim() != wanted.count(",") + 1:
        raise ValueError(
            f"{name} has shape {tuple(given.shape)}, expected {wanted}; ids[None] makes a batch of one row"
        )


def mean_loss(logits: Tensor, labels: Tensor, *, shift: bool) -> Tensor:
    """Mean cross-entropy of logits [B, T, V] over labels [B, T] that are not -100.

    ``shift``: logits at t are scored against labels at t + 1. Raises ``ValueError`` when the shapes do not
    fit, ``IndexError`` on labels outside the vocabulary.
    """
    if labels.shape != logits.shape[:-1]:
        raise ValueError(
            f"labels have shape {tuple(labels.shape)}, the outputs {tuple(logits.shape[:-1])}; every output "
            "needs its label (-100 where there is none)"
        )
    if shift:
        logits, labels = logits[:, :-1], labels[:, 1:]
    try:
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten())
    except IndexError as error:
        raise IndexError(
            f"labels must lie between 0 and {logits.shape[-1] - 1}, or be -100 to be ignored; got "
            f"{int(labels.min())} to {int(labels.max())}"
        ) from error
