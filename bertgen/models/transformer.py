"""The run that all families share: embeddings, masks, cache, layers, and the head's loss."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from bertgen.layers.arguments import ShapeError, check_context, check_inputs, mean_loss, resolve_positions
from bertgen.layers.attention import additive_mask
from bertgen.layers.cache import KVCache, LegacyCache
from bertgen.layers.outputs import (
    BaseModelOutputWithPastAndCrossAttentions,
    CausalLMOutputWithCrossAttentions,
)
from bertgen.models.base import GenerativeModel, PreTrainedModel


class TransformerModel(PreTrainedModel):
    """A stack of layers without a head: masks, cache and the run through the layers, for every family.

    A family says how it embeds (``embed``), which its layers are (``blocks``), what closes the last one
    (``finish``) and whether it is causal.
    """

    first_position: int = 0  # the position of a text's first token
    masked_position: int | None = None  # of padding, where the family gives it one of its own
    gradient_checkpointing: bool = False
    checkpointing_options: ClassVar[dict[str, Any]] = {}

    def embed(
        self,
        input_ids: Tensor | None,
        position_ids: Tensor | None,
        inputs_embeds: Tensor | None,
        past: int,
        token_type_ids: Tensor | None,
    ) -> Tensor:
        return self.embeddings(input_ids, position_ids, inputs_embeds, past, token_type_ids)

    def blocks(self) -> nn.ModuleList:
        return self.encoder.layer

    def finish(self, hidden: Tensor) -> Tensor:
        return hidden

    @property
    def recomputes(self) -> bool:
        """Whether layers run under gradient checkpointing: then nothing is cached, as in the reference."""
        return self.gradient_checkpointing and self.training

    @property
    def is_causal(self) -> bool:
        """Whether a position looks at earlier ones only."""
        return self.config.is_decoder

    def get_input_embeddings(self) -> nn.Embedding:
        return self.embeddings.word_embeddings

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        self.embeddings.word_embeddings = value

    def _prune_heads(self, heads_to_prune: dict[int, list[int]]) -> None:
        for layer, heads in heads_to_prune.items():
            self.blocks()[layer].attention.prune_heads(set(heads))

    def self_attention_mask(self, mask: Tensor | None, length: int, past: int) -> Tensor | None:
        """The additive mask [B or 1, 1, T or 1, past + T] of a 2-D or 3-D attention mask.

        A decoder is causal whatever else is asked for (the reference before its fix #35043 dropped the mask
        when use_cache was set). A 3-D mask [B, T, K] is taken as given, without a causal part. None when
        there is nothing to mask.
        """
        if mask is not None and mask.dim() == 3:
            return additive_mask(mask[:, None], self.dtype)
        total = past + length
        check_mask(mask, past, length)
        look = None if mask is None else mask[:, None, None, :].to(self.dtype)  # [B, 1, 1, K]
        if self.is_causal and length > 1:
            causal = self.causal_rows(past, total)
            look = causal[None, None] if look is None else look * causal
        return None if look is None else additive_mask(look, self.dtype)

    def causal_rows(self, past: int, total: int) -> Tensor:
        """1 = look [T, K] for the queries past .. total - 1."""
        rows = torch.arange(past, total, device=self.device)[:, None]
        return (torch.arange(total, device=self.device)[None] <= rows).to(self.dtype)

    def _expand_head_mask(self, head_mask: Tensor | None) -> Tensor | None:
        """(heads,) or (layers, heads) -> [L, 1, H, 1, 1]."""
        if head_mask is None:
            return None
        if head_mask.dim() == 1:
            head_mask = head_mask[None].expand(self.config.num_hidden_layers, -1)
        if head_mask.dim() == 2:
            head_mask = head_mask[:, None, :, None, None]
        if head_mask.dim() != 5:
            raise AssertionError(
                f"head_mask has {head_mask.dim()} dimensions; expected (heads,) or (layers, heads)"
            )
        return head_mask.to(self.dtype)

    def run(
        self,
        input_ids: Tensor | None,
        attention_mask: Tensor | None,
        position_ids: Tensor | str | None,
        head_mask: Tensor | None,
        inputs_embeds: Tensor | None,
        encoder_hidden_states: Tensor | None,
        encoder_attention_mask: Tensor | None,
        past_key_values: KVCache | LegacyCache | None,
        use_cache: bool,
        output_attentions: bool | None,
        output_hidden_states: bool | None,
        token_type_ids: Tensor | None = None,
    ) -> BaseModelOutputWithPastAndCrossAttentions:
        """What every family's forward does; the arguments are explained there."""
        config = self.config
        output_attentions = first_given(output_attentions, config.output_attentions)
        output_hidden_states = first_given(output_hidden_states, config.output_hidden_states)
        batch, length = check_inputs(input_ids, inputs_embeds, config.hidden_size)
        use_cache = use_cache and not self.recomputes
        cache, as_tuples = self._open_cache(past_key_values, use_cache)
        past = cache.length if cache is not None else 0
        position_ids = resolve_positions(
            position_ids, attention_mask, past, self.first_position, self.masked_position
        )
        memory = encoder_hidden_states if self.is_causal else None
        sizes = (batch, length, past)
        check_context(sizes, attention_mask, position_ids, head_mask, memory, encoder_attention_mask, config)
        hidden = self.embed(input_ids, position_ids, inputs_embeds, past, token_type_ids)
        hidden, states, own, cross = self._run_blocks(
            hidden,
            self.self_attention_mask(attention_mask, hidden.shape[1], past),
            head_mask=self._expand_head_mask(head_mask),
            output_hidden_states=output_hidden_states,
            memory=memory,
            memory_mask=None if memory is None else self._memory_mask(encoder_attention_mask),
            cache=cache,
            capture=output_attentions,
        )
        return BaseModelOutputWithPastAndCrossAttentions(
            last_hidden_state=hidden,
            past_key_values=(cache.to_legacy() if as_tuples else cache) if use_cache else None,
            hidden_states=tuple(states) if output_hidden_states else None,
            attentions=tuple(own) if output_attentions else None,
            cross_attentions=tuple(cross) if output_attentions and config.add_cross_attention else None,
        )

    def _run_blocks(
        self,
        hidden: Tensor,
        mask: Tensor | None,
        *,
        head_mask: Tensor | None,
        output_hidden_states: bool,
        **shared: Any,
    ) -> tuple[Tensor, list[Tensor], list[Tensor], list[Tensor]]:
        """(hidden, L + 1 states, self weights, cross weights), the last three as far as asked for."""
        states, own, cross = [], [], []
        for index, block in enumerate(self.blocks()):
            if output_hidden_states:
                states.append(hidden)
            heads = None if head_mask is None else head_mask[index]
            call = partial(checkpoint, block, **self.checkpointing_options) if self.recomputes else block
            hidden, own_weights, cross_weights = call(hidden, mask, layer=index, head_mask=heads, **shared)
            if own_weights is not None:
                own.append(own_weights)
            if cross_weights is not None:
                cross.append(cross_weights)
        hidden = self.finish(hidden)
        if output_hidden_states:
            states.append(hidden)
        return hidden, states, own, cross

    def _open_cache(
        self, given: KVCache | LegacyCache | None, use_cache: bool
    ) -> tuple[KVCache | None, bool]:
        """(the cache to use or None, whether to hand it back as tuples)."""
        if isinstance(given, KVCache):
            return given, False
        if given is not None:
            if len(given) != self.config.num_hidden_layers:
                raise ValueError(
                    f"past_key_values has {len(given)} layers, the model {self.config.num_hidden_layers}"
                )
            return KVCache.from_legacy(given), True
        return (KVCache(self.config.num_hidden_layers) if use_cache else None), True

    def _memory_mask(self, mask: Tensor | None) -> Tensor | None:
        if mask is None:
            return None
        if mask.dim() not in (2, 3):
            raise ValueError(
                f"encoder_attention_mask has shape {tuple(mask.shape)}; expected [batch, source] or "
                "[batch, target, source]"
            )
        return additive_mask(mask[:, None, None] if mask.dim() == 2 else mask[:, None], self.dtype)


