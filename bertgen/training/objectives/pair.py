"""A fresh model of given sizes, and the training loss of any pair."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from bertgen.configs.models import BertGenerationConfig, EncoderDecoderConfig
from bertgen.models.bert_generation import BertGenerationDecoder
from bertgen.models.encoder_decoder import EncoderDecoderModel
from bertgen.training.data.batches import Batch
from bertgen.training.data.vocabulary import BOS_ID, EOS_ID, PAD_ID
from bertgen.training.objectives.fused_loss import linear_cross_entropy
from bertgen.training.recipe.tables import ModelSizes


def model_config(sizes: ModelSizes, vocabulary: int) -> EncoderDecoderConfig:
    """Config of the pair, with the special ids where generation and labels look for them."""
    # 1) What both sides share; the ids are those of the vocabularies that recipes train.
    common = {
        "vocab_size": vocabulary,
        "hidden_size": sizes.hidden_size,
        "intermediate_size": sizes.intermediate_size,
        "num_attention_heads": sizes.num_attention_heads,
        "max_position_embeddings": sizes.max_position_embeddings,
        "hidden_act": sizes.hidden_act,
        "hidden_dropout_prob": sizes.dropout,
        "attention_probs_dropout_prob": sizes.dropout,
        "pad_token_id": PAD_ID,
        "bos_token_id": BOS_ID,
        "eos_token_id": EOS_ID,
    }
    # 2) Two sides that may differ in depth alone.
    return EncoderDecoderConfig.from_encoder_decoder_configs(
        BertGenerationConfig(num_hidden_layers=sizes.encoder_layers, **common),
        BertGenerationConfig(num_hidden_layers=sizes.decoder_layers, **common),
        decoder_start_token_id=BOS_ID,
        pad_token_id=PAD_ID,
        bos_token_id=BOS_ID,
        eos_token_id=EOS_ID,
        tie_encoder_decoder=sizes.share_weights == "all",
    )


def build_model(sizes: ModelSizes, vocabulary: int, seed: int) -> EncoderDecoderModel:
    """A freshly initialised model, the same for the same seed; its word embeddings shared when asked for."""
    # The process's random state stays as it was: what is drawn later does not depend on this.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = EncoderDecoderModel(model_config(sizes, vocabulary))
    if sizes.share_word_embeddings:
        model.decoder.bert.embeddings.word_embeddings.weight = model.encoder.embeddings.word_embeddings.weight
        model.tie_weights()
    return model


def training_loss(model: EncoderDecoderModel, batch: Batch, smoothing: float) -> Tensor:
    """Mean label-smoothed loss of a batch in nats a target token; with `smoothing` 0 the model's own loss.

    Goes round the LM head of a BertGenerationDecoder: its scores [B, T, V] would be the largest tensor of
    the step. Other decoders have layers in their heads and are asked for the scores.
    """
    # 1) A decoder whose head is more than one linear layer.
    if not isinstance(model.decoder, BertGenerationDecoder):
        scores = model(
            input_ids=batch.input_ids,
            attention_mask=batch.attention_mask,
            decoder_input_ids=batch.decoder_input_ids,
            decoder_attention_mask=batch.decoder_attention_mask,
            use_cache=False,
        ).logits  # [B, T, V]
        return F.cross_entropy(
            scores.flatten(0, 1).float(), batch.labels.flatten(), label_smoothing=smoothing
        )
    # 2) The pair's forward pass up to the last hidden states, then head and loss in one.
    memory = model.encoder(input_ids=batch.input_ids, attention_mask=batch.attention_mask).last_hidden_state
    hidden = model.decoder.bert(
        input_ids=batch.decoder_input_ids,
        attention_mask=batch.decoder_attention_mask,
        encoder_hidden_states=model.project(memory),  # [B, S, C]
        encoder_attention_mask=batch.attention_mask,
        use_cache=False,
    ).last_hidden_state  # [B, T, C]
    head = model.decoder.lm_head.decoder
    return linear_cross_entropy(hidden, head.weight, head.bias, batch.labels, smoothing)
