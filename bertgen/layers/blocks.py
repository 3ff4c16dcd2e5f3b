"""The post-norm BERT block and its embeddings, which BertGeneration, BERT and RoBERTa are built of.

Dimension letters: B batch, T queries, K keys, H heads, D head width, C model width.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from bertgen.configs.activations import activation
from bertgen.configs.base import PretrainedConfig
from bertgen.errors import Trouble
from bertgen.layers.arguments import look_up
from bertgen.layers.attention import HeadAttention, HeadFactors
from bertgen.layers.cache import KVCache
from bertgen.layers.pruning import kept_columns, kept_part

# -- embeddings ----------------------------------------------------------------------------------


def empty_embedding(rows: int, width: int, padding_idx: int | None = None) -> nn.Embedding:
    """A table left empty, since the models initialise their weights themselves.

    ``nn.Embedding``'s own normal_() would, on the meta device that loading uses, first import torch's
    compiler, which takes seconds.
    """
    return nn.Embedding.from_pretrained(torch.empty(rows, width), freeze=False, padding_idx=padding_idx)


class SequenceTooLongError(Trouble, RuntimeError, IndexError):
    """More tokens than positions; both types, since the reference's families differ in what they raise."""


def counted_positions(table: nn.Embedding, start: int, end: int, reserved: int = 0) -> Tensor:
    """Rows start .. end - 1 of a position table whose first ``reserved`` rows hold no position."""
    limit = table.num_embeddings
    if end > limit:
        needed, there = end - reserved, limit - reserved
        raise SequenceTooLongError("generation.too_long", needed=needed, there=there)
    return table.weight[start:end]


class BertGenerationEmbeddings(nn.Module):
    """Word plus position embedding, layer norm, dropout. No token types; BERT's subclass has them."""

    token_types: ClassVar[bool] = False
    # BertGeneration adds its absolute positions beside relative ones too.
    adds_positions: bool = True

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
        """What the first layer reads [B, T, C], for ids [B, T] or for word embeddings [B, T, C]."""
        # 1) words
        hidden = inputs_embeds
        if hidden is None:
            hidden = look_up(self.word_embeddings, input_ids, "input_ids")
        # 2) token types: the first, where none are given
        if self.token_types and token_type_ids is None:
            hidden = hidden + self.token_type_embeddings.weight[0]
        elif self.token_types:
            hidden = hidden + look_up(self.token_type_embeddings, token_type_ids, "token_type_ids")
        # 3) positions
        if not self.adds_positions:
            # Relative ones are added in the attention; they reach as far as absolute ones would.
            counted_positions(self.position_embeddings, 0, past_length + hidden.shape[1])
        elif position_ids is None:
            hidden = hidden + self.positions(input_ids, hidden.shape[1], past_length)
        else:
            hidden = hidden + look_up(self.position_embeddings, position_ids, "position_ids")
        return self.dropout(self.LayerNorm(hidden))

    def positions(self, input_ids: Tensor | None, length: int, past: int) -> Tensor:
        """Rows [T, C] of the positions after the ``past`` ones."""
        return counted_positions(self.position_embeddings, past, past + length)


# -- attention -----------------------------------------------------------------------------------


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
        self.relative = self.position_type != "absolute"
        if self.relative:
            # One row for each distance, from -(n - 1) to n - 1.
            self.max_positions = config.max_position_embeddings
            self.distance_embedding = empty_embedding(2 * self.max_positions - 1, self.attention_head_size)

    def project(self, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.query(hidden), self.key(hidden), self.value(hidden)

    def project_query(self, hidden: Tensor) -> Tensor:
        return self.query(hidden)

    def project_memory(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        return self.key(memory), self.value(memory)

    def relative_bias(self, query: Tensor, key: Tensor) -> Tensor:
        """Relative-position scores [B, H, T, K] (Shaw et al. 2018; Huang et al. 2020)."""
        length, total = query.shape[2], key.shape[2]
        # The queries are the last of the keys' positions: distance = own position - the key's.
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


class BertGenerationAttention(nn.Module):
    """Attention and what closes it; for self-attention and for cross-attention."""

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
        # Query, key and value lose outputs, what closes them loses the inputs that those were.
        for projection in (self.self.query, self.self.key, self.self.value):
            projection.weight = kept_part(projection.weight, keep)
            projection.bias = kept_part(projection.bias, keep)
            projection.out_features = len(keep)
        dense = self.output.dense
        dense.weight = kept_part(dense.weight, keep, dim=1)
        dense.in_features = len(keep)
        self.self.num_attention_heads -= len(gone)
        self.pruned_heads |= gone


# -- the block -----------------------------------------------------------------------------------


class BertGenerationIntermediate(nn.Module):
    """The wide half of the feed-forward."""

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
        head_mask: Tensor | HeadFactors | None = None,
        capture: bool = False,
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Returns (hidden [B, T, C], self weights or None, cross weights or None)."""
        shared = {"cache": cache, "layer": layer, "head_mask": head_mask, "capture": capture}
        # 1) self-attention
        hidden, self_weights = self.attention(hidden, mask, **shared)
        # 2) cross-attention, where there is something to look at
        cross_weights = None
        if memory is not None:
            if not hasattr(self, "crossattention"):
                raise ValueError(
                    "encoder_hidden_states were passed to a layer without cross-attention; "
                    "build the model with config.is_decoder = config.add_cross_attention = True"
                )
            hidden, cross_weights = self.crossattention(hidden, memory_mask, memory=memory, **shared)
        # 3) feed-forward
        if self.chunk_size_feed_forward <= 0:
            hidden = self.output(self.intermediate(hidden), hidden)
        else:
            hidden = self.feed_forward_in_chunks(hidden)
        return hidden, self_weights, cross_weights

    def feed_forward_in_chunks(self, hidden: Tensor) -> Tensor:
        """The feed-forward half of hidden [B, T, C], so many positions at a time."""
        if hidden.shape[1] % self.chunk_size_feed_forward:
            raise ValueError(
                f"chunk_size_feed_forward {self.chunk_size_feed_forward} does not divide the length "
                f"{hidden.shape[1]}; 0 switches the chunking off"
            )
        # Positions do not see each other here, so chunks change nothing but the memory that it takes.
        chunks = hidden.split(self.chunk_size_feed_forward, dim=1)
        return torch.cat([self.output(self.intermediate(chunk), chunk) for chunk in chunks], dim=1)
