"""What the models are built of: attention for every family; the post-norm BERT block with its embeddings.

Capturing attention is a return value: ``capture=True`` computes the weights openly and returns them,
``capture=False`` takes the fused kernel. Dimension letters: B batch, T queries, K keys, H heads, D head
width, C model width.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bertgen.configs.activations import activation
from bertgen.configs.base import PretrainedConfig
from bertgen.layers.arguments import look_up
from bertgen.layers.cache import KVCache


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
    as they are used: after dropout and head mask, as in the reference. In training plain matrix products
    are used: on CPU they beat the fused kernel's backward on short sentences six to one.
    """
    plain = capture or bias is not None or head_mask is not None or (dropout is not None and dropout.training)
    if not plain:
        return F.scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scale), None
    scores = query @ key.transpose(-1, -2)  # [B, H, T, K]
    if bias is not None:
        scores = scores + bias
    scores = scores / math.sqrt(query.shape[-1]) if scale is None else scores * scale
    if causal and scores.shape[-2] > 1:
        later = torch.ones_like(scores[0, 0], dtype=torch.bool).triu(1 + scores.shape[-1] - scores.shape[-2])
        scores = scores.masked_fill(later, 0.0)
    if mask is not None:
        scores = scores + mask
    weights = scores.softmax(-1)
    if dropout is not None:
        weights = dropout(weights)
    if head_mask is not None:
        weights = weights * head_mask
    return weights @ value, weights if capture else None


def empty_embedding(rows: int, width: int, padding_idx: int | None = None) -> nn.Embedding:
    """A table left empty, since the models initialise their weights themselves.

    ``nn.Embedding``'s own normal_() would, on the meta device that loading uses, first import torch's
    compiler, which takes seconds.
    """
    return nn.Embedding.from_pretrained(torch.empty(rows, width), freeze=False, padding_idx=padding_idx)


class BertGenerationEmbeddings(nn.Module):
    """Word plus position embedding, layer norm, dropout. No token types; BERT's subclass has them."""

    token_types: ClassVar[bool] = False

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.word_embeddings = empty_embedding(config.vocab_size, width, config.pad_token_id)
        self.position_embeddings = empty_embedding(config.max_position_embeddings, width)
        if self.token_types:
            self.token_type_embeddings = empty_embedding(config.type_vocab_size, width)
        self.LayerNorm = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(
        self,
        input_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        past_length: int = 0,
        token_type_ids: Tensor | None = None,
    ) -> Tensor:
        hidden = inputs_embeds
        if hidden is None:
            hidden = look_up(self.word_embeddings, input_ids, "input_ids")  # [B, T, C]
        if self.token_types:
            types = self.token_type_embeddings
            zero = token_type_ids is None
            hidden = hidden + (types.weight[0] if zero else look_up(types, token_type_ids, "token_type_ids"))
        if self.adds_positions():
            if position_ids is None:
                positions = self.positions(input_ids, hidden.shape[1], past_length)
            else:
                positions = look_up(self.position_embeddings, position_ids, "position_ids")
            hidden = hidden + positions
        else:  # relative positions reach as far as absolute ones would
            counted_positions(self.position_embeddings, 0, past_length + hidden.shape[1])
        return self.dropout(self.LayerNorm(hidden))

    def adds_positions(self) -> bool:
        """BertGeneration adds its absolute positions beside relative ones too."""
        return True

    def positions(self, input_ids: Tensor | None, length: int, past: int) -> Tensor:
        """Rows [T, C] of the positions after the ``past`` ones."""
        return counted_positions(self.position_embeddings, past, past + length)


class SequenceTooLongError(RuntimeError, IndexError):
    """More tokens than positions; both types, since the reference's families differ in what they raise."""


def counted_positions(table: nn.Embedding, start: int, end: int, reserved: int = 0) -> Tensor:
    """Rows start .. end - 1 of a position table whose first ``reserved`` rows hold no position."""
    limit = table.num_embeddings
    if end > limit:
        raise SequenceTooLongError(
            f"the sequence needs {end - reserved} positions but the model has {limit - reserved} "
            "(max_position_embeddings); shorten the text, or truncate it with the tokenizer's "
            f"truncation=True, max_length={limit - reserved}"
        )
    return table.weight[start:end]


