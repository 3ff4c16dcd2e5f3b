"""The teacher-forced pass that all measures start from: the finished text read once more, in one go.

The decoder reads the start token (or the prompt) and the written tokens but the last; its row t then stands
where the run stood when it chose token t. Dimension letters: B batch, S source, T target, N what the decoder
reads, C width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bertgen.attribution.parts import (
    AttentionParts,
    AttentionRun,
    LayerParts,
    LayerRun,
    ValueEdit,
    layer_parts,
)
from bertgen.errors import Trouble
from bertgen.layers.attention import additive_mask
from bertgen.trace import AttentionMap, GenerationTrace

Maps = dict[str, AttentionMap]
Edits = dict[tuple[str, int], ValueEdit]  # by kind and layer

# How far the log-probabilities of the run and of this pass may lie apart: engines sum in another order, and
# a model in half precision rounds each state.
_TOLERANCE = {torch.float32: 2e-3, torch.float64: 2e-3}
_HALF_TOLERANCE = 0.25


@dataclass(frozen=True, eq=False)
class StackRun:
    """One side's pass: what each layer read [B, N, C], what it did, and what it was allowed to look at."""

    layers: list[LayerParts]
    runs: list[LayerRun]
    mask: Tensor | None
    states: Tensor  # [B, N, C], after the closing norm where there is one
    memory: Tensor | None = None
    memory_mask: Tensor | None = None

    def halves(self, kind: str) -> Iterator[tuple[AttentionParts, AttentionRun]]:
        """The attention halves of one kind ("cross", or a self-attention), layer by layer."""
        for parts, run in zip(self.layers, self.runs, strict=True):
            if kind == "cross":
                yield parts.cross, run.cross
            else:
                yield parts.own, run.own


@dataclass(frozen=True, eq=False)
class ForcedPass:
    """The whole pass: both sides and the log-probability [B, T] of each written token."""

    encoder: StackRun | None
    decoder: StackRun
    logprobs: Tensor

    def side(self, kind: str) -> StackRun:
        """The side whose layers hold attention of this kind."""
        if kind == "encoder_self":
            return self.encoder
        return self.decoder


