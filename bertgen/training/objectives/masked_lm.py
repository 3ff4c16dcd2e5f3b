"""Pre-training by masked-language modelling (Devlin et al. 2019; dynamic masks as in RoBERTa)."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import sentencepiece
import torch
from torch import Tensor

from bertgen.configs.models import BertGenerationConfig
from bertgen.models.bert_generation import BertGenerationDecoder
from bertgen.training.data.batches import IGNORED
from bertgen.training.data.text import PackedText
from bertgen.training.data.vocabulary import BOS_ID, EOS_ID, MASK, PAD_ID
from bertgen.training.objectives.fused_loss import linear_cross_entropy
from bertgen.training.recipe.tables import PretrainingRecipe
from bertgen.training.runs.state import digest_of

# Shares of the chosen positions that are hidden and replaced; the rest keep their piece.
MASKED, RANDOM = 0.8, 0.1


@dataclass(frozen=True)
class MaskedBatch:
    """`input_ids` and `labels` [B, T]; labels are -100 but at the chosen positions."""

    input_ids: Tensor
    labels: Tensor
    target_tokens: int

    @property
    def tokens(self) -> int:
        return self.input_ids.numel()

    def to(self, device: torch.device) -> MaskedBatch:
        return MaskedBatch(self.input_ids.to(device), self.labels.to(device), self.target_tokens)


@dataclass(frozen=True)
class Masker:
    """Chooses positions; `first_ordinary` and above are the ids that may be drawn in a piece's place."""

    share: float
    mask_id: int
    first_ordinary: int
    vocabulary: int

    @classmethod
    def of(cls, model: bytes, share: float) -> Masker:
        """The masker of a SentencePiece vocabulary with `<mask>` in it."""
        pieces = sentencepiece.SentencePieceProcessor(model_proto=model)
        special = [
            piece
            for piece in range(len(pieces))
            if pieces.is_control(piece) or pieces.is_byte(piece) or pieces.is_unknown(piece)
        ]
        # Control pieces, symbols and bytes come first, in this order.
        return cls(share, pieces.piece_to_id(MASK), max(special) + 1, len(pieces))

    def mask(self, ids: Tensor, seed: int) -> MaskedBatch:
        """Hide a share of `ids` [B, T], never an end token; the same for the same seed."""
        # 1) The positions to be guessed from their neighbours.
        generator = torch.Generator().manual_seed(seed)
        chosen = (torch.rand(ids.shape, generator=generator) < self.share) & (ids != EOS_ID)
        if not chosen.any():
            # The loss is a mean: it needs one position at least.
            chosen[0, 0] = True
        # 2) What stands there instead: the mask, a random piece, or the piece itself.
        fate = torch.rand(ids.shape, generator=generator)
        drawn = torch.randint(self.first_ordinary, self.vocabulary, ids.shape, generator=generator)
        hidden = torch.where(chosen & (fate < MASKED), self.mask_id, ids)
        hidden = torch.where(chosen & (fate >= MASKED) & (fate < MASKED + RANDOM), drawn, hidden)
        return MaskedBatch(hidden, torch.where(chosen, ids, IGNORED), int(chosen.sum()))


def sinusoids(count: int, width: int) -> Tensor:
    """Vaswani et al.'s position waves [count, width], sines and cosines in turn."""
    rates = 10000.0 ** -(torch.arange(0, width, 2) / width)
    angles = torch.arange(count)[:, None] * rates  # [count, width / 2]
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


