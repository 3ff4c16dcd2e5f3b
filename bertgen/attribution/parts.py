"""A layer taken apart: the same weights as its ``forward``, with everything in between on the table.

A measure needs what a layer's own ``forward`` keeps to itself (values by head, residual, norms) and has to
change some of it. Both are done here by running the layer from its parts, for the two ways in which layers
are built: post-norm (BertGeneration, BERT, RoBERTa: a norm closes each half) and pre-norm (GPT-2: a norm
opens it). Nothing is hooked into the model, so that a model which others use at the same time stays as it
is. Dropout is left out. Dimension letters: B batch, T queries, K keys, H heads, D head width, C width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from bertgen.layers.attention import HeadAttention, attend

ValueEdit = Callable[[Tensor], Tensor]  # values [B, H, K, D] -> the values that are used instead


@dataclass(frozen=True, eq=False)
class AttentionRun:
    """What one attention half did: weights [B, H, T, K], values [B, H, K, D], and what became of them.

    ``residual`` [B, T, C] went around the half, ``attended`` [B, T, C] came out of the output projection
    (its bias included), ``output`` [B, T, C] is both together, after the closing norm where there is one.
    """

    weights: Tensor
    values: Tensor
    residual: Tensor
    attended: Tensor
    output: Tensor


@dataclass(frozen=True, eq=False)
class AttentionParts:
    """One attention half: the projections of a ``HeadAttention``, its output projection, its norm.

    ``weight`` [H, D, C] and ``bias`` [C] are the output projection's, cut by head. Exactly one of ``opening``
    (pre-norm) and ``closing`` (post-norm) is there.
    """

    attention: HeadAttention
    weight: Tensor
    bias: Tensor
    opening: nn.LayerNorm | None
    closing: nn.LayerNorm | None

    def run(
        self, hidden: Tensor, mask: Tensor | None, memory: Tensor | None = None, edit: ValueEdit | None = None
    ) -> AttentionRun:
        """The half over hidden [B, T, C] and, for cross-attention, memory [B, S, C]; mask is additive."""
        # 1) query, key and value by head; pre-norm layers look through their norm
        module, bias, read = self.attention, None, hidden
        if self.opening is not None:
            read = self.opening(hidden)
        if memory is None:
            query, key, value = (self._by_head(x) for x in module.project(read))
            if module.relative:
                bias = module.relative_bias(query, key)
        else:
            query = self._by_head(module.project_query(read))
            key, value = (self._by_head(x) for x in module.project_memory(memory))
        if edit is not None:
            value = edit(value)
        # 2) attention, computed openly
        causal = module.causal and memory is None
        context, weights = attend(
            query, key, value, mask, capture=True, bias=bias, scale=module.scale, causal=causal
        )
        # 3) the heads' sum through the output projection, the residual, the norm that closes it
        attended = torch.einsum("bhtd,hdc->btc", context.to(hidden.dtype), self.weight) + self.bias
        output = attended + hidden
        if self.closing is not None:
            output = self.closing(output)
        return AttentionRun(weights, value, hidden, attended, output)

    def _by_head(self, projected: Tensor) -> Tensor:
        """[B, T, H * D] -> [B, H, T, D]."""
        return projected.unflatten(-1, (self.attention.num_attention_heads, -1)).transpose(1, 2)

    def moved(self, values: Tensor) -> Tensor:
        """What each head's values [H, K, D] are at the layer's width [H, K, C], without the bias."""
        return values.to(self.weight.dtype) @ self.weight


@dataclass(frozen=True, eq=False)
class LayerRun:
    """What one layer did: its two attention halves (cross is None without a memory) and its output."""

    own: AttentionRun
    cross: AttentionRun | None
    output: Tensor


@dataclass(frozen=True, eq=False)
class LayerParts:
    """One layer: self-attention, cross-attention where there is one, feed-forward with residual and norm."""

    own: AttentionParts
    cross: AttentionParts | None
    feed_forward: Callable[[Tensor], Tensor]

    def run(
        self,
        hidden: Tensor,
        mask: Tensor | None,
        memory: Tensor | None = None,
        memory_mask: Tensor | None = None,
        *,
        edit_own: ValueEdit | None = None,
        edit_cross: ValueEdit | None = None,
    ) -> LayerRun:
        """The whole layer over hidden [B, T, C]; the edits change the values of one half."""
        own = self.own.run(hidden, mask, edit=edit_own)
        cross, hidden = None, own.output
        if memory is not None and self.cross is not None:
            cross = self.cross.run(hidden, memory_mask, memory, edit_cross)
            hidden = cross.output
        return LayerRun(own, cross, self.feed_forward(hidden))


def layer_parts(block: Any) -> LayerParts:
    """The parts of a model's layer; layers that are opened by a norm are told by its name in the files."""
    if hasattr(block, "ln_1"):
        return _pre_norm(block)
    return _post_norm(block)


def _post_norm(block: Any) -> LayerParts:
    def half(module: Any) -> AttentionParts:
        dense = module.output.dense
        weight = dense.weight.T.unflatten(0, (module.self.num_attention_heads, -1))
        return AttentionParts(module.self, weight, dense.bias, None, module.output.LayerNorm)

    def feed_forward(hidden: Tensor) -> Tensor:
        return block.output.LayerNorm(block.output.dense(block.intermediate(hidden)) + hidden)

    cross = None
    if hasattr(block, "crossattention"):
        cross = half(block.crossattention)
    return LayerParts(half(block.attention), cross, feed_forward)


def _pre_norm(block: Any) -> LayerParts:
    def half(module: Any, opening: nn.LayerNorm) -> AttentionParts:
        # Stored [in, out], the other way round than a Linear's.
        weight = module.c_proj.weight.unflatten(0, (module.num_attention_heads, -1))
        return AttentionParts(module, weight, module.c_proj.bias, opening, None)

    def feed_forward(hidden: Tensor) -> Tensor:
        mlp = block.mlp
        return hidden + mlp.c_proj(mlp.activation(mlp.c_fc(block.ln_2(hidden))))

    cross = None
    if hasattr(block, "crossattention"):
        cross = half(block.crossattention, block.ln_cross_attn)
    return LayerParts(half(block.attn, block.ln_1), cross, feed_forward)