class HeadAttention(nn.Module):
    """The run of one attention block, whatever projections a family has; cross-attention with a memory."""

    num_attention_heads: int
    dropout: nn.Dropout
    scale: float | None = None
    causal: bool = False

    def project(self, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key and value [B, H, T, D] of self-attention."""
        raise NotImplementedError

    def project_query(self, hidden: Tensor) -> Tensor:
        """The query [B, H, T, D] of cross-attention."""
        raise NotImplementedError

    def project_memory(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Key and value [B, H, S, D] of cross-attention."""
        raise NotImplementedError

    def relative_bias(self, query: Tensor, key: Tensor) -> Tensor | None:
        """What relative positions add to the scores [B, H, T, K], or None."""
        return None

    def split_heads(self, x: Tensor) -> Tensor:
        batch, length, _ = x.shape
        return x.view(batch, length, self.num_attention_heads, -1).transpose(1, 2)  # [B, H, T, D]

    def forward(
        self,
        hidden: Tensor,
        mask: Tensor | None,
        *,
        memory: Tensor | None = None,
        cache: KVCache | None = None,
        layer: int = 0,
        head_mask: Tensor | None = None,
        capture: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        if memory is None:
            query, key, value = self.project(hidden)
            if cache is not None:
                key, value = cache.append(layer, key, value)
        else:
            query = self.project_query(hidden)
            known = cache.cross(layer) if cache is not None else None
            key, value = known or self.project_memory(memory)
            if cache is not None and known is None:
                cache.set_cross(layer, key, value)
        context, weights = attend(
            query,
            key,
            value,
            mask,
            capture=capture,
            dropout=self.dropout,
            head_mask=head_mask,
            bias=self.relative_bias(query, key) if memory is None else None,
            scale=self.scale,
            causal=self.causal and memory is None,
        )
        return context.transpose(1, 2).flatten(2), weights  # [B, T, C]


class BertGenerationSelfAttention(HeadAttention):
    """Three projections; relative positions where configured."""

    def __init__(self, config: PretrainedConfig, position_embedding_type: str | None = None) -> None:
        super().__init__()
        self.num_attention_heads = config.num_attention_heads
        self.attention_head_size = config.hidden_size // config.num_attention_heads
        self.query = nn.Linear(config.hidden_size, config.hidden_size)
        self.key = nn.Linear(config.hidden_size, config.hidden_size)
        self.value = nn.Linear(config.hidden_size, config.hidden_size)
        self.dropout = nn.Dropout(config.attention_probs_dropout_prob)
        self.position_type = position_embedding_type or config.position_embedding_type
        if self.position_type != "absolute":
            self.max_positions = config.max_position_embeddings
            self.distance_embedding = empty_embedding(2 * self.max_positions - 1, self.attention_head_size)

    def project(self, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.project_query(hidden), *self.project_memory(hidden)

    def project_query(self, hidden: Tensor) -> Tensor:
        return self.split_heads(self.query(hidden))

    def project_memory(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        return self.split_heads(self.key(memory)), self.split_heads(self.value(memory))

    def relative_bias(self, query: Tensor, key: Tensor) -> Tensor | None:
        """Relative-position scores [B, H, T, K] (Shaw et al. 2018; Huang et al. 2020), or None."""
        if self.position_type == "absolute":
            return None
        length, total = query.shape[2], key.shape[2]
        rows = torch.arange(total - length, total, device=query.device)[:, None]
        distance = rows - torch.arange(total, device=query.device)[None]  # [T, K]
        table = self.distance_embedding(distance + self.max_positions - 1).to(query.dtype)  # [T, K, D]
        bias = torch.einsum("bhtd,tkd->bhtk", query, table)
        if self.position_type == "relative_key_query":
            bias = bias + torch.einsum("bhkd,tkd->bhtk", key, table)
        return bias


class BertGenerationSelfOutput(nn.Module):
    """Dense, dropout, residual, layer norm: closes both the attention and the feed-forward half."""

    def __init__(self, width_in: int, config: PretrainedConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(width_in, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, hidden: Tensor, residual: Tensor) -> Tensor:
        return self.LayerNorm(self.dropout(self.dense(hidden)) + residual)


def kept_columns(heads: set[int], pruned: set[int], left: int, width: int) -> tuple[set[int], Tensor]:
    """(heads that go now, columns that stay); head numbers are those before any pruning.

    ``pruned`` are gone already, ``left`` are there, each ``width`` columns wide.
    """
    gone, total = set(heads) - pruned, left + len(pruned)
    if gone and max(gone) >= total:
        raise ValueError(f"head {max(gone)} does not exist; this layer was built with {total} heads")
    alive = [head for head in range(total) if head not in pruned]
    stays = [i for i, head in enumerate(alive) if head not in gone]
    columns = [i * width + column for i in stays for column in range(width)]
    return gone, torch.tensor(columns, dtype=torch.long, device="cpu")  # (loading builds on another device)


def kept_part(weight: Tensor, keep: Tensor, dim: int = 0) -> nn.Parameter:
    """A parameter of the rows (dim 0) or columns (dim 1) that stay.

    Without values yet (the meta device) only the shape counts; indexing there would import torch's compiler.
    """
    if weight.is_meta:
        shape = [len(keep) if axis == dim else size for axis, size in enumerate(weight.shape)]
        return nn.Parameter(weight.new_empty(shape))
    return nn.Parameter(weight.detach().index_select(dim, keep.to(weight.device)).clone())


class BertGenerationAttention(nn.Module):
    def __init__(self, config: PretrainedConfig, position_embedding_type: str | None = None) -> None:
        super().__init__()
        self.self = BertGenerationSelfAttention(config, position_embedding_type)
        self.output = BertGenerationSelfOutput(config.hidden_size, config)
        self.pruned_heads: set[int] = set()

    def forward(self, hidden: Tensor, mask: Tensor | None, **kwargs) -> tuple[Tensor, Tensor | None]:
        context, weights = self.self(hidden, mask, **kwargs)
        return self.output(context, hidden), weights

    def prune_heads(self, heads: set[int]) -> None:
        """Removes heads (original numbering) for good; heads already gone are ignored."""
        gone, keep = kept_columns(
            heads, self.pruned_heads, self.self.num_attention_heads, self.self.attention_head_size
        )
        if not gone:
            return
        for projection in (self.self.query, self.self.key, self.self.value):
            projection.weight = kept_part(projection.weight, keep)
            projection.bias = kept_part(projection.bias, keep)
            projection.out_features = len(keep)
        dense = self.output.dense
        dense.weight = kept_part(dense.weight, keep, dim=1)
        dense.in_features = len(keep)
        self.self.num_attention_heads -= len(gone)
        self.pruned_heads |= gone


class BertGenerationIntermediate(nn.Module):
    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.intermediate_size)
        self.activation = activation(config.hidden_act)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.activation(self.dense(hidden))


class BertGenerationLayer(nn.Module):
    """Self-attention, cross-attention (where configured), feed-forward; each closed by a layer norm."""

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__()
        self.chunk_size_feed_forward = config.chunk_size_feed_forward
        self.attention = BertGenerationAttention(config)
        if config.add_cross_attention:
            if not config.is_decoder:
                raise ValueError("add_cross_attention=True needs is_decoder=True as well")
            # Relative positions between two different sequences mean nothing.
            self.crossattention = BertGenerationAttention(config, position_embedding_type="absolute")
        self.intermediate = BertGenerationIntermediate(config)
        self.output = BertGenerationSelfOutput(config.intermediate_size, config)

    def forward(
        self,
        hidden: Tensor,
        mask: Tensor | None,
        *,
        memory: Tensor | None = None,
        memory_mask: Tensor | None = None,
        cache: KVCache | None = None,
        layer: int = 0,
        head_mask: Tensor | None = None,
        capture: bool = False,
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Returns (hidden [B, T, C], self weights or None, cross weights or None)."""
        shared = {"cache": cache, "layer": layer, "head_mask": head_mask, "capture": capture}
        hidden, own = self.attention(hidden, mask, **shared)
        cross = None
        if memory is not None:
            if not hasattr(self, "crossattention"):
                raise ValueError(
                    "encoder_hidden_states were passed to a layer without cross-attention; "
                    "build the model with config.is_decoder = config.add_cross_attention = True"
                )
            hidden, cross = self.crossattention(hidden, memory_mask, memory=memory, **shared)
        return self.feed_forward(hidden), own, cross

    def feed_forward(self, hidden: Tensor) -> Tensor:
        if self.chunk_size_feed_forward <= 0:
            return self.output(self.intermediate(hidden), hidden)
        if hidden.shape[1] % self.chunk_size_feed_forward:
            raise ValueError(
                f"chunk_size_feed_forward {self.chunk_size_feed_forward} does not divide the length "
                f"{hidden.shape[1]}; 0 switches the chunking off"
            )
        chunks = hidden.split(self.chunk_size_feed_forward, dim=1)
        return torch.cat([self.output(self.intermediate(chunk), chunk) for chunk in chunks], dim=1)
