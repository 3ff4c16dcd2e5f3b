"""What a run leaves behind, gathered step by step and made into a ``GenerationTrace``."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bertgen.generation.beam import BeamSearch, Hypothesis
from bertgen.generation.engines.base import EngineOutput
from bertgen.generation.request import Request
from bertgen.generation.search import Choice
from bertgen.tokenizers import word_groups
from bertgen.trace import BeamAncestry, GenerationTrace, TopK

_ALTERNATIVES = 10  # of each step: the most probable tokens


@dataclass(frozen=True)
class Written:
    """One token of the output: its id, plain log-probability, alternatives, attention rows [L, H, K]."""

    token_id: int
    logprob: float
    top_k: TopK
    cross: np.ndarray | None
    decoder_self: np.ndarray | None


def written_token(tokenizer: Any, output: EngineOutput, choice: Choice) -> Written:
    """What the only row of a step wrote."""
    # The plain softmax, before any processor: what the model itself thinks of the token.
    logprobs = output.logits[0].float().log_softmax(-1)  # [V]
    token = int(choice.tokens[0])
    values, ids = logprobs.topk(min(_ALTERNATIVES, len(logprobs)))
    ids = ids.tolist()
    rows = {name: _last_queries(layers)[:, 0] for name, layers in output.attentions.items()}
    return Written(
        token,
        float(logprobs[token]),
        tuple(zip(ids, tokenizer.convert_ids_to_tokens(ids), values.tolist(), strict=True)),
        rows.get("cross"),
        rows.get("decoder_self"),
    )


def _last_queries(layers: Sequence[Tensor] | Tensor) -> np.ndarray:
    """A layer each of [R, H, T, K] -> float16 [L, R, H, K] of the last query."""
    if not isinstance(layers, Tensor):
        layers = torch.stack([layer[:, :, -1:] for layer in layers])
    return layers[..., -1, :].to(torch.float16).cpu().numpy()


@dataclass(frozen=True)
class _Step:
    """A step's choices (rows after it) and its plain log-probabilities and attention (rows before it)."""

    tokens: list[int]
    parents: list[int]
    totals: list[float]
    live_logprobs: list[float]
    eos_logprobs: list[list[float]]  # [R][number of end tokens]
    best_values: list[list[float]]  # [R][10]
    best_ids: list[list[int]]  # [R][10]
    rows: dict[str, np.ndarray]  # by the map's name: [L, R, H, K]


class BeamRecord:
    """Every step of the search of one source, so that the winner's numbers are there afterwards."""

    def __init__(self, tokenizer: Any, search: BeamSearch) -> None:
        self.tokenizer, self.search, self.eos = tokenizer, search, search.request.eos
        self.steps: list[_Step] = []

    def add(self, output: EngineOutput, choice: Choice) -> None:
        """Notes a step; only what a winner may need, since a step's logits are large."""
        logprobs = output.logits.float().log_softmax(-1)  # [R, V]
        values, ids = logprobs.topk(min(_ALTERNATIVES, logprobs.shape[-1]))
        self.steps.append(
            _Step(
                tokens=choice.tokens.tolist(),
                parents=choice.parents.tolist(),
                totals=choice.totals.tolist(),
                live_logprobs=logprobs[choice.parents, choice.tokens].tolist(),
                eos_logprobs=logprobs[:, self.eos].tolist(),
                best_values=values.tolist(),
                best_ids=ids.tolist(),
                rows={name: _last_queries(layers) for name, layers in output.attentions.items()},
            )
        )

    def winner(self) -> Hypothesis:
        """The best hypothesis of the finished search."""
        result = self.search.finish()
        ids = result.sequences[0].tolist()
        rows = tuple(row for row in result.beam_indices[0].tolist() if row >= 0)
        return Hypothesis(float(result.scores[0]), ids[: self.search.prompt_length + len(rows)], rows)

    def path(self, hypothesis: Hypothesis) -> list[Written]:
        """The tokens of a hypothesis, each with the numbers of the beam that wrote it."""
        # A finished hypothesis is held without its end token.
        ids = hypothesis.ids[self.search.prompt_length :]
        if len(ids) < len(hypothesis.rows):
            ids = [*ids, self.eos[0]]
        written = []
        for step, token, row in zip(self.steps, ids, hypothesis.rows, strict=False):
            # 1) The token's log-probability: an end token's, or that of the live beam that took it.
            if token in self.eos:
                logprob = step.eos_logprobs[row][self.eos.index(token)]
            else:
                pairs = list(zip(step.parents, step.tokens, strict=True))
                logprob = step.live_logprobs[pairs.index((row, token))]
            # 2) What else the beam's row said.
            best = step.best_ids[row]
            pieces = self.tokenizer.convert_ids_to_tokens(best)
            top_k = tuple(zip(best, pieces, step.best_values[row], strict=True))
            rows = {name: layers[:, row] for name, layers in step.rows.items()}
            written.append(Written(token, logprob, top_k, rows.get("cross"), rows.get("decoder_self")))
        return written

    def ancestry(self, hypothesis: Hypothesis) -> BeamAncestry:
        """The whole search and the path of one hypothesis through it."""
        return BeamAncestry(
            np.asarray([step.tokens for step in self.steps]),
            np.asarray([step.parents for step in self.steps]),
            np.asarray([step.totals for step in self.steps]),
            np.asarray(hypothesis.rows),
        )


