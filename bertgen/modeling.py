"""BertGenerationEncoder and BertGenerationDecoder (Rothe et al. 2020), in the reference's names."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bertgen.cache import KVCache, LegacyCache
from bertgen.config import BertGenerationConfig
from bertgen.layers import BertGenerationEmbeddings, BertGenerationLayer, additive_mask
from bertgen.outputs import BaseModelOutputWithPastAndCrossAttentions, CausalLMOutputWithCrossAttentions
from bertgen.pretrained import GenerativeModel, PreTrainedModel


class BertGenerationStack(nn.Module):
    """The layers in a row; collects what was asked for."""

    def __init__(self, config: BertGenerationConfig) -> None:
        super().__init__()
        self.layer = nn.ModuleList(BertGenerationLayer(config) for _ in range(config.num_hidden_layers))

    def forward(
        self,
        hidden: Tensor,
        mask: Tensor | None,
        *,
        memory: Tensor | None,
        memory_mask: Tensor | None,
        cache: KVCache | None,
        head_mask: Tensor | None,
        output_attentions: bool,
        output_hidden_states: bool,
    ) -> tuple[Tensor, list[Tensor], list[Tensor], list[Tensor]]:
        states, own, cross = [], [], []
        for index, layer in enumerate(self.layer):
            if output_hidden_states:
                states.append(hidden)
            hidden, own_weights, cross_weights = layer(
                hidden,
                mask,
                memory=memory,
                memory_mask=memory_mask,
                cache=cache,
                layer=index,
                head_mask=None if head_mask is None else head_mask[index],
                capture=output_attentions,
            )
            if output_attentions:
                own.append(own_weights)
                if cross_weights is not None:
                    cross.append(cross_weights)
        if output_hidden_states:
            states.append(hidden)
        return hidden, states, own, cross


class BertGenerationEncoder(PreTrainedModel):
    """The bare transformer: an encoder, or with ``config.is_decoder`` a decoder without its LM head."""

    config_class = BertGenerationConfig
    base_model_prefix = "bert"

    def __init__(self, config: BertGenerationConfig) -> None:
        super().__init__(config)
        if config.add_cross_attention and not config.is_decoder:
            raise ValueError("add_cross_attention=True needs is_decoder=True as well")
        self.embeddings = BertGenerationEmbeddings(config)
        self.encoder = BertGenerationStack(config)
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        return self.embeddings.word_embeddings

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        self.embeddings.word_embeddings = value

    def _prune_heads(self, heads_to_prune: dict[int, list[int]]) -> None:
        for layer, heads in heads_to_prune.items():
            self.encoder.layer[layer].attention.prune_heads(set(heads))

    def self_attention_mask(self, mask: Tensor | None, length: int, past: int) -> Tensor | None:
        """The additive mask [B or 1, 1, T or 1, past + T] of a 2-D or 3-D attention mask.

        A decoder is causal whatever else is asked for (the reference before its fix #35043 dropped the mask
        when use_cache was set). A 3-D mask [B, T, K] is taken as given, without a causal part. None when
        there is nothing to mask.
        """
        dtype, device = self.dtype, self.device
        if mask is not None and mask.dim() == 3:
            return additive_mask(mask[:, None], dtype)
        if mask is not None and mask.dim() != 2:
            raise ValueError(
                f"attention_mask has shape {tuple(mask.shape)}; expected [batch, keys] or "
                "[batch, queries, keys]"
            )
        total = past + length
        if mask is not None and mask.shape[1] != total:
            raise ValueError(
                f"attention_mask covers {mask.shape[1]} positions but there are {total} "
                f"({past} cached + {length} new); it must cover the cached ones as well"
            )
        look = None if mask is None else mask[:, None, None, :].to(dtype)  # [B, 1, 1, K]
        if self.config.is_decoder and length > 1:
            rows = torch.arange(past, total, device=device)
            causal = (torch.arange(total, device=device)[None] <= rows[:, None]).to(dtype)  # [T, K]
            look = causal[None, None] if look is None else look * causal
        return None if look is None else additive_mask(look, dtype)

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

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        head_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        past_key_values: KVCache | LegacyCache | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> tuple | BaseModelOutputWithPastAndCrossAttentions:
        """input_ids [B, T] or inputs_embeds [B, T, C]; masks 1 = look, 0 = do not; see outputs for shapes.

        As a decoder: ``encoder_hidden_states`` [B, S, C] with ``encoder_attention_mask`` [B, S] feed the
        cross-attention; ``past_key_values`` is a ``KVCache`` (appended to in place) or the reference's
        tuples, and what comes back is of the same kind (tuples when nothing was given and use_cache).
        """
        config = self.config
        output_attentions = first_given(output_attentions, config.output_attentions)
        output_hidden_states = first_given(output_hidden_states, config.output_hidden_states)
        use_cache = config.is_decoder and first_given(use_cache, config.use_cache)
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("give either input_ids or inputs_embeds, not both and not neither")
        cache, as_tuples = _open_cache(past_key_values, use_cache, config.num_hidden_layers)
        past = cache.length if cache is not None else 0
        hidden = self.embeddings(input_ids, position_ids, inputs_embeds, past)
        memory = encoder_hidden_states if config.is_decoder else None
        hidden, states, own, cross = self.encoder(
            hidden,
            self.self_attention_mask(attention_mask, hidden.shape[1], past),
            memory=memory,
            memory_mask=None if memory is None else self._memory_mask(encoder_attention_mask),
            cache=cache,
            head_mask=self._expand_head_mask(head_mask),
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
        )
        output = BaseModelOutputWithPastAndCrossAttentions(
            last_hidden_state=hidden,
            past_key_values=(cache.to_legacy() if as_tuples else cache) if use_cache else None,
            hidden_states=tuple(states) if output_hidden_states else None,
            attentions=tuple(own) if output_attentions else None,
            cross_attentions=tuple(cross) if output_attentions and config.add_cross_attention else None,
        )
        return output if first_given(return_dict, config.use_return_dict) else output.to_tuple()

    def _memory_mask(self, mask: Tensor | None) -> Tensor | None:
        if mask is None:
            return None
        if mask.dim() not in (2, 3):
            raise ValueError(
                f"encoder_attention_mask has shape {tuple(mask.shape)}; expected [batch, source] or "
                "[batch, target, source]"
            )
        return additive_mask(mask[:, None, None] if mask.dim() == 2 else mask[:, None], self.dtype)


def first_given(argument: Any, default: Any) -> Any:
    """The argument, or the config's value when it was left out."""
    return default if argument is None else argument


