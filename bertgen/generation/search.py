"""Greedy search, sampling and beam search as generators: one ``SearchStep`` a step, whoever listens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bertgen.generation.beams import BeamResult, BeamScorer
from bertgen.generation.processors import LogitsProcessor, apply_all
from bertgen.generation.settings import Plan
from bertgen.generation.stepper import StepOutput

StoppingCriterion = Callable[[Tensor, Tensor], bool]


@dataclass
class SearchStep:
    """What one step chose. tokens [R]; parents [R]: the row each new row continues (None: its own).

    ``scores`` [R, V] are processed (and warped) as the choice saw them; ``output`` holds the plain logits
    and attention rows, in the order of the rows before the choice. ``totals`` [R] are the live beams'
    scores after the step.
    """

    tokens: Tensor
    scores: Tensor
    output: StepOutput
    parents: Tensor | None = None
    totals: Tensor | None = None


def search_tokens(
    stepper,
    plan: Plan,
    processors: Sequence[LogitsProcessor],
    warpers: Sequence[LogitsProcessor] = (),
    *,
    sample: bool = False,
    generator: torch.Generator | None = None,
    stopping: Sequence[StoppingCriterion] = (),
) -> Iterator[SearchStep]:
    """Greedy search or, with ``sample``, multinomial sampling of the warped distribution.

    Rows that are finished go on with pad tokens until all are; the run ends at an end token in every row,
    at ``plan.max_length`` ids, or when a criterion says so.
    """
    ids, feed = plan.prompt, plan.prompt
    eos = torch.tensor(plan.eos, device=ids.device) if plan.eos else None
    running = torch.ones(ids.shape[0], dtype=torch.long, device=ids.device)
    while True:
        output = stepper.step(feed)
        scores = apply_all(processors, ids, output.logits)
        if sample:
            scores = apply_all(warpers, ids, scores)
            tokens = torch.multinomial(scores.softmax(-1), 1, generator=generator)[:, 0]  # [R]
        else:
            tokens = scores.argmax(-1)
        if eos is not None:
            if plan.batch > 1:
                tokens = tokens * running + plan.pad * (1 - running)
            running = running * torch.isin(tokens, eos, invert=True)
        feed = tokens[:, None]
        ids = torch.cat([ids, feed], dim=1)
        yield SearchStep(tokens, scores, output)
        if ids.shape[1] >= plan.max_length or (eos is not None and not bool(running.any())):
            return
        if any(stop(ids, scores) for stop in stopping):
            return


def search_beams(
    stepper,
    plan: Plan,
    scorer: BeamScorer,
    processors: Sequence[LogitsProcessor],
    stopping: Sequence[StoppingCriterion] = (),
) -> Iterator[SearchStep]:
    """Beam search; ``scorer`` collects the hypotheses and holds the result once the generator is done.

    ``plan.prompt`` has one row a source; ``stepper`` runs num_beams rows a source, beams side by side.
    """
    beams, batch = scorer.num_beams, plan.batch
    ids = plan.prompt.repeat_interleave(beams, dim=0)  # [B * K, T0]
    feed = ids
    totals = torch.zeros(batch, beams, device=ids.device)
    totals[:, 1:] = -1e9  # all beams start equal: only the first may be extended at the first step
    totals = totals.view(-1)
    while True:
        output = stepper.step(feed)
        scores = apply_all(processors, ids, output.logits.float().log_softmax(-1))  # [B * K, V]
        vocabulary = scores.shape[-1]
        candidates = (scores + totals[:, None]).view(batch, beams * vocabulary)
        best, where = candidates.topk(max(2, 1 + len(plan.eos)) * beams, dim=1)
        chosen = scorer.process(ids, best, where // vocabulary, where % vocabulary)
        totals, tokens, parents = chosen.totals, chosen.tokens, chosen.parents
        feed = tokens[:, None]
        ids = torch.cat([ids[parents], feed], dim=1)
        scorer.advance(ids, totals)
        yield SearchStep(tokens, scores, output, parents, totals)
        if scorer.all_done or ids.shape[1] >= plan.max_length:
            return
        if any(stop(ids, scores) for stop in stopping):
            return
        stepper.reorder(parents)


__all__ = ["BeamResult", "SearchStep", "search_beams", "search_tokens"]
