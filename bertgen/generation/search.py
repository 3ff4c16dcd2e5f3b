"""Greedy search, sampling and beam search as generators: one ``SearchStep`` a step, whoever listens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bertgen.generation.beam import BeamScorer
from bertgen.generation.engines.plain import StepOutput
from bertgen.generation.processors import HammingDiversity, LogitsProcessor, apply_all
from bertgen.generation.request import Plan

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
            tokens = _draw(scores.softmax(-1), 1, generator)[:, 0]  # [R]
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
    warpers: Sequence[LogitsProcessor] = (),
    *,
    sample: bool = False,
    generator: torch.Generator | None = None,
    stopping: Sequence[StoppingCriterion] = (),
) -> Iterator[SearchStep]:
    """Beam search, in groups for diverse beams; with ``sample`` candidates are drawn instead of ranked.

    ``scorer`` collects the hypotheses and holds the result once the generator is done. ``plan.prompt`` has
    one row a source; ``stepper`` runs num_beams rows a source, beams side by side, groups one after another.
    """
    choose = _GroupChoice(plan, scorer, processors, warpers, sample, generator)
    ids = plan.prompt.repeat_interleave(scorer.num_beams, dim=0)  # [B * K, T0]
    feed = ids
    while True:
        output = stepper.step(feed)
        logprobs = output.logits.float().log_softmax(-1)  # [B * K, V]
        scores, tokens, parents = choose(ids, logprobs)
        ids = torch.cat([ids[parents], tokens[:, None]], dim=1)
        totals = choose.totals.flatten()
        scorer.advance(ids, totals, parents)
        yield SearchStep(tokens, scores, output, parents, totals)
        stepper.reorder(parents)  # after the last step too: its cache is handed out beside the ids
        if scorer.all_done or ids.shape[1] >= plan.max_length:
            return
        if any(stop(ids, scores) for stop in stopping):
            return
        feed = tokens[:, None]


class _GroupChoice:
    """One step's choice, group after group, so that later groups can shun what earlier ones took."""

    def __init__(
        self,
        plan: Plan,
        scorer: BeamScorer,
        processors: Sequence[LogitsProcessor],
        warpers: Sequence[LogitsProcessor],
        sample: bool,
        generator: torch.Generator | None,
    ) -> None:
        self.scorer, self.ends, self.generator, self.sample = scorer, len(plan.eos), generator, sample
        self.steps = [*processors, *warpers] if sample else list(processors)
        self.diversity = next((step for step in processors if isinstance(step, HammingDiversity)), None)
        shape, device = (plan.batch, scorer.groups, scorer.group_size), plan.prompt.device
        self.totals = torch.zeros(shape, device=device)  # [B, groups, k]
        if not sample:
            self.totals[:, :, 1:] = -1e9  # all beams start equal: at first only a group's first may go on
        self.rows = torch.arange(self.totals.numel(), device=device).view(shape)

    def __call__(self, ids: Tensor, logprobs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """ids [B * K, T], logprobs [B * K, V] -> (scores as the choice saw them, tokens, parents [B * K])."""
        batch, groups, size = self.totals.shape
        vocabulary = logprobs.shape[-1]
        scores, tokens, parents = (torch.empty_like(x) for x in (logprobs, self.rows, self.rows))
        for group in range(groups):
            own = self.rows[:, group].flatten()  # [B * k]
            if self.diversity is not None:
                self.diversity.begin(tokens[:, :group].flatten(1))
            scores[own] = shaped = apply_all(self.steps, ids[own], logprobs[own])
            candidates = shaped + self.totals[:, group].reshape(-1, 1)
            best, where = _candidates(
                candidates.view(batch, size * vocabulary), size, self.ends, self.sample, self.generator
            )
            chosen = self.scorer.process(group, ids, best, where // vocabulary, where % vocabulary)
            for kept, new in (
                (self.totals, chosen.totals),
                (tokens, chosen.tokens),
                (parents, chosen.parents),
            ):
                kept[:, group] = new.view(batch, size)
        return scores, tokens.flatten(), parents.flatten()


def _draw(probabilities: Tensor, count: int, generator: torch.Generator | None) -> Tensor:
    """Places [R, count] drawn from [R, N]; on the generator's device, which need not be the model's."""
    device = probabilities.device if generator is None else generator.device
    return torch.multinomial(probabilities.to(device), count, generator=generator).to(probabilities.device)


def _candidates(
    totals: Tensor, beams: int, ends: int, sample: bool, generator: torch.Generator | None
) -> tuple[Tensor, Tensor]:
    """The candidates' totals and places [B, n], best first: enough that some go on when others end."""
    if not sample:
        return totals.topk(min(max(2, 1 + ends) * beams, totals.shape[1]), dim=1)
    where = _draw(totals.softmax(-1), 2 * beams, generator)
    best, order = totals.gather(1, where).sort(descending=True, dim=1)
    return best, where.gather(1, order)