def _open_cache(
    given: KVCache | LegacyCache | None, use_cache: bool, layers: int
) -> tuple[KVCache | None, bool]:
    """(the cache to use or None, whether to hand it back as tuples)."""
    if isinstance(given, KVCache):
        return given, False
    if given is not None:
        return KVCache.from_legacy(given), True
    return (KVCache(layers) if use_cache else None), True


class BertGenerationOnlyLMHead(nn.Module):
    """Projection to the vocabulary; ``bias`` and ``decoder.bias`` are one Parameter under two names."""

    def __init__(self, config: BertGenerationConfig) -> None:
        super().__init__()
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        self.decoder.bias = self.bias

    def forward(self, hidden: Tensor) -> Tensor:
        return self.decoder(hidden)  # [B, T, V]

    def tie_bias(self) -> None:
        self.decoder.bias = self.bias


class BertGenerationDecoder(GenerativeModel):
    """A BertGeneration decoder with its language-model head."""

    config_class = BertGenerationConfig
    base_model_prefix = "bert"

    def __init__(self, config: BertGenerationConfig) -> None:
        super().__init__(config)
        self.bert = BertGenerationEncoder(config)
        self.lm_head = BertGenerationOnlyLMHead(config)
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        return self.bert.embeddings.word_embeddings

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        self.bert.embeddings.word_embeddings = value

    def get_output_embeddings(self) -> nn.Linear:
        return self.lm_head.decoder

    def set_output_embeddings(self, value: nn.Linear) -> None:
        self.lm_head.decoder = value

    def tie_weights(self) -> None:
        self.lm_head.tie_bias()
        super().tie_weights()

    def _prune_heads(self, heads_to_prune: dict[int, list[int]]) -> None:
        self.bert._prune_heads(heads_to_prune)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        head_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        past_key_values: KVCache | LegacyCache | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> tuple | CausalLMOutputWithCrossAttentions:
        """As ``BertGenerationEncoder``; ``labels`` [B, T] (-100 = ignored) add the next-token loss.

        The labels are shifted here: logits at t are scored against labels at t + 1.
        """
        output = self.bert(
            input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
            head_mask=head_mask,
            inputs_embeds=inputs_embeds,
            encoder_hidden_states=encoder_hidden_states,
            encoder_attention_mask=encoder_attention_mask,
            past_key_values=past_key_values,
            use_cache=False if labels is not None else use_cache,
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
            return_dict=True,
        )
        logits = self.lm_head(output.last_hidden_state)
        loss = None
        if labels is not None:
            loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
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


def len_of_past(past_key_values: KVCache | LegacyCache) -> int:
    """Number of positions that a cache of either form holds."""
    if isinstance(past_key_values, KVCache):
        return past_key_values.length
    return past_key_values[0][0].shape[2]
