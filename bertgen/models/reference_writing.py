"""What only callers of transformers 4.37.2 need of models that write: steps for search loops of one's own."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from bertgen.generation.continued import unread
from bertgen.layers.arguments import positions_from_mask, shift_tokens_right
from bertgen.layers.cache import KVCache, LegacyCache


class GenerativeUtilities:
    """For search loops of one's own, beside ``generate``."""

    @classmethod
    def can_generate(cls) -> bool:
        """Whether ``generate`` works: here it does."""
        return True

    def _reorder_cache(self, past_key_values: KVCache | LegacyCache, beam_idx: Tensor) -> LegacyCache:
        """The cache whose row i is row beam_idx[i] of the given one."""
        layers = iter(past_key_values)
        return tuple(tuple(state.index_select(0, beam_idx) for state in layer) for layer in layers)


class LanguageModelUtilities:
    """The same, of a transformer with a head."""

    def prepare_inputs_for_generation(
        self, input_ids: Tensor, past_key_values: Any = None, attention_mask: Tensor | None = None, **_: Any
    ) -> dict[str, Any]:
        """What one decoding step feeds to forward: only the ids that the cache does not hold yet."""
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        if past_key_values is not None:
            # Ids that are no more than the cache holds are new ones given alone: the last is the next.
            input_ids = unread(input_ids, _length_of(past_key_values))
        return {
            "input_ids": input_ids,
            "attention_mask": attention_mask,
            "past_key_values": past_key_values,
        }


class GPT2Utilities:
    """The same, of GPT-2, which counts positions from the mask and may begin with embeddings."""

    def prepare_inputs_for_generation(
        self,
        input_ids: Tensor,
        past_key_values: Any = None,
        inputs_embeds: Tensor | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """What one decoding step feeds to forward.

        ``kwargs``: attention_mask [B, T], of which the positions are counted unless position_ids are given,
        token_type_ids [B, T] and use_cache. Embeddings [B, S, C] are fed once, before there is a cache.
        """
        types, mask = kwargs.get("token_type_ids"), kwargs.get("attention_mask")
        # 1) Only what the cache does not hold yet.
        if past_key_values:
            input_ids = unread(input_ids, _length_of(past_key_values))
            if types is not None:
                types = types[:, -input_ids.shape[1] :]
        # 2) Padding has no position of its own: nobody looks at what stands there.
        positions = None
        if mask is not None and kwargs.get("position_ids") is None:
            positions = positions_from_mask("mask", mask, 0, masked=1)
            if past_key_values:
                positions = positions[:, -input_ids.shape[1] :]
        # 3) Embeddings are there for the first step alone.
        read = {"input_ids": input_ids}
        if inputs_embeds is not None and past_key_values is None:
            read = {"inputs_embeds": inputs_embeds}
        return read | {
            "past_key_values": past_key_values,
            "use_cache": kwargs.get("use_cache"),
            "position_ids": positions,
            "attention_mask": mask,
            "token_type_ids": types,
        }


class BertUtilities(LanguageModelUtilities):
    """The same, of BERT, which hands use_cache on."""

    def prepare_inputs_for_generation(
        self,
        input_ids: Tensor,
        past_key_values: Any = None,
        attention_mask: Tensor | None = None,
        use_cache: bool = True,
        **_: Any,
    ) -> dict[str, Any]:
        """What one decoding step feeds to forward: only the ids that the cache does not hold yet."""
        inputs = super().prepare_inputs_for_generation(input_ids, past_key_values, attention_mask)
        return inputs | {"use_cache": use_cache}


def _length_of(past_key_values: KVCache | LegacyCache) -> int:
    """Number of positions that a cache of either form holds."""
    if isinstance(past_key_values, KVCache):
        return past_key_values.length
    return past_key_values[0][0].shape[2]


class EncoderDecoderUtilities:
    """The same, of an encoder and a decoder; and what two sides cannot do as one."""

    def get_encoder(self) -> nn.Module:
        return self.encoder

    def get_decoder(self) -> nn.Module:
        return self.decoder

    def prune_heads(self, heads_to_prune: dict[int, list[int]]) -> None:
        raise NotImplementedError(
            "an encoder-decoder has two stacks of layers; call model.encoder.prune_heads(...) or "
            "model.decoder.prune_heads(...)"
        )

    def resize_token_embeddings(self, *args: Any, **kwargs: Any) -> nn.Embedding:
        raise NotImplementedError(
            "an encoder-decoder has two vocabularies; call model.encoder.resize_token_embeddings(n) or "
            "model.decoder.resize_token_embeddings(n)"
        )

    def prepare_decoder_input_ids_from_labels(self, labels: Tensor) -> Tensor:
        """The start token, then the labels [B, T] but the last: what the decoder reads in training."""
        return shift_tokens_right(labels, self.config.pad_token_id, self.config.decoder_start_token_id)

    def prepare_inputs_for_generation(
        self,
        input_ids: Tensor,
        past_key_values: KVCache | LegacyCache | None = None,
        attention_mask: Tensor | None = None,
        use_cache: bool | None = None,
        encoder_outputs: Any = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """What one decoding step feeds to forward, for search loops of one's own."""
        inputs = self.decoder.prepare_inputs_for_generation(input_ids, past_key_values=past_key_values)
        return {
            "attention_mask": attention_mask,
            "decoder_attention_mask": inputs.get("attention_mask"),
            "decoder_input_ids": inputs["input_ids"],
            "encoder_outputs": encoder_outputs,
            "past_key_values": inputs["past_key_values"],
            "use_cache": use_cache,
        }
