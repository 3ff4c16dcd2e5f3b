"""BERT (Devlin et al. 2019) as encoder and as decoder, in the reference's names."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from bertgen.configs.activations import activation
from bertgen.configs.models import BertConfig
from bertgen.models.typed import TypedLanguageModel, TypedModel


class BertModel(TypedModel):
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


class BertLMHeadModel(TypedLanguageModel):
    """BERT as a decoder with its language-model head."""

    config_class = BertConfig
    base_model_prefix = "bert"

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.bert = BertModel(config, add_pooling_layer=False)
        self.cls = BertHeads(config)
        self.post_init()

    def head(self) -> BertPredictions:
        return self.cls.predictions

    def head_transform(self) -> tuple[nn.Linear, Callable[[Tensor], Tensor], nn.LayerNorm]:
        transform = self.cls.predictions.transform
        return transform.dense, transform.activation, transform.LayerNorm
