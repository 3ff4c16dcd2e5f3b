"""RoBERTa (Liu et al. 2019) as encoder and as decoder, in the reference's names."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bertgen.configs.models import RobertaConfig
from bertgen.layers.blocks import counted_positions, empty_embedding
from bertgen.models.bert import BertFamilyEmbeddings, BertFamilyLanguageModel, BertFamilyModel


class RobertaEmbeddings(BertFamilyEmbeddings):
    """BERT's with positions that count the tokens but not the padding, from ``pad_token_id + 1``."""

    def __init__(self, config: RobertaConfig) -> None:
        super().__init__(config)
        self.padding_idx = config.pad_token_id
        if self.padding_idx is None:
            raise ValueError(
                "RoBERTa counts its positions from pad_token_id + 1; set config.pad_token_id (1)"
            )
        # A table whose row of the padding is zero and stays so.
        self.position_embeddings = empty_embedding(
            config.max_position_embeddings, config.hidden_size, self.padding_idx
        )

    def positions(self, input_ids: Tensor | None, length: int, past: int) -> Tensor:
        """Rows [B, T, C], or [T, C] of embeddings given ready, where padding cannot be seen.

        Ready embeddings count from the start whatever went before them, as in the reference.
        """
        first = self.padding_idx + 1
        if input_ids is None:
            return counted_positions(self.position_embeddings, first, first + length, first)
        # The rows differ in their padding, so each token looks its position up.
        ids = position_ids_of(input_ids, self.padding_idx, past)
        if first + past + length > self.position_embeddings.num_embeddings:
            # Too long only if the tokens are too many: padding takes no position.
            counted_positions(self.position_embeddings, first, int(ids.max()) + 1, first)
        return self.position_embeddings(ids)


def position_ids_of(input_ids: Tensor, padding_idx: int, past: int = 0) -> Tensor:
    """Positions [B, T] of ids: padding keeps ``padding_idx``, tokens count from the one after it."""
    real = (input_ids != padding_idx).long()
    return (real.cumsum(1) + past) * real + padding_idx


class RobertaModel(BertFamilyModel):
    """The bare RoBERTa."""

    config_class = RobertaConfig
    base_model_prefix = "roberta"
    embeddings_class = RobertaEmbeddings

    @property
    def first_position(self) -> int:
        return self.embeddings.padding_idx + 1


class RobertaLMHead(nn.Module):
    """Dense, gelu, layer norm, projection; ``bias`` and ``decoder.bias`` are one Parameter."""

    def __init__(self, config: RobertaConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.layer_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        # Files hold the bias beside the projection, under both names.
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        self.decoder.bias = self.bias

    def forward(self, hidden: Tensor) -> Tensor:
        return self.decoder(self.layer_norm(F.gelu(self.dense(hidden))))  # [B, T, V]


class RobertaForCausalLM(BertFamilyLanguageModel):
    """RoBERTa as a decoder with its language-model head."""

    config_class = RobertaConfig
    base_model_prefix = "roberta"

    def __init__(self, config: RobertaConfig) -> None:
        super().__init__(config)
        self.roberta = RobertaModel(config, add_pooling_layer=False)
        self.lm_head = RobertaLMHead(config)
        self.post_init()

    def head_transform(self) -> tuple[nn.Linear, Callable[[Tensor], Tensor], nn.LayerNorm]:
        """What the head runs before its projection."""
        return self.lm_head.dense, F.gelu, self.lm_head.layer_norm