class Reading:
    """A model and the ids of a finished run, ready to be read any number of times.

    Raises ``Trouble`` where the model does not give the run's own log-probabilities: other weights, another
    start token, or a model in training mode, whose dropout is on.
    """

    def __init__(self, model: Any, trace: GenerationTrace) -> None:
        self.model, self.trace = model, trace
        self.joint = bool(model.config.is_encoder_decoder)
        self.language = model
        if self.joint:
            self.language = model.decoder
        # 1) what stands before the first written token
        source = [int(index) for index in trace.source_ids]
        before = source
        if self.joint:
            before = [_start_token(model)]
        # 2) what each side reads; a run that was stopped before its first token still reads the start
        target = [int(index) for index in trace.target_ids]
        read = (before + target)[: max(len(before), len(before) + len(target) - 1)]
        self.source = torch.tensor([source], device=model.device)  # [1, S]
        self.read = torch.tensor([read], device=model.device)  # [1, N]
        self.target = torch.tensor(target, dtype=torch.long, device=model.device)  # [T]
        # 3) the rows that predicted the written tokens
        self.rows = slice(len(before) - 1, len(before) - 1 + len(target))

    def kinds(self) -> list[str]:
        """The kinds of attention of this run: those that the trace holds."""
        return list(self.trace.maps)

    def source_words(self) -> Tensor:
        """Word embeddings [1, S, C] of the source."""
        return self.model.encoder.get_input_embeddings()(self.source)

    def read_words(self) -> Tensor:
        """Word embeddings [1, N, C] of what the decoder reads."""
        return self.language.base.get_input_embeddings()(self.read)

    def run(
        self,
        source_words: Tensor | None = None,
        read_words: Tensor | None = None,
        *,
        source_mask: Tensor | None = None,
        look: Tensor | None = None,
        edits: Edits | None = None,
        copies: int = 1,
    ) -> ForcedPass:
        """One pass; a batch where the words [B, S, C] and [B, N, C] or the masks are one.

        ``source_mask`` [B, S] and ``look`` [B, N, N] (what each query of the decoder may look at, the causal
        part included) are 1 = look, 0 = do not. ``edits`` change the values of some kinds and layers, in a
        batch of ``copies`` rows.
        """
        edits = edits or {}
        given = [x for x in (source_words, read_words, source_mask, look) if x is not None]
        rows = max([len(x) for x in given], default=copies)
        # 1) the encoder, over one row where only the decoder's differ
        encoder = memory = memory_mask = None
        if self.joint:
            words = source_words
            if words is None:
                words = self.source_words()
            base = self.model.encoder
            mask = base.self_attention_mask(source_mask, words.shape[1], 0)
            if source_mask is not None:
                words = words.expand(len(source_mask), -1, -1)
            if any(kind == "encoder_self" for kind, _ in edits):
                words = words.expand(rows, -1, -1)
            encoder = _run_stack(base, words, mask, edits=_of_layers(edits, encoder_self="edit_own"))
            memory = self.model.project(encoder.states).expand(rows, -1, -1)
            memory_mask = self.language.base.memory_mask(source_mask)
        # 2) the decoder
        words = read_words
        if words is None:
            words = self.read_words()
        base = self.language.base
        mask = base.self_attention_mask(None, words.shape[1], 0)
        if look is not None:
            mask = additive_mask(look[:, None], base.dtype)
        of_layers = _of_layers(edits, decoder_self="edit_own", cross="edit_cross")
        decoder = _run_stack(base, words.expand(rows, -1, -1), mask, memory, memory_mask, edits=of_layers)
        # 3) the head, over the rows that predicted something
        logits = self.language.head()(decoder.states[:, self.rows])  # [B, T, V]
        chosen = self.target.expand(len(logits), -1)[..., None]
        logprobs = logits.float().log_softmax(-1).gather(-1, chosen)[..., 0]
        return ForcedPass(encoder, decoder, logprobs)

    def clean_run(self) -> ForcedPass:
        """The pass as it is, held against the run's log-probabilities."""
        found = self.run()
        self.check(found.logprobs[0])
        return found

    def check(self, logprobs: Tensor) -> None:
        """Raises ``Trouble`` where log-probabilities [T] are not those of the run."""
        gaps = np.abs(logprobs.detach().cpu().numpy() - self.trace.logprobs)
        if len(gaps) and not gaps.max() <= _TOLERANCE.get(self.model.dtype, _HALF_TOLERANCE):
            raise Trouble("measure.other_model", gap=float(gaps.max()), token=int(gaps.argmax()))

    def as_map(self, kind: str, weights: Tensor, measure: str) -> AttentionMap:
        """A map [L, H, R, C] with the labels of the trace's own of that kind; float32.

        ``weights`` [L, H, N, K] may hold all rows that the decoder read: those that predicted stay.
        """
        like = self.trace.maps[kind]
        if kind != "encoder_self" and weights.shape[2] != len(like.rows):
            weights = weights[:, :, self.rows]
        weights = weights[..., : len(like.columns)].detach().float().cpu().numpy()
        return AttentionMap(weights, like.rows, like.columns, like.shift, measure)


def _start_token(model: Any) -> int:
    """The token that a decoder begins with, as generation settles it."""
    for settings in (model.generation_config, model.config):
        for name in ("decoder_start_token_id", "bos_token_id"):
            if getattr(settings, name, None) is not None:
                return int(getattr(settings, name))
    raise Trouble("generation.no_start")


def _of_layers(edits: Edits, **names: str) -> dict[int, dict[str, ValueEdit]]:
    """The edits of one side by layer, under the names that ``LayerParts.run`` knows them by."""
    found: dict[int, dict[str, ValueEdit]] = {}
    for (kind, layer), edit in edits.items():
        if kind in names:
            found.setdefault(layer, {})[names[kind]] = edit
    return found


def _run_stack(
    base: Any,
    words: Tensor,
    mask: Tensor | None,
    memory: Tensor | None = None,
    memory_mask: Tensor | None = None,
    *,
    edits: dict[int, dict[str, ValueEdit]],
) -> StackRun:
    """The layers of one side over word embeddings [B, N, C]; positions and token types are added here."""
    hidden = base.embeddings(None, None, words, 0, None)
    layers = [layer_parts(block) for block in base.get_submodule(base.layers_path)]
    runs = []
    for index, layer in enumerate(layers):
        runs.append(layer.run(hidden, mask, memory, memory_mask, **edits.get(index, {})))
        hidden = runs[-1].output
    if base.closed_by is not None:
        hidden = base.get_submodule(base.closed_by)(hidden)
    return StackRun(layers, runs, mask, hidden, memory, memory_mask)