_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


def public_name(name_or_path: str) -> str:
    """What a trace calls its model: a Hub id as it is, of a folder its name. A trace may go to strangers."""
    name = str(name_or_path)
    # "owner/name" can be both; where such a folder is there, the model came from it.
    if not name or (_HUB_ID.fullmatch(name) and not os.path.isdir(name)):
        return name
    return os.path.basename(os.path.abspath(name))


def build_trace(
    model: Any,
    tokenizers: tuple[Any, Any],
    request: Request,
    source_ids: list[int],
    written: list[Written],
    encoder_self: np.ndarray | None,
    **about_the_run: Any,
) -> GenerationTrace:
    """The trace of what was written; ``tokenizers`` are those of the source and of the target.

    Arrays are made whole: columns beyond each row's past are 0. ``about_the_run``: the fields that only the
    run itself knows (seconds, finish_reason, ...).
    """
    source_tokenizer, tokenizer = tokenizers
    ids = [item.token_id for item in written]
    # 1) The attention, where it was captured: T rows, each as long as what its query could look at.
    cross = decoder_self = None
    if request.config.output_attentions:
        decoder = model.config
        if model.config.is_encoder_decoder:
            decoder = model.config.decoder
        shape = (decoder.num_hidden_layers, decoder.num_attention_heads, len(ids))
        before = request.prompt.shape[1]  # columns of the first row
        decoder_self = np.zeros((*shape, before - 1 + len(ids)), dtype=np.float16)
        for index, item in enumerate(written):
            decoder_self[:, :, index, : before + index] = item.decoder_self
        if model.config.is_encoder_decoder:
            cross = np.zeros((*shape, len(source_ids)), dtype=np.float16)
            for index, item in enumerate(written):
                cross[:, :, index] = item.cross
    # 2) Ids, pieces and words, each side by its own tokenizer.
    return GenerationTrace.from_arrays(
        model=public_name(model.config.name_or_path),
        source_ids=np.asarray(source_ids),
        source_pieces=tuple(source_tokenizer.convert_ids_to_tokens(source_ids)),
        source_words=tuple(word_groups(source_tokenizer, source_ids)),
        target_ids=np.asarray(ids, dtype=np.int64),
        target_pieces=tuple(tokenizer.convert_ids_to_tokens(ids)),
        target_words=tuple(word_groups(tokenizer, ids)),
        text=tokenizer.decode(ids, skip_special_tokens=True),
        logprobs=np.asarray([item.logprob for item in written]),
        top_k=tuple(item.top_k for item in written),
        cross=cross,
        decoder_self=decoder_self,
        encoder_self=encoder_self,
        **about_the_run,
    )
