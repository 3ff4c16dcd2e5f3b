"""What forward is given, checked: ids, embeddings, positions and labels; errors name what does not fit."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bertgen.layers.attention import HeadFactors

# The word for positions that are counted from the mask.
FROM_MASK = "mask"
# And for those that are counted from the left edge, padding included, where a family would count otherwise.
FROM_EDGE = "edge"

# -- ids and positions ---------------------------------------------------------------------------


def positions_from_mask(
    word: str, mask: Tensor | None, past: int, first: int = 0, masked: int | None = None
) -> Tensor | None:
    """The positions that forward's ``position_ids="mask"`` stands for, counted from the mask.

    A token's position [B, T] is ``first`` plus the number of unmasked tokens before it, so that padding on
    the left does not shift the text. (By default, as in the reference, positions are counted from the left
    edge, padding included.) Masked tokens on the left get ``first``, or all masked ones ``masked`` where
    that is given; nobody looks at them. ``mask`` [B, past + T] covers cached tokens too; without a mask
    nothing is padded and the default holds (None). Raises ``ValueError`` on another word or a 3-D mask.
    """
    # 1) the word, and a mask that can be counted
    if word != FROM_MASK:
        raise ValueError(
            f'position_ids={word!r} is unknown; give a tensor of positions, or "{FROM_MASK}" '
            "to count them from the attention mask"
        )
    check_tensor(mask, "attention_mask")
    if mask is None:
        return None
    if mask.dim() != 2:
        raise ValueError(
            f'position_ids="{FROM_MASK}" counts the ones of a mask [batch, keys]; this one has shape '
            f"{tuple(mask.shape)}: give the positions themselves"
        )

    # 2) how many unmasked tokens stand before each; -1 before the first one
    positions = ((mask != 0).long().cumsum(1) - 1).clamp(min=0) + first
    if masked is not None:
        positions = positions.masked_fill(mask == 0, masked)
    # The mask covers the cached tokens, which have their positions already.
    return positions[:, past:]


def look_up(table: nn.Embedding, ids: Tensor, what: str) -> Tensor:
    """Rows [*ids.shape, C] of a table; errors (``IndexError``, ``RuntimeError``) say which id and why."""
    try:
        return table(ids)
    except IndexError as error:
        wrong = int(ids.min())
        if wrong >= 0:
            wrong = int(ids.max())
        raise IndexError(
            f"{what} must lie between 0 and {table.num_embeddings - 1}, got {wrong}; "
            "do the model and the tokenizer (or the model and its config) belong together?"
        ) from error
    except (RuntimeError, TypeError) as error:
        found = getattr(ids, "dtype", type(ids).__name__)
        if found in (torch.int64, torch.int32):  # the type is right: something else went wrong
            raise
        raise type(error)(
            f"{what} must be a tensor of whole numbers (torch.long), got {found}; make it with "
            "torch.tensor(ids), or call .long() on it"
        ) from error


# -- shapes --------------------------------------------------------------------------------------


class ShapeError(ValueError, RuntimeError):
    """Tensors whose shapes do not fit each other (torch would raise a ``RuntimeError`` deep inside)."""


def check_tensor(value: Any, name: str) -> None:
    """Raises ``ValueError`` unless this is a tensor or None."""
    if value is not None and not isinstance(value, Tensor):
        raise ValueError(f"{name} must be a tensor, got {type(value).__name__}; torch.tensor(...) makes one")


def check_inputs(input_ids: Tensor | None, inputs_embeds: Tensor | None, width: int) -> tuple[int, int]:
    """(B, T) of what is given: ids [B, T] or embeddings [B, T, width], exactly one of them, and not empty."""
    if (input_ids is None) == (inputs_embeds is None):
        raise ValueError("give either input_ids or inputs_embeds, not both and not neither")
    given, name, wanted, axes = input_ids, "input_ids", "[batch, length]", 2
    if inputs_embeds is not None:
        given, name, wanted, axes = inputs_embeds, "inputs_embeds", f"[batch, length, {width}]", 3
    check_tensor(given, name)
    if given.dim() != axes:
        raise ValueError(
            f"{name} has shape {tuple(given.shape)}, expected {wanted}; ids[None] makes a batch of one row"
        )
    if 0 in given.shape[:2]:
        raise ValueError(f"{name} is empty (shape {tuple(given.shape)}): there is nothing to read")
    if name == "inputs_embeds" and given.shape[2] != width:
        raise ShapeError(f"{name} has shape {tuple(given.shape)}, expected {wanted}")
    return given.shape[0], given.shape[1]


def check_context(
    sizes: tuple[int, int, int],
    attention_mask: Tensor | None,
    position_ids: Tensor | None,
    head_mask: Tensor | HeadFactors | None,
    memory: Tensor | None,
    memory_mask: Tensor | None,
    config: Any,
) -> None:
    """Raises ``ShapeError`` unless all fit ids [batch, length] after ``past`` ones; sizes are these three.

    The numbers of dimensions, and a mask's length, are left to those who use them.
    """
    # 1) The shapes that each may have: words stand for any size, and a batch of 1 for all rows.
    batch, length, past = sizes
    mask_shapes: tuple[tuple[int | str, ...], ...] = ()
    if isinstance(memory, Tensor) and memory.dim() == 3:
        source = memory.shape[1]
        mask_shapes = (batch, source), (batch, length, source)
    table = (
        # what the tokens see of each other
        ("attention_mask", attention_mask, ((batch, "keys"), (batch, length, past + length))),
        ("position_ids", position_ids, ((batch, length),)),
        ("head_mask", head_mask, ((config.num_hidden_layers, "heads"),)),
        # what they see of the source
        ("encoder_hidden_states", memory, ((batch, "source", config.hidden_size),)),
        ("encoder_attention_mask", memory_mask, mask_shapes),
    )
    # 2) Each against them. A wrong number of dimensions is left to whoever knows the reference's error.
    for name, value, shapes in table:
        if value is None or isinstance(value, HeadFactors):  # factors are made by who has checked them
            continue
        check_tensor(value, name)
        alike = [shape for shape in shapes if len(shape) == value.dim()]
        fitting = [
            shape
            for shape in alike
            if value.shape[0] in (1, shape[0])
            and all(
                size in (found, "keys", "heads", "source")
                for size, found in zip(shape[1:], value.shape[1:], strict=True)
            )
        ]
        if alike and not fitting:
            expected = " or ".join(str(list(shape)).replace("'", "") for shape in shapes)
            raise ShapeError(f"{name} has shape {list(value.shape)}, expected {expected}")


def expand_head_mask(head_mask: Tensor, layers: int) -> Tensor:
    """A mask of heads (heads,) or (layers, heads), as what weights are multiplied with [L, 1, H, 1, 1]."""
    if head_mask.dim() == 1:
        head_mask = head_mask[None].expand(layers, -1)
    if head_mask.dim() == 2:
        head_mask = head_mask[:, None, :, None, None]
    # One that has these five axes already is taken as it is.
    if head_mask.dim() != 5:
        raise AssertionError(
            f"head_mask has {head_mask.dim()} dimensions; expected (heads,) or (layers, heads)"
        )
    return head_mask


# -- labels --------------------------------------------------------------------------------------


def shift_tokens_right(labels: Tensor, pad_token_id: int | None, start_token_id: int | None) -> Tensor:
    """Decoder inputs of labels [B, T]: the start token, then the labels but the last; -100 becomes pad."""
    check_tensor(labels, "labels")
    if labels.dim() != 2:
        raise ValueError(f"labels have shape {tuple(labels.shape)}, expected [batch, length]")
    if start_token_id is None:
        raise ValueError(
            "config.decoder_start_token_id is None, so labels cannot be turned into decoder inputs; set "
            "model.config.decoder_start_token_id (BertGeneration checkpoints use their bos, 2) or pass "
            "decoder_input_ids"
        )
    if pad_token_id is None:
        raise ValueError("config.pad_token_id is None; set model.config.pad_token_id (BertGeneration: 0)")
    # Everything moves one place to the right, and the start token takes the first.
    shifted = labels.new_full(labels.shape, start_token_id)
    shifted[:, 1:] = labels[:, :-1]
    return shifted.masked_fill(shifted == -100, pad_token_id)


def mean_loss(logits: Tensor, labels: Tensor, *, shift: bool) -> Tensor:
    """Mean cross-entropy of logits [B, T, V] over labels [B, T] that are not -100.

    ``shift``: logits at t are scored against labels at t + 1. Raises ``ValueError`` when the shapes do not
    fit, ``IndexError`` on labels outside the vocabulary.
    """
    check_tensor(labels, "labels")
    if labels.shape != logits.shape[:-1]:
        raise ShapeError(
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
