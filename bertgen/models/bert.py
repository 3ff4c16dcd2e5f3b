"""BERT (Devlin et al. 2019) as encoder and as decoder, in the reference's names, and what RoBERTa shares.

BERT has what BertGeneration has and, beside it, token types, a pooler and a head with a transform.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn

from bertgen.configs.activations import activation
from bertgen.configs.base import PretrainedConfig
from bertgen.configs.models import BertConfig
from bertgen.layers.blocks import BertGenerationEmbeddings
from bertgen.layers.cache import KVCache, LegacyCache
from bertgen.layers.outputs import (
    BaseModelOutputWithPoolingAndCrossAttentions,
    CausalLMOutputWithCrossAttentions,
)
from bertgen.models.bert_generation import BertGenerationStack
from bertgen.models.reference_writing import BertUtilities
from bertgen.models.transformer import LanguageModel, TransformerModel, first_given

# -- what BERT and RoBERTa share -----------------------------------------------------------------


class BertFamilyEmbeddings(BertGenerationEmbeddings):
    """Word plus token-type plus position embedding; relative positions take the place of absolute ones."""

    token_types = True

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__(config)
        # Relative positions are added in the attention instead.
        self.adds_positions = config.position_embedding_type == "absolute"


class Pooler(nn.Module):
    """tanh of a projection of the first token's state [B, C]."""

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.dense(hidden[:, 0]).tanh()


class BertFamilyModel(TransformerModel):
    """An encoder, or with ``config.is_decoder`` a decoder without its LM head."""

    embeddings_class: ClassVar[type[BertFamilyEmbeddings]] = BertFamilyEmbeddings

    def __init__(self, config: PretrainedConfig, add_pooling_layer: bool = True) -> None:
        super().__init__(config)
        if config.add_cross_attention and not config.is_decoder:
            raise ValueError("add_cross_attention=True needs is_decoder=True as well")
        self.embeddings = self.embeddings_class(config)
        self.encoder = BertGenerationStack(config)
        self.pooler = None
        if add_pooling_layer:
            self.pooler = Pooler(config)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | str | None = None,
        head_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        past_key_values: KVCache | LegacyCache | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> tuple | BaseModelOutputWithPoolingAndCrossAttentions:
        """As ``BertGenerationEncoder``, with ``token_type_ids`` [B, T] (0 everywhere unless given).

        ``pooler_output`` [B, C] comes from the first token; as a tuple it stands second, None without a
        pooler, as in the reference.
        """
        output = self.run(
            input_ids,
            attention_mask,
            position_ids,
            head_mask,
            inputs_embeds,
            encoder_hidden_states,
            encoder_attention_mask,
            past_key_values,
            self.is_causal and first_given(use_cache, self.config.use_cache),
            output_attentions,
            output_hidden_states,
            token_type_ids,
        )
        pooled = None
        if self.pooler is not None:
            pooled = self.pooler(output.last_hidden_state)
        if not first_given(return_dict, self.config.use_return_dict):
            # In a tuple the pooler has its place, whether there is one or not.
            return (output.last_hidden_state, pooled, *output.to_tuple()[1:])
        return BaseModelOutputWithPoolingAndCrossAttentions(**output, pooler_output=pooled)


class BertFamilyLanguageModel(LanguageModel):
    """A decoder of such a family with its language-model head."""

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | str | None = None,
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
        """As the bare model; ``labels`` [B, T] (-100 = ignored) add the next-token loss, shifted here."""
        if labels is not None:
            use_cache = False  # nothing comes after a text whose next tokens are known
        return self.predict(
            labels,
            return_dict,
            input_ids=input_ids,
            attention_mask=attention_mask,
            token_type_ids=token_type_ids,
            position_ids=position_ids,
            head_mask=head_mask,
            inputs_embeds=inputs_embeds,
            encoder_hidden_states=encoder_hidden_states,
            encoder_attention_mask=encoder_attention_mask,
            past_key_values=past_key_values,
            use_cache=use_cache,
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
        )


# -- BERT itself ---------------------------------------------------------------------------------


class BertModel(BertFamilyModel):
    """The bare BERT."""

    config_class = BertConfig
    base_model_prefix = "bert"


class BertHeadTransform(nn.Module):
    """Dense, activation, layer norm: what BERT does before it looks at the vocabulary."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.activation = activation(config.hidden_act)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.LayerNorm(self.activation(self.dense(hidden)))


class BertPredictions(nn.Module):
    """Transform and projection; ``bias`` and ``decoder.bias`` are one Parameter under two names."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.transform = BertHeadTransform(config)
        # Files hold the bias beside the projection, under both names.
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        self.decoder.bias = self.bias

    def forward(self, hidden: Tensor) -> Tensor:
        return self.decoder(self.transform(hidden))  # [B, T, V]


class BertHeads(nn.Module):
    """The heads under their name in files; a decoder has only this one."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.predictions = BertPredictions(config)


class BertLMHeadModel(BertUtilities, BertFamilyLanguageModel):
    """BERT as a decoder with its language-model head."""

    config_class = BertConfig
    base_model_prefix = "bert"

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        # The pooler is for classifying whole texts, not for writing.
        self.bert = BertModel(config, add_pooling_layer=False)
        self.cls = BertHeads(config)
        self.post_init()

    def head(self) -> BertPredictions:
        return self.cls.predictions

    def head_transform(self) -> tuple[nn.Linear, Callable[[Tensor], Tensor], nn.LayerNorm]:
        """What the head runs before its projection; families without it have no such method."""
        transform = self.cls.predictions.transform
        return transform.dense, transform.activation, transform.LayerNorm