def build_base(recipe: PretrainingRecipe) -> BertGenerationDecoder:
    """The base at its start: a bidirectional BertGenerationDecoder, that is an encoder with an LM head."""
    sizes = recipe.model
    config = BertGenerationConfig(
        vocab_size=recipe.vocabulary.size,
        hidden_size=sizes.hidden_size,
        intermediate_size=sizes.intermediate_size,
        num_attention_heads=sizes.num_attention_heads,
        num_hidden_layers=sizes.num_hidden_layers,
        max_position_embeddings=sizes.max_position_embeddings,
        hidden_act=sizes.hidden_act,
        hidden_dropout_prob=sizes.dropout,
        attention_probs_dropout_prob=sizes.dropout,
        pad_token_id=PAD_ID,
        bos_token_id=BOS_ID,
        eos_token_id=EOS_ID,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = BertGenerationDecoder(config)
    table = model.bert.embeddings.position_embeddings.weight
    with torch.no_grad():
        # Waves instead of noise: a neighbour is then one rotation away, the same one at every position.
        table.copy_(sinusoids(*table.shape) * config.initializer_range * math.sqrt(2))
    return model


class MaskedLM:
    """The objective of `pretrain`; what it trains is read on both sides of a warm start."""

    def __init__(self, recipe: PretrainingRecipe, text: PackedText) -> None:
        self.recipe, self.text = recipe, text
        self.masker = Masker.of(text.vocabulary, recipe.masked_share)
        self.rows_a_batch = recipe.optimisation.batch_tokens // recipe.row_length

    @property
    def rows(self) -> list[int]:
        return [len(self.text.train)]

    @property
    def digests(self) -> list[str]:
        return [digest_of(row.tobytes() for row in self.text.train)]

    def build(self) -> BertGenerationDecoder:
        return build_base(self.recipe)

    def row_length(self, step: int) -> int:
        """Length of the rows of a step: short ones first.

        A masked piece knows nothing but its place; only attention can bring it its neighbours, and over 256
        keys that it weighs alike a neighbour's part is lost. Among 32 it is found (see LOG.md for figures).
        """
        return next((length for length, end in self.recipe.short_rows if step < end), self.recipe.row_length)

    def epoch(self, number: int, stage: int) -> list[list[int]]:
        """Row numbers, shuffled (there is one stage); the last, smaller batch of an epoch is left out."""
        rows = list(range(len(self.text.train)))
        random.Random(f"rows-{self.recipe.seed}-{number}").shuffle(rows)
        size = self.rows_a_batch
        if len(rows) < size:
            raise ValueError(
                f"the text fills {len(rows)} rows but a step reads {size}; give more text or a smaller "
                "optimisation.batch_tokens"
            )
        return [rows[start : start + size] for start in range(0, len(rows) - size + 1, size)]

    def collate(self, rows: list[int], step: int) -> MaskedBatch:
        ids = torch.from_numpy(self.text.train[rows].astype("int64"))
        # Early steps cut every row into several shorter ones.
        ids = ids.view(-1, self.row_length(step))  # [B, T]
        return self.masker.mask(ids, self.recipe.seed * 1_000_003 + step)

    def loss(self, model: BertGenerationDecoder, batch: MaskedBatch) -> Tensor:
        """Only the chosen positions pass through the LM head."""
        length, whole = batch.input_ids.shape[1], self.recipe.row_length
        # A piece of a row keeps its place in it, so that no position is left untrained.
        places = torch.arange(whole, device=model.device).view(-1, length)  # [pieces a row, T]
        positions = places.repeat(len(batch.input_ids) * length // whole, 1)  # [B, T]
        hidden = model.bert(batch.input_ids, position_ids=positions, use_cache=False).last_hidden_state
        head = model.lm_head.decoder
        smoothing = self.recipe.optimisation.label_smoothing
        return linear_cross_entropy(hidden, head.weight, head.bias, batch.labels, smoothing)

    @torch.inference_mode()
    def validate(self, model: BertGenerationDecoder) -> dict[str, float]:
        """Loss (nats, unsmoothed) and share of right pieces on the held-out rows, always the same masks."""
        total, right, count = 0.0, 0, 0
        for start in range(0, len(self.text.valid), self.rows_a_batch):
            ids = torch.from_numpy(self.text.valid[start : start + self.rows_a_batch].astype("int64"))
            batch = self.masker.mask(ids, seed=start).to(model.device)
            # Scores of the chosen positions alone: those of all would be the largest tensor.
            chosen = batch.labels != IGNORED
            hidden = model.bert(batch.input_ids, use_cache=False).last_hidden_state[chosen]  # [n, C]
            scores, labels = model.lm_head(hidden), batch.labels[chosen]  # [n, V], [n]
            total += torch.nn.functional.cross_entropy(scores, labels, reduction="sum").item()
            right += int((scores.argmax(-1) == labels).sum())
            count += len(labels)
        return {"loss": round(total / count, 4), "accuracy": round(right / count, 4)}
