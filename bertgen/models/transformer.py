"""The run that all families share: embeddings, masks, cache, layers, and the head's loss."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from bertgen.configs.base import PretrainedConfig
from bertgen.configs.checks import builds_for_real, check_memory, check_model_config
from bertgen.layers.arguments import (
    ShapeError,
    check_context,
    check_inputs,
    expand_head_mask,
    mean_loss,
    positions_from_mask,
)
from bertgen.layers.attention import HeadFactors, additive_mask
from bertgen.layers.cache import KVCache, LegacyCache
from bertgen.layers.outputs import (
    BaseModelOutputWithPastAndCrossAttentions,
    CausalLMOutputWithCrossAttentions,
)
from bertgen.models.base import GenerativeModel, PreTrainedModel
from bertgen.models.reference_writing import LanguageModelUtilities


class TransformerModel(PreTrainedModel):
    """A stack of layers without a head: masks, cache and the run through the layers, for every family.

    A family says how it embeds (``embeddings``: a module, or a method where the tables lie in the model
    itself), where its layers are, what closes the last one, and whether it is causal.
    """

    layers_path: ClassVar[str] = "encoder.layer"
    closed_by: ClassVar[str | None] = None  # what the last layer's states go through; nothing in post-norm

    first_position: int = 0  # the position of a text's first token
    masked_position: int | None = None  # of padding, where the family gives it one of its own
    gradient_checkpointing: bool = False
    checkpointing_options: ClassVar[dict[str, Any]] = {}

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__(config)
        # Every stack of layers begins here, whatever model it is a part of, so that each config is checked
        # once: a model with a head and an encoder-decoder leave their parts' configs to these.
        check_model_config(config)
        if builds_for_real():
            check_memory(config)

    # -- what a family says ----------------------------------------------------------------------

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
            self.encoder.layer[layer].attention.prune_heads(set(heads))

    # -- masks -----------------------------------------------------------------------------------

    def self_attention_mask(self, mask: Tensor | None, length: int, past: int) -> Tensor | None:
        """The additive mask [B or 1, 1, T or 1, past + T] of a 2-D or 3-D attention mask.

        A decoder is causal whatever else is asked for (the reference before its fix #35043 dropped the mask
        when use_cache was set). A 3-D mask [B, T, K] is taken as given, without a causal part. None when
        there is nothing to mask.
        """
        look = None
        if mask is not None:
            # 1) one mask a query: nothing to add to it
            if mask.dim() == 3:
                return additive_mask(mask[:, None], self.dtype)
            # 2) what the mask shows, to all queries alike
            if mask.dim() != 2 or mask.shape[1] != past + length:
                refuse_mask(mask, past, length)
            look = mask[:, None, None, :].to(self.dtype)  # [B, 1, 1, K]
        # 3) what is not ahead; a single new token is ahead of nothing
        if self.is_causal and length > 1:
            causal = self.causal_rows(past, past + length)[None, None]  # [1, 1, T, K]
            look = causal if look is None else look * causal
        if look is None:
            return None
        return additive_mask(look, self.dtype)

    def causal_rows(self, past: int, total: int) -> Tensor:
        """1 = look [T, K] for the queries past .. total - 1."""
        rows = torch.arange(past, total, device=self.device)[:, None]
        return (torch.arange(total, device=self.device)[None] <= rows).to(self.dtype)

    def memory_mask(self, mask: Tensor | None) -> Tensor | None:
        """The additive mask [B, 1, 1 or T, S] of what is seen of a source; of [B, S] or [B, T, S]."""
        if mask is None:
            return None
        if mask.dim() not in (2, 3):
            raise ValueError(
                f"encoder_attention_mask has shape {tuple(mask.shape)}; expected [batch, source] or "
                "[batch, target, source]"
            )
        mask = mask[:, None]
        if mask.dim() == 3:  # (it was [B, S]: every query sees the same)
            mask = mask[:, None]
        return additive_mask(mask, self.dtype)

    # -- the run ---------------------------------------------------------------------------------

    def run(
        self,
        input_ids: Tensor | None,
        attention_mask: Tensor | None,
        position_ids: Tensor | str | None,
        head_mask: Tensor | HeadFactors | None,
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
        capture = output_attentions
        if capture is None:
            capture = config.output_attentions
        if output_hidden_states is None:
            output_hidden_states = config.output_hidden_states
        # 1) what is given, and what is cached of it; recomputed layers cache nothing, as in the reference
        batch, length = check_inputs(input_ids, inputs_embeds, config.hidden_size)
        use_cache = use_cache and not (self.gradient_checkpointing and self.training)
        cache, as_tuples, past = None, True, 0
        if use_cache or past_key_values is not None:
            cache, as_tuples = self._open_cache(past_key_values)
            past = cache.length
        if isinstance(position_ids, str):
            position_ids = positions_from_mask(
                position_ids, attention_mask, past, self.first_position, self.masked_position
            )
        # 2) do the shapes fit each other? (an encoder looks at nothing but its own input)
        memory = encoder_hidden_states if self.is_causal else None
        sizes = (batch, length, past)
        check_context(sizes, attention_mask, position_ids, head_mask, memory, encoder_attention_mask, config)
        # 3) embeddings, then layer for layer
        hidden = self.embeddings(input_ids, position_ids, inputs_embeds, past, token_type_ids)
        hidden, states, self_weights, cross_weights = self._run_blocks(
            hidden,
            self.self_attention_mask(attention_mask, length, past),
            head_mask=head_mask,
            memory=memory,
            memory_mask=None if memory is None else self.memory_mask(encoder_attention_mask),
            cache=cache,
            capture=capture,
            output_hidden_states=output_hidden_states,
        )
        # 4) of all this, what was asked for
        if use_cache and as_tuples:
            cache = cache.to_legacy()
        return BaseModelOutputWithPastAndCrossAttentions(
            last_hidden_state=hidden,
            past_key_values=cache if use_cache else None,
            hidden_states=states if output_hidden_states else None,
            attentions=self_weights if capture else None,
            cross_attentions=cross_weights if capture and config.add_cross_attention else None,
        )

    def _run_blocks(
        self,
        hidden: Tensor,
        mask: Tensor | None,
        *,
        head_mask: Tensor | HeadFactors | None,
        output_hidden_states: bool,
        **shared: Any,
    ) -> tuple[Tensor, tuple[Tensor, ...], tuple[Tensor, ...], tuple[Tensor, ...]]:
        """(hidden [B, T, C], L + 1 states, self weights, cross weights), the last three as far as wanted."""
        if isinstance(head_mask, Tensor):
            head_mask = expand_head_mask(head_mask, self.config.num_hidden_layers).to(self.dtype)
        states, self_weights, cross_weights = [], [], []
        for index, block in enumerate(self.get_submodule(self.layers_path)):
            # States are kept only when they are wanted: they are as many as layers.
            if output_hidden_states:
                states.append(hidden)
            call = block
            if self.gradient_checkpointing and self.training:
                # Only the layer's input is kept; the backward pass runs the layer again.
                call = partial(checkpoint, block, **self.checkpointing_options)
            heads = None if head_mask is None else head_mask[index]
            hidden, self_map, cross_map = call(hidden, mask, layer=index, head_mask=heads, **shared)
            if self_map is not None:
                self_weights.append(self_map)
            if cross_map is not None:
                cross_weights.append(cross_map)
        if self.closed_by is not None:
            hidden = self.get_submodule(self.closed_by)(hidden)
        if output_hidden_states:
            states.append(hidden)
        return hidden, tuple(states), tuple(self_weights), tuple(cross_weights)

    def _open_cache(self, given: KVCache | LegacyCache | None) -> tuple[KVCache, bool]:
        """(the cache to use, whether to hand it back as tuples); without a given one it is empty."""
        layers = self.config.num_hidden_layers
        if isinstance(given, KVCache):
            return given, False
        if given is None:
            return KVCache(layers), True
        if len(given) != layers:
            raise ValueError(f"past_key_values has {len(given)} layers, the model {layers}")
        return KVCache.from_legacy(given), True


def refuse_mask(mask: Tensor, past: int, length: int, square: bool = True) -> None:
    """Raises ``ShapeError``: a self-attention mask is not [B, past + length]; ``square``: others exist."""
    if mask.dim() != 2:
        wanted = "[batch, keys]"
        if square:
            wanted += " or [batch, queries, keys]"
        raise ShapeError(f"attention_mask has shape {tuple(mask.shape)}; expected {wanted}")
    total = past + length
    raise ShapeError(
        f"attention_mask covers {mask.shape[1]} positions but there are {total} "
        f"({past} cached + {length} new); it must cover the cached ones as well"
    )


class LanguageModel(LanguageModelUtilities, GenerativeModel):
    """A transformer under its family's prefix, and a head that turns its states into logits [B, T, V]."""

    @property
    def base(self) -> TransformerModel:
        """The transformer without the head."""
        return getattr(self, self.base_model_prefix)

    def head(self) -> nn.Module:
        """From states [B, T, C] to logits; holds the projection as ``decoder`` and its bias as ``bias``."""
        return self.lm_head

    def get_output_embeddings(self) -> nn.Linear:
        return self.head().decoder

    def set_output_embeddings(self, new_embeddings: nn.Linear) -> None:
        self.head().decoder = new_embeddings

    def set_output_bias(self, value: nn.Parameter) -> None:
        self.head().bias = value

    def tie_weights(self) -> None:
        head = self.head()
        if getattr(head, "decoder", None) is not None:
            # One Parameter under two names, as in the reference's files.
            head.decoder.bias = head.bias
        super().tie_weights()

    def get_input_embeddings(self) -> nn.Embedding:
        return getattr(self, self.base_model_prefix).get_input_embeddings()

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
            loss = mean_loss(logits, labels, shift=True)  # of each state against the next label
        result = CausalLMOutputWithCrossAttentions(
            loss=loss,
            logits=logits,
            past_key_values=output.past_key_values,
            hidden_states=output.hidden_states,
            attentions=output.attentions,
            cross_attentions=output.cross_attentions,
        )
        if first_given(return_dict, self.config.use_return_dict):
            return result
        return result.to_tuple()


def first_given(argument: Any, default: Any) -> Any:
    """The argument, or the config's value when it was left out."""
    if argument is None:
        return default
    return argument
