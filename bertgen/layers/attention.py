"""Attention, the same for every family; families differ in their projections only.

Capturing attention is a return value: ``capture=True`` computes the weights openly and returns them,
``capture=False`` takes the fused kernel. Dimension letters: B batch, T queries, K keys, S source, H heads,
D head width, C model width.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bertgen.layers.cache import KVCache


@dataclass(frozen=True)
class HeadFactors:
    """Factors [L, H] for what each head adds, one table for self-attention and one for cross-attention.

    Given in place of a ``head_mask``, which scales the weights of both kinds alike. Here the weights that
    are handed out stay as they are before the scaling; None scales nothing. ``factors[layer]`` are a layer's
    own [H].
    """

    self_attention: Tensor | None = None
    cross_attention: Tensor | None = None

    def __getitem__(self, layer: int) -> HeadFactors:
        tables = (self.self_attention, self.cross_attention)
        return HeadFactors(*(table if table is None else table[layer] for table in tables))

    def scale(self, context: Tensor, *, cross: bool) -> Tensor:
        """context [B, H, T, D] of one layer's heads, each times its factor."""
        factors = self.self_attention
        if cross:
            factors = self.cross_attention
        if factors is None:
            return context
        # Heads that were pruned are gone, and the others have moved up.
        return context * factors[: context.shape[1], None, None].to(context)


def additive_mask(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """1 = look, 0 = do not, turned into what is added to the scores.

    The finite minimum rather than -inf: a query whose keys are all masked then looks at all of them
    evenly, as in the reference, instead of giving NaN.
    """
    return (1.0 - mask.to(dtype)) * torch.finfo(dtype).min


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    *,
    capture: bool,
    dropout: nn.Dropout | None = None,
    head_mask: Tensor | None = None,
    bias: Tensor | None = None,
    scale: float | None = None,
    causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Scaled dot-product attention; returns (context [B, H, T, D], weights [B, H, T, K] or None).

    ``mask`` is additive, ``bias`` (relative positions) is added before the scaling, which is
    1 / sqrt(D) unless ``scale`` says otherwise. ``causal``: the mask closes later keys, and not even a query
    that looks evenly at masked keys passes a gradient to their scores (GPT-2). Weights are given back
    as they are used: after dropout and head mask, as in the reference.
    """
    # The fused kernel shows no weights and knows neither bias nor head mask. In training, plain matrix
    # products beat its backward on short sentences six to one (on CPU).
    training = dropout is not None and dropout.training
    if not (capture or training or bias is not None or head_mask is not None):
        return F.scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scale), None

    # 1) scores, with the bias inside the scaling
    scores = query @ key.transpose(-1, -2)  # [B, H, T, K]
    if bias is not None:
        scores = scores + bias
    if scale is None:
        scores = scores / math.sqrt(query.shape[-1])
    else:
        scores = scores * scale

    # 2) masks
    if causal and scores.shape[-2] > 1:
        queries, keys = scores.shape[-2:]
        later = torch.ones(queries, keys, dtype=torch.bool, device=scores.device).triu(1 + keys - queries)
        scores = scores.masked_fill(later, 0.0)
    if mask is not None:
        scores = scores + mask

    # 3) weights, as they are used
    weights = scores.softmax(-1)
    if dropout is not None:
        weights = dropout(weights)
    if head_mask is not None:
        weights = weights * head_mask

    context = weights @ value  # [B, H, T, D]
    if not capture:
        return context, None
    return context, weights


class HeadAttention(nn.Module):
    """The run of one attention block, whatever projections a family has; cross-attention with a memory."""

    num_attention_heads: int
    attention_head_size: int
    dropout: nn.Dropout
    scale: float | None = None
    causal: bool = False
    relative: bool = False  # whether self-attention has a relative_bias

    # -- what a family says ----------------------------------------------------------------------

    def project(self, hidden: Tensor) -> Sequence[Tensor]:
        """Query, key and value [B, T, H * D] of self-attention."""
        raise NotImplementedError

    def project_query(self, hidden: Tensor) -> Tensor:
        """The query [B, T, H * D] of cross-attention."""
        raise NotImplementedError

    def project_memory(self, memory: Tensor) -> Sequence[Tensor]:
        """Key and value [B, S, H * D] of cross-attention."""
        raise NotImplementedError

    def relative_bias(self, query: Tensor, key: Tensor) -> Tensor:
        """What relative positions add to the scores [B, H, T, K]."""
        raise NotImplementedError

    # -- the run ---------------------------------------------------------------------------------

    def forward(
        self,
        hidden: Tensor,
        mask: Tensor | None,
        *,
        memory: Tensor | None = None,
        cache: KVCache | None = None,
        layer: int = 0,
        head_mask: Tensor | HeadFactors | None = None,
        capture: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """(context [B, T, C], weights [B, H, T, K] or None) of hidden [B, T, C], or of it over a memory."""
        bias = None
        batch, length, _ = hidden.shape
        # The width is named: of no head at all it could not be told from the rest.
        by_head = (batch, length, self.num_attention_heads, self.attention_head_size)
        if memory is None:
            # Self-attention: new keys and values go behind the cached ones.
            query, key, value = (x.view(by_head).transpose(1, 2) for x in self.project(hidden))
            if cache is not None:
                key, value = cache.append(layer, key, value)
            if self.relative:
                bias = self.relative_bias(query, key)
        else:
            # Cross-attention: the memory's keys and values are computed once and kept.
            query = self.project_query(hidden).view(by_head).transpose(1, 2)
            key, value = self.memory_keys_and_values(memory, cache, layer)
        # Factors scale what comes out of a head, a mask the weights that it is made with.
        factors = None
        if isinstance(head_mask, HeadFactors):
            factors, head_mask = head_mask, None
        context, weights = attend(
            query,
            key,
            value,
            mask,
            capture=capture,
            dropout=self.dropout,
            head_mask=head_mask,
            bias=bias,
            scale=self.scale,
            causal=self.causal and memory is None,
        )
        if factors is not None:
            context = factors.scale(context, cross=memory is not None)
        return context.transpose(1, 2).flatten(2), weights  # [B, T, C]

    def memory_keys_and_values(
        self, memory: Tensor, cache: KVCache | None, layer: int
    ) -> tuple[Tensor, Tensor]:
        """Key and value [B, H, S, D] of a memory: the cache's, where it holds them."""
        if cache is not None and cache.cross(layer) is not None:
            return cache.cross(layer)
        by_head = (*memory.shape[:2], self.num_attention_heads, self.attention_head_size)
        key, value = (x.view(by_head).transpose(1, 2) for x in self.project_memory(memory))
        if cache is not None:
            cache.set_cross(layer, key, value)
        return key, value
