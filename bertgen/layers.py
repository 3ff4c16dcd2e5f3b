"""The post-norm BERT block: embeddings, attention, feed-forward.

Capturing attention is a return value: ``capture=True`` computes the weights openly and returns them,
``capture=False`` takes the fused kernel. Dimension letters: B batch, T queries, K keys, H heads, D head
width, C model width.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bertgen.cache import KVCache
from bertgen.config_base import PretrainedConfig

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "gelu_new": lambda x: F.gelu(x, approximate="tanh"),
    "relu": F.relu,
    "silu": F.silu,
}
POSITION_TYPES = ("absolute", "relative_key", "relative_key_query")


def activation(name: str) -> Callable[[Tensor], Tensor]:
    """The activation of that name; ``KeyError`` with the choices when it is unknown."""
    if name not in ACTIVATIONS:
        raise KeyError(f"hidden_act {name!r} is unknown; choose one of {sorted(ACTIVATIONS)}")
    return ACTIVATIONS[name]


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
) -> tuple[Tensor, Tensor | None]:
    """Scaled dot-product attention; returns (context [B, H, T, D], weights [B, H, T, K] or None).

    ``mask`` is additive, ``bias`` (relative positions) is added before the scaling. Weights are given back
    as they are used: after dropout and head mask, as in the reference. In training plain matrix products
    are used: on CPU they beat the fused kernel's backward on short sentences six to one.
    """
    plain = capture or bias is not None or head_mask is not None or (dropout is not None and dropout.training)
    if not plain:
        return F.scaled_dot_product_attention(query, key, value, attn_mask=mask), None
    scores = query @ key.transpose(-1, -2)  # [B, H, T, K]
    if bias is not None:
        scores = scores + bias
    scores = scores / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = scores + mask
    weights = scores.softmax(-1)
    if dropout is not None:
        weights = dropout(weights)
    if head_mask is not None:
        weights = weights * head_mask
    return weights @ value, weights if capture else None


class BertGenerationEmbeddings(nn.Module):
    """Word plus position embedding, layer norm, dropout. No token types."""

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__()
        words = torch.empty(config.vocab_size, config.hidden_size)
        positions = torch.empty(config.max_position_embeddings, config.hidden_size)
        # Left empty, since the model initialises its weights itself: nn.Embedding's own normal_() would, on
        # the meta device that loading uses, first import torch's compiler, which takes seconds.
        self.word_embeddings = nn.Embedding.from_pretrained(
            words, freeze=False, padding_idx=config.pad_token_id
        )
        self.position_embeddings = nn.Embedding.from_pretrained(positions, freeze=False)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(
        self,
        input_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        past_length: int = 0,
    ) -> Tensor:
        words = self.word_embeddings(input_ids) if inputs_embeds is None else inputs_embeds  # [B, T, C]
        if position_ids is None:
            end, limit = past_length + words.shape[1], self.position_embeddings.num_embeddings
            if end > limit:
                raise RuntimeError(
                    f"the sequence needs {end} positions but the model has {limit} "
                    "(max_position_embeddings); shorten the text, or truncate it with the tokenizer's "
                    f"truncation=True, max_length={limit}"
                )
            positions = self.position_embeddings.weight[past_length:end]  # [T, C]
        else:
            positions = self.position_embeddings(position_ids)
        return self.dropout(self.LayerNorm(words + positions))


class BertGenerationSelfAttention(nn.Module):
    """Projections of one attention block; cross-attention when it is given another memory."""

    def __init__(self, config: PretrainedConfig, position_embedding_type: str | None = None) -> None:
        super().__init__()
        if config.hidden_size % config.num_attention_heads:
            raise ValueError(
                f"hidden_size {config.hidden_size} is not a multiple of num_attention_heads "
                f"{config.num_attention_heads}; each head gets hidden_size / num_attention_heads numbers"
            )
        self.num_attention_heads = config.num_attention_heads
        self.attention_head_size = config.hidden_size // config.num_attention_heads
        self.query = nn.Linear(config.hidden_size, config.hidden_size)
        self.key = nn.Linear(config.hidden_size, config.hidden_size)
        self.value = nn.Linear(config.hidden_size, config.hidden_size)
        self.dropout = nn.Dropout(config.attention_probs_dropout_prob)
        self.position_type = position_embedding_type or config.position_embedding_type
        if self.position_type not in POSITION_TYPES:
            raise ValueError(
                f"position_embedding_type {self.position_type!r} is unknown; choose one of {POSITION_TYPES}"
            )
        if self.position_type != "absolute":
            self.max_positions = config.max_position_embeddings
            distances = torch.empty(2 * self.max_positions - 1, self.attention_head_size)
            self.distance_embedding = nn.Embedding.from_pretrained(distances, freeze=False)

    def split_heads(self, x: Tensor) -> Tensor:
        batch, length, _ = x.shape
        return x.view(batch, length, self.num_attention_heads, -1).transpose(1, 2)  # [B, H, T, D]

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
        query = self.split_heads(self.query(hidden))  # [B, H, T, D]
        if memory is None:
            key, value = self.split_heads(self.key(hidden)), self.split_heads(self.value(hidden))
            if cache is not None:
                key, value = cache.append(layer, key, value)
        else:
            known = cache.cross(layer) if cache is not None else None
            key, value = known or (self.split_heads(self.key(memory)), self.split_heads(self.value(memory)))
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
        )
        return context.transpose(1, 2).flatten(2), weights  # [B, T, C]


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
        gone = set(heads) - self.pruned_heads
        total = self.self.num_attention_heads + len(self.pruned_heads)
        if gone and max(gone) >= total:
            raise ValueError(f"head {max(gone)} does not exist; this layer was built with {total} heads")
        if not gone:
            return
        left = [head for head in range(total) if head not in self.pruned_heads]
        width = self.self.attention_head_size
        keep = torch.cat(
            [torch.arange(i * width, (i + 1) * width) for i, head in enumerate(left) if head not in gone]
            or [torch.arange(0)]
        ).to(self.self.query.weight.device)
        for projection in (self.self.query, self.self.key, self.self.value):
            projection.weight = nn.Parameter(projection.weight.detach()[keep].clone())
            projection.bias = nn.Parameter(projection.bias.detach()[keep].clone())
            projection.out_features = len(keep)
        dense = self.output.dense
        dense.weight = nn.Parameter(dense.weight.detach()[:, keep].clone())
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
