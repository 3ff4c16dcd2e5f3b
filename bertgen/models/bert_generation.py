"""BertGenerationEncoder and BertGenerationDecoder (Rothe et al. 2020), in the reference's names."""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import Tensor, nn

from bertgen.checkpoints import LoadReport, fold_token_types, read_state_dict
from bertgen.configs.base import PretrainedConfig, split_hub_kwargs
from bertgen.configs.models import BertGenerationConfig
from bertgen.layers.blocks import BertGenerationEmbeddings, BertGenerationLayer
from bertgen.layers.cache import KVCache, LegacyCache
from bertgen.layers.outputs import (
    BaseModelOutputWithPastAndCrossAttentions,
    CausalLMOutputWithCrossAttentions,
)
from bertgen.models.base import PreTrainedModel
from bertgen.models.transformer import LanguageModel, TransformerModel


class BertGenerationStack(nn.Module):
    """The layers in a row, under the name that files know them by."""

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__()
        self.layer = nn.ModuleList(BertGenerationLayer(config) for _ in range(config.num_hidden_layers))


# -- without a head ------------------------------------------------------------------------------


class WithoutTokenTypes(PreTrainedModel):
    """BertGeneration has no token types: what becomes of BERT's when a BERT file is loaded."""

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike,
        *model_args: Any,
        token_types: str = "drop",
        output_loading_info: bool = False,
        **kwargs: Any,
    ) -> Any:
        """As every model's ``from_pretrained``, and for BERT files ``token_types``:

        "drop" loses them, as the reference does; "fold" adds row 0, which BERT adds to every word of a
        text, to the word embeddings, so that the states stay those of BERT.
        """
        if token_types not in ("fold", "drop"):
            raise ValueError(f'token_types must be "fold" or "drop", got {token_types!r}')
        folding = LoadReport()
        if token_types == "fold":
            # The weights are read here, and go in with the row added to their words.
            weights = kwargs.get("state_dict")
            if weights is None:
                hub_kwargs = split_hub_kwargs(dict(kwargs))
                weights = read_state_dict(
                    str(pretrained_model_name_or_path),
                    use_safetensors=kwargs.get("use_safetensors"),
                    **hub_kwargs,
                )
            kwargs["state_dict"] = fold_token_types(weights, folding)
        model = super().from_pretrained(pretrained_model_name_or_path, *model_args, **kwargs)
        model.load_report.rows += folding.rows
        model.load_report.remarks += folding.remarks
        if output_loading_info:
            return model, model.load_report.as_loading_info()
        return model


class BertGenerationEncoder(WithoutTokenTypes, TransformerModel):
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

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
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
    ) -> tuple | BaseModelOutputWithPastAndCrossAttentions:
        """input_ids [B, T] or inputs_embeds [B, T, C]; masks 1 = look, 0 = do not; see outputs for shapes.

        ``position_ids="mask"``: counted from the mask, so that padding on the left shifts nothing. A
        decoder's ``encoder_hidden_states`` [B, S, C], ``encoder_attention_mask`` [B, S] feed cross-attention;
        ``past_key_values`` is a ``KVCache`` (appended to in place) or the reference's
        tuples, and what comes back is of the same kind (tuples when nothing was given and use_cache).
        """
        if use_cache is None:
            use_cache = self.config.use_cache
        if return_dict is None:
            return_dict = self.config.use_return_dict
        output = self.run(
            input_ids,
            attention_mask,
            position_ids,
            head_mask,
            inputs_embeds,
            encoder_hidden_states,
            encoder_attention_mask,
            past_key_values,
            self.is_causal and use_cache,
            output_attentions,
            output_hidden_states,
        )
        if return_dict:
            return output
        return output.to_tuple()


# -- with a head ---------------------------------------------------------------------------------


class BertGenerationOnlyLMHead(nn.Module):
    """Projection to the vocabulary; ``bias`` and ``decoder.bias`` are one Parameter under two names."""

    def __init__(self, config: BertGenerationConfig) -> None:
        super().__init__()
        # Files hold the bias beside the projection, under both names.
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        self.decoder.bias = self.bias

    def forward(self, hidden: Tensor) -> Tensor:
        return self.decoder(hidden)  # [B, T, V]


class BertGenerationDecoder(WithoutTokenTypes, LanguageModel):
    """A BertGeneration decoder with its language-model head."""

    config_class = BertGenerationConfig
    base_model_prefix = "bert"

    def __init__(self, config: BertGenerationConfig) -> None:
        super().__init__(config)
        self.bert = BertGenerationEncoder(config)
        self.lm_head = BertGenerationOnlyLMHead(config)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
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
        """As ``BertGenerationEncoder``; ``labels`` [B, T] (-100 = ignored) add the next-token loss.

        The labels are shifted here: logits at t are scored against labels at t + 1.
        """
        if labels is not None:
            use_cache = False  # nothing comes after a text whose next tokens are known
        return self.predict(
            labels,
            return_dict,
            input_ids=input_ids,
            attention_mask=attention_mask,
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
