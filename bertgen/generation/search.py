"""Searches as state machines: each takes a step's output and says which tokens to go on with.

The loop is always the same, whoever runs it (``generate``, a stream, a scheduler that interleaves many):

    while not search.done:
        output, choice = advance(engine, state, search)

A search knows ids and scores; it knows no engine and no text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from bertgen.generation.engines.base import Engine, EngineOutput, State
from bertgen.generation.processors import LogitsProcessor
from bertgen.generation.request import Request

StoppingCriterion = Callable[[Tensor, Tensor], bool]  # (ids [R, T], scores [R, V]): whether to stop


@dataclass(frozen=True)
class Choice:
    """What one step chose. tokens [R]; parents [R]: the row each new row continues (None: its own).

    ``scores`` [R, V] are processed (and, when sampling, warped) as the choice saw them. ``totals`` [R] are
    the live beams' sums of log-probabilities after the step.
    """

    tokens: Tensor
    scores: Tensor
    parents: Tensor | None = None
    totals: Tensor | None = None


class Search(Protocol):
    """``feed`` is what the engine reads next; ``ids`` [R, T] all that is there; ``done`` when to stop."""

    feed: Tensor
    ids: Tensor
    done: bool

    def take(self, output: EngineOutput) -> Choice:
        """Chooses from the logits of a step and goes on by one token."""


@dataclass(frozen=True)
class Rules:
    """How a search chooses: what reshapes the scores, whether it draws or ranks, what else may stop it."""

    processors: Sequence[LogitsProcessor] = ()
    warpers: Sequence[LogitsProcessor] = ()  # when sampling, after the processors
    sample: bool = False
    generator: torch.Generator | None = None
    stopping: Sequence[StoppingCriterion] = ()


def advance(engine: Engine, state: State, search: Search) -> tuple[EngineOutput, Choice]:
    """One turn of the loop; ``output`` has its rows in the order before the choice."""
    output = engine.step(state, search.feed)
    choice = search.take(output)
    if choice.parents is not None:  # after the last step too: the cache is handed out beside the ids
        engine.reorder(state, choice.parents)
    return output, choice


class TokenSearch:
    """Greedy search or, with ``rules.sample``, multinomial sampling; a row a sequence.

    Rows that are finished go on with pad tokens until all are; the run ends at an end token in every row,
    at ``request.max_length`` ids, or when a criterion says so. ``request.prefix`` comes first, step by step.
    """

    def __init__(self, request: Request, rules: Rules) -> None:
        self.request, self.rules = request, rules
        self.ids = self.feed = request.prompt
        self.done = False
        self._running = torch.ones_like(request.prompt[:, 0])  # 1 until a row has met an end token
        self._ends = torch.tensor(request.eos, dtype=torch.long, device=request.prompt.device)

    def take(self, output: EngineOutput) -> Choice:
        """One token a row from logits [R, V]."""
        request, rules = self.request, self.rules
        # 1) The scores as the settings want them.
        scores = output.logits
        for process in rules.processors:
            scores = process(self.ids, scores)
        # 2) The choice: drawn from the warped distribution, or the best.
        if rules.sample:
            for warp in rules.warpers:
                scores = warp(self.ids, scores)
            tokens = draw(scores.softmax(-1), 1, rules.generator)[:, 0]  # [R]
        else:
            tokens = scores.argmax(-1)
        # 3) A prefix overrules it, after the draw: so every place of the output has the same share of a
        #    seeded generator, whoever chose the tokens before it.
        given = forced_token(request, self.ids)
        if given is not None:
            tokens = torch.full_like(tokens, given)
        # 4) Finished rows are padded; a row finishes with its first end token.
        if request.eos:
            if len(tokens) > 1:
                tokens = tokens * self._running + request.pad * (1 - self._running)
            self._running = self._running * torch.isin(tokens, self._ends, invert=True)
        # 5) Go on, or be done.
        self.feed = tokens[:, None]
        self.ids = torch.cat([self.ids, self.feed], dim=1)
        self.done = self.ids.shape[1] >= request.max_length or not bool(self._running.any())
        self.done = self.done or any(stop(self.ids, scores) for stop in rules.stopping)
        return Choice(tokens, scores)


def forced_token(request: Request, ids: Tensor) -> int | None:
    """The prefix's token for the place behind ids [R, T]; None behind the prefix."""
    place = ids.shape[1] - request.prompt.shape[1]
    if place < len(request.prefix):
        return request.prefix[place]
    return None


def draw(probabilities: Tensor, count: int, generator: torch.Generator | None) -> Tensor:
    """Places [R, count] drawn from [R, N]; on the generator's device, which need not be the model's."""
    device = probabilities.device if generator is None else generator.device
    return torch.multinomial(probabilities.to(device), count, generator=generator).to(probabilities.device)
