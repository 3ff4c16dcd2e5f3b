"""What a prompt may bring beside its ids: embeddings in their place, token types, or what was read before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from bertgen.errors import Trouble
from bertgen.layers.arguments import check_tensor
from bertgen.layers.cache import KVCache, LegacyCache


@dataclass(frozen=True)
class Beside:
    """A row a source at first, then a row a hypothesis (``for_rows``).

    ``inputs_embeds`` [B, S, C] are read in the prompt's place, once; the output begins with the prompt's ids
    all the same. ``token_type_ids`` [B, T] go on with their last value. ``past_key_values`` hold what was
    read in an earlier run.
    """

    inputs_embeds: Tensor | None = None
    token_type_ids: Tensor | None = None
    past_key_values: KVCache | LegacyCache | None = None

    def for_rows(self, rows: int) -> Beside:
        """The same with every row as often as it takes to have ``rows`` of them, copies side by side."""
        past = self.past_key_values
        if past is not None:
            past = tuple(tuple(_repeated(state, rows) for state in layer) for layer in past)
        return replace(
            self,
            inputs_embeds=_repeated(self.inputs_embeds, rows),
            token_type_ids=_repeated(self.token_type_ids, rows),
            past_key_values=past,
        )

    def types_of(self, length: int, fed: int) -> Tensor | None:
        """The token types [R, fed] of the last ids of so many; new ids have the last type that was given."""
        types = self.token_type_ids
        if types is None:
            return None
        missing = length - types.shape[1]
        if missing > 0:
            types = types[:, [*range(types.shape[1]), *[-1] * missing]]
        return types[:, -fed:]


def _repeated(tensor: Tensor | None, rows: int) -> Tensor | None:
    if tensor is None or tensor.shape[0] in (0, rows) or rows % tensor.shape[0]:
        return tensor
    return tensor.repeat_interleave(rows // tensor.shape[0], dim=0)


def unread(ids: Tensor, past: int) -> Tensor:
    """The ids [B, T] that a cache of ``past`` positions does not hold: those behind it, else the last."""
    if ids.shape[1] > past:
        return ids[:, past:]
    return ids[:, -1:]


def check_past(past: Any, layers: int) -> KVCache | LegacyCache | None:
    """The cache as it is, None for an empty one; ``ValueError`` unless it is one of so many layers."""
    if past is None or (not isinstance(past, KVCache) and not past):
        return None
    if len(past) != layers:
        raise Trouble("generation.past_layers", given=len(past), layers=layers)
    for layer in past:
        for state in layer:
            check_tensor(state, "every tensor of past_key_values")
            if state.dim() != 4:
                raise Trouble("generation.past_shape", shape=str(tuple(state.shape)))
    return past


def check_past_mask(mask: Tensor, ids: Tensor, past: KVCache | LegacyCache) -> None:
    """Raises ``ValueError`` unless a mask [B, T] covers what the cache holds and the ids behind it."""
    if isinstance(past, KVCache):
        there = past.length
    else:
        there = past[0][0].shape[2]
    needed = there + unread(ids, there).shape[1]
    if mask.dim() != 2 or mask.shape[1] != needed:
        raise Trouble("generation.past_mask", past=there, needed=needed, shape=str(tuple(mask.shape)))
