"""The plain engine: every step is a call of the model, as it stands, in every configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bertgen.generation.continued import Beside, unread
from bertgen.generation.engines.base import LOGITS_ONLY, Capture, EngineOutput, HeadSwitches
from bertgen.layers.arguments import FROM_EDGE
from bertgen.layers.attention import HeadFactors
from bertgen.layers.cache import KVCache
from bertgen.layers.outputs import BaseModelOutput, CausalLMOutputWithCrossAttentions


class ThroughModel:
    """An encoder-decoder in its decoder's place: every step calls the model itself, as it was changed.

    The memory comes as the encoder left it, since the model's forward projects it.
    """

    def __init__(self, model: Any) -> None:
        decoder = model.decoder
        self.model, self.config = model, decoder.config
        self.base_model = decoder.base_model
        self.prompt_positions = getattr(decoder, "prompt_positions", None)

    def __call__(
        self,
        *,
        input_ids: Tensor,
        attention_mask: Tensor | None,
        encoder_hidden_states: Tensor,
        encoder_attention_mask: Tensor,
        position_ids: str | None = None,
        head_mask: HeadFactors | None = None,
        **shared: Any,
    ) -> CausalLMOutputWithCrossAttentions:
        if position_ids is not None:
            shared["decoder_position_ids"] = position_ids
        if head_mask is not None:
            shared["decoder_head_mask"] = head_mask
        output = self.model(
            encoder_outputs=BaseModelOutput(last_hidden_state=encoder_hidden_states),
            attention_mask=encoder_attention_mask,
            decoder_input_ids=input_ids,
            decoder_attention_mask=attention_mask,
            **shared,
        )
        return CausalLMOutputWithCrossAttentions(
            logits=output.logits,
            attentions=output.decoder_attentions,
            cross_attentions=output.cross_attentions,
            hidden_states=output.decoder_hidden_states,
        )


@dataclass
class PlainState:
    """One run: what it looks at (a row a hypothesis), what was fed, and the cache, where one is used."""

    memory: Tensor | None  # [R, S, C]
    memory_mask: Tensor | None  # [R, S]
    capture: Capture
    cache: KVCache | None
    mask: Tensor | None  # [R, T] over all that was fed
    extras: dict[str, Any]  # positions counted from the mask, factors of heads
    seen: Tensor | None = None  # [R, T]
    ahead: int = 0  # how many positions the mask has beyond the ids: of embeddings, of an earlier run

    def past(self) -> KVCache | None:
        return self.cache


class PlainEngine:
    """Steps through the model's own forward: every output, prompts of any length.

    Without a cache the whole sequence is run again at each step. ``position_ids`` "mask": positions are
    counted from the mask. ``beside``: what the prompt brings beside its ids, a row a hypothesis.
    """

    def __init__(
        self,
        decoder: Any,
        *,
        use_cache: bool = True,
        position_ids: str | None = None,
        beside: Beside | None = None,
    ) -> None:
        self.decoder, self.use_cache, self.position_ids = decoder, use_cache, position_ids
        self.beside = beside or Beside()
        # Embeddings are read once: what is written behind them needs their keys and values.
        if self.beside.inputs_embeds is not None:
            self.use_cache = True

    def begin(
        self,
        memory: Tensor | None,
        memory_mask: Tensor | None,
        *,
        rows: int = 1,
        capture: Capture = LOGITS_ONLY,
        heads: HeadSwitches | None = None,
        prompt_mask: Tensor | None = None,
    ) -> PlainState:
        # 1) The model's forward wants a row a hypothesis, so every source is repeated for its own.
        memory, memory_mask, mask = (
            tensor if tensor is None else tensor.repeat_interleave(rows, dim=0)
            for tensor in (memory, memory_mask, prompt_mask)
        )
        # 2) A prompt that may be padded has its positions counted from the mask, where the family does so
        #    unasked (GPT-2, as in the reference).
        position_ids = self.position_ids
        if position_ids == FROM_EDGE:
            position_ids = None
        elif mask is not None:
            position_ids = position_ids or getattr(self.decoder, "prompt_positions", None)
        extras: dict[str, Any] = {}
        if position_ids is not None:
            extras["position_ids"] = position_ids
        # 3) Factors of heads travel where a head mask would.
        if heads is not None:
            extras["head_mask"] = heads.of_decoder()
        # 4) Room for keys and values; without it every step runs the whole sequence again. A model that reads
        #    its prompt both ways has none: what is written changes the states of all that stands before it.
        cache = None
        past = self.beside.past_key_values
        if past is not None and self._is_causal():
            cache = KVCache.from_legacy(past)
        elif self.use_cache and self._is_causal():
            cache = KVCache(self.decoder.config.num_hidden_layers)
        return PlainState(memory, memory_mask, capture, cache, mask, extras)

    def _is_causal(self) -> bool:
        """Whether positions look at earlier ones only; a wrapped model that does not tell is a decoder."""
        transformer = getattr(self.decoder, "base_model", self.decoder)
        return getattr(transformer, "is_causal", True)

    def step(self, state: PlainState, ids: Tensor) -> EngineOutput:
        """Feeds ids [R, T] that follow what was fed before."""
        # 1) What was fed so far; with a cache only the new ids are fed again.
        fed, embeds = ids, None
        if state.seen is None:
            state.seen = ids
            fed, embeds = self._first(state, ids)
        else:
            state.seen = torch.cat([state.seen, ids], dim=1)
            if state.cache is None:
                fed = state.seen
        # 2) What the run wrote itself is no padding: the mask of the prompt grows by ones.
        if state.mask is not None:
            missing = state.seen.shape[1] + state.ahead - state.mask.shape[1]
            if missing > 0:
                ones = state.mask.new_ones(ids.shape[0], missing)
                state.mask = torch.cat([state.mask, ones], dim=1)
        # 3) The model's own call.
        output = self.decoder(
            attention_mask=state.mask,
            encoder_hidden_states=state.memory,
            encoder_attention_mask=state.memory_mask,
            past_key_values=state.cache,
            use_cache=state.cache is not None,
            output_attentions=state.capture.attentions,
            output_hidden_states=state.capture.hidden_states,
            return_dict=True,
            **self._read(state, fed, embeds),
        )
        if not self.use_cache:  # what an earlier run left is used once
            state.cache = None
        named = {"decoder_self": output.attentions, "cross": output.cross_attentions}
        attentions = {name: layers for name, layers in named.items() if layers is not None}
        return EngineOutput(output.logits[:, -1], attentions, output.hidden_states)

    def _first(self, state: PlainState, ids: Tensor) -> tuple[Tensor, Tensor | None]:
        """(ids, embeddings in their place or None): what a run reads first, of the prompt's ids [R, T]."""
        embeds, past = self.beside.inputs_embeds, 0
        if state.cache is not None:
            past = state.cache.length
        if not past and embeds is None:
            return ids, None
        # The mask covers the earlier run, or the embeddings, as well.
        if state.mask is not None:
            state.ahead = state.mask.shape[1] - ids.shape[1]
        if past:
            return unread(ids, past), None
        return ids, embeds

    def _read(self, state: PlainState, ids: Tensor, embeds: Tensor | None) -> dict[str, Any]:
        """What forward reads: ids [R, T], or embeddings [R, T, C] instead; token types and positions."""
        read: dict[str, Any] = {"input_ids": ids, **state.extras}
        if embeds is not None:
            read |= {"input_ids": None, "inputs_embeds": embeds}
        if self.beside.token_type_ids is not None:
            width = (ids if embeds is None else embeds).shape[1]
            read["token_type_ids"] = self.beside.types_of(state.seen.shape[1] + state.ahead, width)
        return read

    def reorder(self, state: PlainState, rows: Tensor) -> None:
        """Row i continues what was row rows[i]; sources stay, beams of one source share theirs."""
        state.seen = state.seen[rows]
        if state.cache is not None:
            state.cache.reorder(rows)
