"""What a beam search leaves behind, kept so that the winner's own numbers and rows can be told afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from bertgen.generation.beam import BeamScorer, Hypothesis
from bertgen.generation.request import Plan
from bertgen.generation.search import SearchStep
from bertgen.trace import BeamAncestry, TopK


@dataclass(frozen=True)
class Written:
    """One token of the output: its id, plain log-probability, alternatives, attention rows [L, H, K]."""

    token_id: int
    logprob: float
    top_k: TopK
    cross: np.ndarray | None
    own: np.ndarray | None


@dataclass(frozen=True)
class _Step:
    """A step's choices (rows after it) and its plain log-probabilities and attention (rows before it)."""

    tokens: list[int]
    parents: list[int]
    totals: list[float]
    live_logprobs: list[float]
    eos_logprobs: list[list[float]]  # [R][number of end tokens]
    best: tuple[list[list[float]], list[list[int]]]  # ten best: values [R][10], ids [R][10]
    cross: np.ndarray | None  # [L, R, H, S]
    own: np.ndarray | None  # [L, R, H, K]


class BeamRecord:
    """Every step of the search of one source."""

    def __init__(self, tokenizer: Any, scorer: BeamScorer, plan: Plan) -> None:
        self.tokenizer, self.scorer, self.plan = tokenizer, scorer, plan
        self.steps: list[_Step] = []

    def add(self, step: SearchStep) -> None:
        logprobs = step.output.logits.float().log_softmax(-1)  # [R, V]
        values, ids = logprobs.topk(min(10, logprobs.shape[-1]))
        self.steps.append(
            _Step(
                step.tokens.tolist(),
                step.parents.tolist(),
                step.totals.tolist(),
                logprobs[step.parents, step.tokens].tolist(),
                logprobs[:, self.plan.eos].tolist(),
                (values.tolist(), ids.tolist()),
                _all_rows(step.output.cross),
                _all_rows(step.output.own),
            )
        )

    def winner(self) -> Hypothesis:
        """The best hypothesis of the finished search."""
        result = self.scorer.finish()
        ids = result.sequences[0].tolist()
        rows = tuple(row for row in result.beam_indices[0].tolist() if row >= 0)
        return Hypothesis(float(result.scores[0]), ids[: self.plan.prompt_length + len(rows)], rows)

    def path(self, hypothesis: Hypothesis) -> list[Written]:
        """The tokens of a hypothesis, each with the numbers of the beam that wrote it."""
        ids = hypothesis.ids[self.plan.prompt_length :]
        ended = len(ids) < len(hypothesis.rows)  # a finished hypothesis is kept without its end token
        if ended:
            ids = [*ids, self.plan.eos[0]]
        written = []
        for index, (token, row) in enumerate(zip(ids, hypothesis.rows, strict=True)):
            step = self.steps[index]
            values, best = step.best
            written.append(
                Written(
                    token,
                    self._logprob(step, row, token),
                    top_k_of(self.tokenizer, best[row], values[row]),
                    None if step.cross is None else step.cross[:, row],
                    None if step.own is None else step.own[:, row],
                )
            )
        return written

    def _logprob(self, step: _Step, row: int, token: int) -> float:
        if token in self.plan.eos:
            return step.eos_logprobs[row][self.plan.eos.index(token)]
        pairs = zip(step.parents, step.tokens, strict=True)
        return step.live_logprobs[list(pairs).index((row, token))]

    def ancestry(self, hypothesis: Hypothesis) -> BeamAncestry:
        """The whole search and the path of one hypothesis through it."""
        return BeamAncestry(
            np.asarray([step.tokens for step in self.steps]),
            np.asarray([step.parents for step in self.steps]),
            np.asarray([step.totals for step in self.steps]),
            np.asarray(hypothesis.rows),
        )


def _all_rows(layers: Any) -> np.ndarray | None:
    """A layer each of [R, H, T, K] -> float16 [L, R, H, K] of the last query."""
    if layers is None or len(layers) == 0:
        return None
    stacked = layers if isinstance(layers, torch.Tensor) else torch.stack(tuple(layers))
    return stacked[..., -1, :].to(torch.float16).cpu().numpy()


def top_k_of(tokenizer: Any, ids: list[int], values: list[float]) -> TopK:
    """(id, piece, logprob) of the most probable tokens, best first."""
    return tuple(zip(ids, tokenizer.convert_ids_to_tokens(ids), values, strict=True))
