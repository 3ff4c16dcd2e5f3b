"""Bookkeeping of a beam search: hypotheses, when a source is done, the final ranking (as the reference's)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bertgen.generation.request import Plan


@dataclass(frozen=True)
class Hypothesis:
    """ids without their end token; rows: the beam that wrote each new token (end token included)."""

    score: float
    ids: list[int]
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Chosen:
    """The beams to go on with: totals [B * K], tokens [B * K], parents [B * K] (rows before the step)."""

    totals: Tensor
    tokens: Tensor
    parents: Tensor


@dataclass(frozen=True)
class BeamResult:
    """sequences [B * returned, T]; scores [B * returned]; beam_indices [B * returned, T], -1 padded."""

    sequences: Tensor
    scores: Tensor
    beam_indices: Tensor


class _Pool:
    """The best ``size`` finished hypotheses of one source."""

    def __init__(self, size: int, length_penalty: float, early_stopping: bool | str) -> None:
        self.size, self.length_penalty, self.early_stopping = size, length_penalty, early_stopping
        self.found: list[Hypothesis] = []
        self.worst = 1e9
        self.done = False

    def add(self, ids: list[int], total: float, rows: tuple[int, ...], length: int) -> None:
        score = total / length**self.length_penalty
        if len(self.found) >= self.size and score <= self.worst:
            return
        self.found.append(Hypothesis(score, ids, rows))
        if len(self.found) > self.size:
            # Ties: of equal scores the one found first goes.
            drop = min(range(len(self.found)), key=lambda i: (self.found[i].score, i))
            del self.found[drop]
            self.worst = min(h.score for h in self.found)
        else:
            self.worst = min(score, self.worst)

    def check_done(self, best_total: float, length: int, max_length: int) -> None:
        """Whether no live beam can still beat the worst kept hypothesis; lengths without the prompt."""
        if self.done or len(self.found) < self.size:
            return
        if self.early_stopping is True:
            self.done = True
            return
        if self.early_stopping == "never" and self.length_penalty > 0.0:
            length = max_length
        self.done = self.worst >= best_total / length**self.length_penalty


class BeamScorer:
    """Chooses the beams to go on with and keeps the finished hypotheses of every source."""

    def __init__(self, plan: Plan) -> None:
        config = plan.config
        self.plan, self.num_beams, self.groups = plan, config.num_beams, config.num_beam_groups
        self.group_size = self.num_beams // self.groups
        self.pools = [  # [source][group]
            [_Pool(self.group_size, config.length_penalty, config.early_stopping) for _ in range(self.groups)]
            for _ in range(plan.batch)
        ]
        self.rows: list[tuple[int, ...]] = [()] * (plan.batch * config.num_beams)
        self.ids = plan.prompt.repeat_interleave(config.num_beams, dim=0)
        self.totals: Tensor | None = None

    @property
    def all_done(self) -> bool:
        return all(pool.done for pools in self.pools for pool in pools)

    def process(self, group: int, ids: Tensor, best: Tensor, beam: Tensor, token: Tensor) -> Chosen:
        """One group's choice. ids [B * K, T] of all beams; candidates best / beam / token [B, n], best first,
        beams counted within the group. Returns what the group's k beams a source go on with [B * k]."""
        plan, beams = self.plan, self.group_size
        if plan.eos and plan.pad is None:
            raise ValueError(
                "pad_token_id must be set when eos_token_id is: finished rows are padded with it"
            )
        totals, tokens, parents = [], [], []
        length = ids.shape[1] + 1 - plan.prompt_length
        rows = zip(best.tolist(), beam.tolist(), token.tolist(), strict=True)
        for source, candidates in enumerate(zip(*row, strict=True) for row in rows):
            pool = self.pools[source][group]
            if pool.done:
                totals += [0.0] * beams
                tokens += [plan.pad or 0] * beams
                parents += [0] * beams
                continue
            kept = self._pick(ids, source, group, candidates, length)
            totals += [total for total, _, _ in kept]
            tokens += [token for _, token, _ in kept]
            parents += [parent for _, _, parent in kept]
            pool.check_done(float(best[source].max()), length, plan.max_length - plan.prompt_length)
        return Chosen(
            torch.tensor(totals, device=best.device, dtype=best.dtype),
            torch.tensor(tokens, device=ids.device),
            torch.tensor(parents, device=ids.device),
        )

    def _pick(
        self, ids: Tensor, source: int, group: int, candidates, length: int
    ) -> list[tuple[float, int, int]]:
        kept: list[tuple[float, int, int]] = []
        for rank, (total, beam, token) in enumerate(candidates):
            parent = source * self.num_beams + group * self.group_size + beam
            if token in self.plan.eos:
                # An end token counts only among the best candidates, as many as there are beams.
                if rank < self.group_size:
                    rows = self.rows[parent] + (parent,)
                    self.pools[source][group].add(ids[parent].tolist(), total, rows, length)
            else:
                kept.append((total, token, parent))
            if len(kept) == self.group_size:
                return kept
        raise ValueError(
            "fewer continuations than beams: the settings forbid so much that not every beam can go on; "
            "use fewer beams"
        )

    def advance(self, ids: Tensor, totals: Tensor, parents: Tensor) -> None:
        """Remembers the live beams [B * K, T] and whom they continue, for drafts and for the end."""
        self.rows = [self.rows[parent] + (parent,) for parent in parents.tolist()]
        self.ids, self.totals = ids, totals

    def _open(self, source: int, group: int) -> range:
        first = source * self.num_beams + group * self.group_size
        return range(first, first + self.group_size)

    def draft(self, source: int = 0) -> Hypothesis:
        """The best hypothesis so far, finished or live, by the score that ranks the finished ones."""
        found = []
        for group, pool in enumerate(self.pools[source]):
            if not pool.done and self.totals is not None:
                length = self.ids.shape[1] - self.plan.prompt_length
                for row in self._open(source, group):
                    score = float(self.totals[row]) / length**pool.length_penalty
                    found.append(Hypothesis(score, self.ids[row].tolist(), self.rows[row]))
            found += pool.found
        return max(found, key=lambda h: h.score)

    def finish(self) -> BeamResult:
        """Adds what is still open and ranks; call once, after the search."""
        plan, wanted = self.plan, self.plan.config.num_return_sequences
        best: list[Hypothesis] = []
        for source, pools in enumerate(self.pools):
            for group, pool in enumerate(pools):
                for row in () if pool.done else self._open(source, group):
                    ids = self.ids[row].tolist()
                    pool.add(ids, float(self.totals[row]), self.rows[row], len(ids) - plan.prompt_length)
            ranked = sorted((h for pool in pools for h in pool.found), key=lambda h: h.score)
            best += [ranked.pop() for _ in range(wanted)]
        longest = min(max(len(h.ids) for h in best) + 1, plan.max_length)
        device = plan.prompt.device
        fill = plan.pad if plan.pad is not None else 0
        sequences = torch.full((len(best), longest), fill, device=device)
        indices = torch.full((len(best), longest), -1, device=device)
        for i, hypothesis in enumerate(best):
            length = len(hypothesis.ids)
            sequences[i, :length] = torch.tensor(hypothesis.ids, device=device)
            indices[i, : len(hypothesis.rows)] = torch.tensor(hypothesis.rows, device=device)
            if length < longest and plan.eos:
                sequences[i, length] = plan.eos[0]
        scores = torch.tensor([h.score for h in best], device=device)
        return BeamResult(sequences, scores, indices)
