"""GPT-2 (Radford et al. 2019) as a decoder, alone or looking at an encoder, in the reference's names."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from bertgen.configs.activations import activation
from bertgen.configs.models import GPT2Config
from bertgen.layers.arguments import FROM_MASK, look_up
from bertgen.layers.attention import HeadAttention, additive_mask
from bertgen.layers.blocks import counted_positions, empty_embedding
from bertgen.layers.cache import KVCache, LegacyCache
from bertgen.layers.outputs import (
    BaseModelOutputWithPastAndCrossAttentions,
    CausalLMOutputWithCrossAttentions,
)
from bertgen.layers.pruning import kept_columns, kept_part
from bertgen.models.reference_writing import GPT2Utilities
from bertgen.models.transformer import LanguageModel, TransformerModel, first_given, refuse_mask

# -- the block -----------------------------------------------------------------------------------


class Conv1D(nn.Module):
    """A projection whose weight is stored [in, out], as GPT-2's files have it.

    ``closes_residual``: it ends a residual branch, and starts smaller the more layers there are.
    """

    def __init__(self, width_out: int, width_in: int, closes_residual: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width_in, width_out))
        self.bias = nn.Parameter(torch.zeros(width_out))
        self.closes_residual = closes_residual

    def forward(self, x: Tensor) -> Tensor:
        return torch.addmm(self.bias, x.flatten(0, -2), self.weight).view(*x.shape[:-1], self.weight.shape[1])

    def keep(self, columns: Tensor, dim: int) -> None:
        """Keeps these columns of the weight (dim 1: outputs, with their bias; dim 0: inputs)."""
        self.weight = kept_part(self.weight, columns, dim)
        if dim == 1:
            self.bias = kept_part(self.bias, columns)


class GPT2Attention(HeadAttention):
    """Query, key and value in one projection; cross-attention has its query apart."""

    causal = True

    def __init__(self, config: GPT2Config, layer: int, is_cross_attention: bool = False) -> None:
        super().__init__()
        width = config.hidden_size
        self.num_attention_heads = config.num_attention_heads
        self.attention_head_size = width // config.num_attention_heads
        self.c_attn = Conv1D((2 if is_cross_attention else 3) * width, width)
        if is_cross_attention:
            self.q_attn = Conv1D(width, width)
        self.c_proj = Conv1D(width, width, closes_residual=True)
        self.dropout = nn.Dropout(config.attn_pdrop)
        self.resid_dropout = nn.Dropout(config.resid_pdrop)
        self.scale = 1.0
        if config.scale_attn_weights:
            self.scale /= math.sqrt(self.attention_head_size)
        # Deeper layers look more evenly; and scores may be computed in float32, for half precision.
        if config.scale_attn_by_inverse_layer_idx:
            self.scale /= layer + 1
        self.upcast = config.reorder_and_upcast_attn
        self.pruned_heads: set[int] = set()

    def _heads(self, x: Tensor, parts: int) -> tuple[Tensor, ...]:
        """What one projection holds of ``parts`` things, each [B, T, H * D]."""
        if self.upcast:
            x = x.float()
        return x.chunk(parts, dim=-1)

    def project(self, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self._heads(self.c_attn(hidden), 3)

    def project_query(self, hidden: Tensor) -> Tensor:
        return self._heads(self.q_attn(hidden), 1)[0]

    def project_memory(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        return self._heads(self.c_attn(memory), 2)

    def forward(self, hidden: Tensor, mask: Tensor | None, **kwargs) -> tuple[Tensor, Tensor | None]:
        """(what is added to hidden [B, T, C], weights [B, H, T, K] or None)."""
        if self.upcast and mask is not None:
            mask = mask.float()
        context, weights = super().forward(hidden, mask, **kwargs)
        return self.resid_dropout(self.c_proj(context.to(hidden.dtype))), weights

    def prune_heads(self, heads: set[int]) -> None:
        """Removes heads (original numbering) of self-attention for good."""
        width = self.num_attention_heads * self.attention_head_size
        gone, keep = kept_columns(
            heads, self.pruned_heads, self.num_attention_heads, self.attention_head_size
        )
        if gone:
            # Query, key and value stand beside each other in one projection.
            self.c_attn.keep(torch.cat([keep, keep + width, keep + 2 * width]), dim=1)
            self.c_proj.keep(keep, dim=0)
            self.num_attention_heads -= len(gone)
            self.pruned_heads |= gone


class GPT2MLP(nn.Module):
    """The feed-forward."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        width = config.hidden_size
        inner = config.n_inner
        if inner is None:
            inner = 4 * width
        self.c_fc = Conv1D(inner, width)
        self.c_proj = Conv1D(width, inner, closes_residual=True)
        self.activation = activation(config.activation_function)
        self.dropout = nn.Dropout(config.resid_pdrop)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.dropout(self.c_proj(self.activation(self.c_fc(hidden))))


