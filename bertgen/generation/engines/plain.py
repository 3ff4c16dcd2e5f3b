"""One decoding step: new ids in, next-token logits and this step's attention rows out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bertgen.layers.cache import KVCache
from bertgen.layers.outputs import BaseModelOutput, CausalLMOutputWithCrossAttentions


@dataclass
class StepOutput:
    """logits [R, V]; own and cross: a layer each of [R, H, T, K]; hidden: L + 1 of [R, T, C]."""

    logits: Tensor
    own: Sequence[Tensor] | Tensor | None = None
    cross: Sequence[Tensor] | Tensor | None = None
    hidden: tuple[Tensor, ...] | None = None


class ThroughModel:
    """An encoder-decoder in its decoder's place: every step calls the model itself, as it was changed.

    The memory comes as the encoder left it, since the model's forward projects it.
    """

    def __init__(self, model: Any) -> None:
        decoder = model.get_decoder()
        self.model, self.config = model, decoder.config
        self.prompt_positions = getattr(decoder, "prompt_positions", None)

    def __call__(
        self,
        *,
        input_ids: Tensor,
        attention_mask: Tensor | None,
        encoder_hidden_states: Tensor,
        encoder_attention_mask: Tensor,
        position_ids: str | None = None,
        **shared: Any,
    ) -> CausalLMOutputWithCrossAttentions:
        if position_ids is not None:
            shared["decoder_position_ids"] = position_ids
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


class PlainStepper:
    """A step through the model's own forward: every configuration, every output, prompts of any length.

    ``memory`` [R, S, C] and ``memory_mask`` [R, S] come with one row a hypothesis. Without a cache the
    whole sequence is run again at each step.
    """

    def __init__(
        self,
        decoder: Any,
        memory: Tensor | None,
        memory_mask: Tensor | None,
        *,
        capture: bool = False,
        hidden_states: bool = False,
        use_cache: bool = True,
        prompt_mask: Tensor | None = None,
        position_ids: str | None = None,
    ) -> None:
        self.decoder, self.memory, self.memory_mask = decoder, memory, memory_mask
        self.capture, self.hidden_states = capture, hidden_states
        self.cache = KVCache(decoder.config.num_hidden_layers) if use_cache else None
        self.seen: Tensor | None = None
        self.mask = prompt_mask
        if prompt_mask is not None:  # (what GPT-2 does unasked, as in the reference)
            position_ids = position_ids or getattr(decoder, "prompt_positions", None)
        self.positions = {} if position_ids is None else {"position_ids": position_ids}

    def step(self, ids: Tensor) -> StepOutput:
        """Feeds ids [R, T] that follow what was fed before."""
        if self.mask is not None:
            missing = ids.shape[1] + (0 if self.seen is None else self.seen.shape[1]) - self.mask.shape[1]
            if missing > 0:
                self.mask = torch.cat([self.mask, self.mask.new_ones(ids.shape[0], missing)], 1)
        self.seen = ids if self.seen is None else torch.cat([self.seen, ids], dim=1)
        fed = self.seen if self.cache is None else ids
        output = self.decoder(
            input_ids=fed,
            attention_mask=self.mask,
            encoder_hidden_states=self.memory,
            encoder_attention_mask=self.memory_mask,
            past_key_values=self.cache,
            use_cache=self.cache is not None,
            output_attentions=self.capture,
            output_hidden_states=self.hidden_states,
            return_dict=True,
            **self.positions,
        )
        return StepOutput(
            output.logits[:, -1], output.attentions, output.cross_attentions, output.hidden_states
        )

    def reorder(self, rows: Tensor) -> None:
        """Row i continues what was row rows[i]; sources stay, beams of one source share theirs."""
        self.seen = self.seen[rows]
        if self.cache is not None:
            self.cache.reorder(rows)

    def past(self) -> KVCache | None:
        return self.cache