def check_mask(mask: Tensor | None, past: int, length: int, square: bool = True) -> None:
    """Raises ``ShapeError`` unless a self-attention mask is [B, past + length]; ``square``: others exist."""
    if mask is None:
        return
    if mask.dim() != 2:
        wanted = "[batch, keys] or [batch, queries, keys]" if square else "[batch, keys]"
        raise ShapeError(f"attention_mask has shape {tuple(mask.shape)}; expected {wanted}")
    total = past + length
    if mask.shape[1] != total:
        raise ShapeError(
            f"attention_mask covers {mask.shape[1]} positions but there are {total} "
            f"({past} cached + {length} new); it must cover the cached ones as well"
        )


class LanguageModel(GenerativeModel):
    """A transformer under its family's prefix, and a head that turns its states into logits [B, T, V]."""

    @property
    def base(self) -> TransformerModel:
        return getattr(self, self.base_model_prefix)

    def head(self) -> nn.Module:
        """From states [B, T, C] to logits; holds the projection as ``decoder`` and its bias as ``bias``."""
        return self.lm_head

    def head_transform(self) -> tuple[nn.Linear, Callable[[Tensor], Tensor], nn.LayerNorm] | None:
        """(dense, activation, norm) that the head runs before its projection, where it has them."""
        return None

    def get_output_embeddings(self) -> nn.Linear:
        return self.head().decoder

    def set_output_embeddings(self, new_embeddings: nn.Linear) -> None:
        self.head().decoder = new_embeddings

    def set_output_bias(self, value: nn.Parameter) -> None:
        self.head().bias = value

    def tie_weights(self) -> None:
        head = self.head()
        if getattr(head, "decoder", None) is not None:
            head.decoder.bias = head.bias  # one Parameter under two names
        super().tie_weights()

    def get_input_embeddings(self) -> nn.Embedding:
        return self.base.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        self.base.set_input_embeddings(value)

    def _prune_heads(self, heads_to_prune: dict[int, list[int]]) -> None:
        self.base._prune_heads(heads_to_prune)

    def predict(
        self, labels: Tensor | None, return_dict: bool | None, **inputs: Any
    ) -> tuple | CausalLMOutputWithCrossAttentions:
        """Runs the transformer on ``inputs`` and the head on its states; labels add the next-token loss."""
        output = self.base(**inputs, return_dict=True)
        logits = self.head()(output.last_hidden_state)
        loss = None
        if labels is not None:
            loss = mean_loss(logits, labels, shift=True)
        result = CausalLMOutputWithCrossAttentions(
            loss=loss,
            logits=logits,
            past_key_values=output.past_key_values,
            hidden_states=output.hidden_states,
            attentions=output.attentions,
            cross_attentions=output.cross_attentions,
        )
        return result if first_given(return_dict, self.config.use_return_dict) else result.to_tuple()

    def prepare_inputs_for_generation(
        self, input_ids: Tensor, past_key_values: Any = None, attention_mask: Tensor | None = None, **_: Any
    ) -> dict[str, Any]:
        """What one decoding step feeds to forward: only the ids that the cache does not hold yet."""
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        if past_key_values is not None:
            past = len_of_past(past_key_values)
            input_ids = input_ids[:, past if input_ids.shape[1] > past else -1 :]
        return {
            "input_ids": input_ids,
            "attention_mask": attention_mask,
            "past_key_values": past_key_values,
        }


def first_given(argument: Any, default: Any) -> Any:
    """The argument, or the config's value when it was left out."""
    return default if argument is None else argument


def len_of_past(past_key_values: KVCache | LegacyCache) -> int:
    """Number of positions that a cache of either form holds."""
    if isinstance(past_key_values, KVCache):
        return past_key_values.length
    return past_key_values[0][0].shape[2]