class GPT2Block(nn.Module):
    """Self-attention, cross-attention (where configured), feed-forward; each opened by a layer norm."""

    def __init__(self, config: GPT2Config, layer: int) -> None:
        super().__init__()
        width, eps = config.hidden_size, config.layer_norm_epsilon
        self.ln_1 = nn.LayerNorm(width, eps=eps)
        self.attn = GPT2Attention(config, layer)
        self.ln_2 = nn.LayerNorm(width, eps=eps)
        if config.add_cross_attention:
            self.crossattention = GPT2Attention(config, layer, is_cross_attention=True)
            self.ln_cross_attn = nn.LayerNorm(width, eps=eps)
        self.mlp = GPT2MLP(config)

    def forward(
        self,
        hidden: Tensor,
        mask: Tensor | None,
        *,
        memory: Tensor | None = None,
        memory_mask: Tensor | None = None,
        **shared,
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Returns (hidden [B, T, C], self weights or None, cross weights or None)."""
        # 1) self-attention
        added, self_weights = self.attn(self.ln_1(hidden), mask, **shared)
        hidden = hidden + added
        # 2) cross-attention, where there is something to look at
        cross_weights = None
        if memory is not None:
            if not hasattr(self, "crossattention"):
                raise ValueError(
                    "encoder_hidden_states were passed to a layer without cross-attention; "
                    "build the model with config.add_cross_attention = True"
                )
            added, cross_weights = self.crossattention(
                self.ln_cross_attn(hidden), memory_mask, memory=memory, **shared
            )
            hidden = hidden + added
        # 3) feed-forward
        return hidden + self.mlp(self.ln_2(hidden)), self_weights, cross_weights


# -- the models ----------------------------------------------------------------------------------


class GPT2Pretrained:
    """How GPT-2's own modules start: as everywhere, and smaller where a residual branch ends."""

    def _init_weights(self, module: nn.Module) -> None:
        if not isinstance(module, Conv1D):
            super()._init_weights(module)
            return
        # As many residual branches as two a layer add up; each starts smaller, so that the sum does not grow.
        std = self.config.initializer_range
        if module.closes_residual:
            std /= math.sqrt(2 * self.config.num_hidden_layers)
        nn.init.normal_(module.weight, std=std)
        nn.init.zeros_(module.bias)


class GPT2Model(GPT2Pretrained, TransformerModel):
    """The bare GPT-2: causal whatever the config says."""

    config_class = GPT2Config
    base_model_prefix = "transformer"
    masked_position = 1
    layers_path = "h"
    closed_by = "ln_f"

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.wte = empty_embedding(config.vocab_size, config.hidden_size)
        self.wpe = empty_embedding(config.max_position_embeddings, config.hidden_size)
        self.drop = nn.Dropout(config.embd_pdrop)
        self.h = nn.ModuleList(GPT2Block(config, layer) for layer in range(config.num_hidden_layers))
        self.ln_f = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_epsilon)
        self.post_init()

    @property
    def is_causal(self) -> bool:
        return True

    def get_input_embeddings(self) -> nn.Embedding:
        return self.wte

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        self.wte = value

    def _prune_heads(self, heads_to_prune: dict[int, list[int]]) -> None:
        for layer, heads in heads_to_prune.items():
            self.h[layer].attn.prune_heads(set(heads))

    def embeddings(
        self,
        input_ids: Tensor | None,
        position_ids: Tensor | None,
        inputs_embeds: Tensor | None,
        past: int,
        token_type_ids: Tensor | None,
    ) -> Tensor:
        """Words plus positions; token types, where given, are words too."""
        # 1) words
        hidden = inputs_embeds
        if hidden is None:
            hidden = look_up(self.wte, input_ids, "input_ids")
        # 2) positions
        if position_ids is None:
            hidden = hidden + counted_positions(self.wpe, past, past + hidden.shape[1])
        else:
            hidden = hidden + look_up(self.wpe, position_ids, "position_ids")
        # 3) token types
        if token_type_ids is not None:
            hidden = hidden + look_up(self.wte, token_type_ids, "token_type_ids")
        return self.drop(hidden)

    def self_attention_mask(self, mask: Tensor | None, length: int, past: int) -> Tensor | None:
        """Causal part and padding are added up, so that a masked query looks at its past's padding only."""
        if mask is not None and (mask.dim() != 2 or mask.shape[1] != past + length):
            refuse_mask(mask, past, length, square=False)
        causal = padding = None
        if length > 1:  # a single new token has nothing ahead of it
            causal = additive_mask(self.causal_rows(past, past + length), self.dtype)[None, None]
        if mask is not None:
            padding = additive_mask(mask[:, None, None], self.dtype)
        if causal is None or padding is None:
            return causal if padding is None else padding
        return causal + padding

    def _open_cache(self, given: KVCache | LegacyCache | None) -> tuple[KVCache, bool]:
        cache, as_tuples = super()._open_cache(given)
        cache.legacy_cross = False  # GPT-2's tuples hold self-attention only
        return cache, as_tuples

    def forward(
        self,
        input_ids: Tensor | None = None,
        past_key_values: KVCache | LegacyCache | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | str | None = None,
        head_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> tuple | BaseModelOutputWithPastAndCrossAttentions:
        """As ``BertGenerationEncoder`` with ``is_decoder``, in GPT-2's own order of arguments."""
        output = self.run(
            input_ids,
            attention_mask,
            position_ids,
            head_mask,
            inputs_embeds,
            encoder_hidden_states,
            encoder_attention_mask,
            past_key_values,
            first_given(use_cache, self.config.use_cache),
            output_attentions,
            output_hidden_states,
            token_type_ids,
        )
        if first_given(return_dict, self.config.use_return_dict):
            return output
        return output.to_tuple()


class GPT2LMHeadModel(GPT2Utilities, GPT2Pretrained, LanguageModel):
    """GPT-2 with its language-model head, which is the word embedding again and has no bias."""

    config_class = GPT2Config
    base_model_prefix = "transformer"
    prompt_positions = FROM_MASK  # continuing a prompt does not count the padding on its left
    read_beside_ids = ("inputs_embeds", "token_type_ids")  # by generate

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.transformer = GPT2Model(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def get_output_embeddings(self) -> nn.Linear:
        return self.lm_head

    def set_output_embeddings(self, new_embeddings: nn.Linear) -> None:
        self.lm_head = new_embeddings

    def forward(
        self,
        input_ids: Tensor | None = None,
        past_key_values: KVCache | LegacyCache | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | str | None = None,
        head_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> tuple | CausalLMOutputWithCrossAttentions:
        """As ``GPT2Model``; ``labels`` [B, T] (-100 = ignored) add the next-token loss, shifted here."""
        return self.predict(
            labels,
            return_dict,
            input_ids=input_ids,
            past_key_values=past_key_values,
            attention_mask=attention_mask,
            token_type_ids=token_type_ids,
            position_ids=position_ids,
            head_mask=head_mask,
            inputs_embeds=inputs_embeds,
            encoder_hidden_states=encoder_hidden_states,
            encoder_attention_mask=encoder_attention_mask,
            use_cache=use_cache,
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
        )
