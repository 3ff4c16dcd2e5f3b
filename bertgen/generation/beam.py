"""Beam search as a state machine: live beams, finished hypotheses and the final ranking (the reference's).

Dimension letters: B sources, K beams a source, in groups of k, V vocabulary, T ids so far.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bertgen.errors import Trouble
from bertgen.generation.engines.base import EngineOutput
from bertgen.generation.processors import HammingDiversity
from bertgen.generation.request import Request
from bertgen.generation.search import Choice, Rules, TokenSearch, draw, forced_token


@dataclass(frozen=True)
class Hypothesis:
    """ids without their end token; rows: the beam that wrote each new token (end token included)."""

    score: float
    ids: list[int]
    rows: tuple[int, ...]


@dataclass(frozen=True)
class BeamResult:
    """sequences [B * returned, T]; scores [B * returned]; beam_indices [B * returned, T], -1 padded."""

    sequences: Tensor
    scores: Tensor
    beam_indices: Tensor


class _Pool:
    """The best ``size`` finished hypotheses of one source (of one group of its beams)."""

    def __init__(self, size: int, length_penalty: float, early_stopping: bool | str) -> None:
        self.size, self.length_penalty, self.early_stopping = size, length_penalty, early_stopping
        self.found: list[Hypothesis] = []
        self.worst = 1e9
        self.done = False

    def add(self, ids: list[int], total: float, rows: tuple[int, ...], length: int) -> None:
        """A hypothesis of ``length`` new tokens whose log-probabilities sum to ``total``, if it is good."""
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
        """Whether no live beam can still beat the worst hypothesis here; lengths without the prompt."""
        if self.done or len(self.found) < self.size:
            return
        if self.early_stopping is True:
            self.done = True
            return
        if self.early_stopping == "never" and self.length_penalty > 0.0:
            length = max_length
        self.done = self.worst >= best_total / length**self.length_penalty


def make_search(request: Request, rules: Rules) -> TokenSearch | BeamSearch:
    """The search that the settings ask for: with more than one beam a beam search, else token by token."""
    if request.config.num_beams > 1:
        return BeamSearch(request, rules)
    return TokenSearch(request, rules)


class BeamSearch:
    """Beam search, in groups for diverse beams; with ``rules.sample`` candidates are drawn, not ranked.

    It owns all there is of the beams: ``ids`` [B * K, T] (beams of a source side by side, groups one after
    another), ``totals`` [B, groups, k], ``rows`` (whom each live beam continues, step by step) and the pools
    of finished hypotheses. ``request.prompt`` has one row a source. While ``request.prefix`` lasts, all beams
    take its tokens.
    """

    def __init__(self, request: Request, rules: Rules) -> None:
        config = request.config
        self.request, self.rules = request, rules
        self.num_beams, self.groups = config.num_beams, config.num_beam_groups
        self.group_size = self.num_beams // self.groups
        batch, device = request.prompt.shape[0], request.prompt.device
        self.prompt_length = request.prompt.shape[1]
        self.ids = self.feed = request.prompt.repeat_interleave(self.num_beams, dim=0)
        self.done = False
        shape = (batch, self.groups, self.group_size)
        self.totals = torch.zeros(shape, device=device)
        if not rules.sample:
            self.totals[:, :, 1:] = -1e9  # all beams start equal: at first only a group's first may go on
        self.rows: list[tuple[int, ...]] = [()] * self.totals.numel()
        self.pools = [  # [source][group]
            [_Pool(self.group_size, config.length_penalty, config.early_stopping) for _ in range(self.groups)]
            for _ in range(batch)
        ]
        self._places = torch.arange(self.totals.numel(), device=device).view(shape)
        self._steps = [*rules.processors, *rules.warpers]
        self._diversity = next((step for step in self._steps if isinstance(step, HammingDiversity)), None)

    def take(self, output: EngineOutput) -> Choice:
        """The beams to go on with, from logits [B * K, V]."""
        request = self.request
        logprobs = output.logits.float().log_softmax(-1)  # [B * K, V]
        # 1) Group after group, so that later groups can shun what earlier ones took; what all must take costs
        #    none of them anything.
        scores = torch.empty_like(logprobs)
        tokens, parents = torch.empty_like(self._places), torch.empty_like(self._places)
        given = forced_token(request, self.ids)
        for group in range(self.groups):
            taken = tokens[:, :group]
            if given is not None:
                taken = tokens[:, :0]
            shaped = self._shape(group, logprobs, scores, taken)
            if given is None:
                self._choose(group, shaped, tokens, parents)
            else:
                # A token counts as if the beam had chosen it, or as the model has it where that is forbidden.
                gains, own = shaped[:, given], logprobs[self._places[:, group].flatten(), given]
                self._force(group, given, gains.where(gains.isfinite(), own), tokens, parents)
        tokens, parents = tokens.flatten(), parents.flatten()  # [B * K]
        # 2) The chosen beams become the live ones.
        self.ids = torch.cat([self.ids[parents], tokens[:, None]], dim=1)
        self.feed = tokens[:, None]
        self.rows = [self.rows[parent] + (parent,) for parent in parents.tolist()]
        # 3) Done when every pool is, when there is no room, or when a criterion says so.
        self.done = all(pool.done for pools in self.pools for pool in pools)
        self.done = self.done or self.ids.shape[1] >= request.max_length
        self.done = self.done or any(stop(self.ids, scores) for stop in self.rules.stopping)
        return Choice(tokens, scores, parents, self.totals.flatten())

    def _shape(self, group: int, logprobs: Tensor, scores: Tensor, taken: Tensor) -> Tensor:
        """One group's scores [B * k, V] as the settings want them, written into scores [B * K, V] too.

        ``taken`` [B, groups before, k] are the tokens to shun.
        """
        group_rows = self._places[:, group].flatten()  # [B * k]
        if self._diversity is not None:
            self._diversity.begin(taken.flatten(1))
        shaped, ids = logprobs[group_rows], self.ids[group_rows]
        for step in self._steps:
            shaped = step(ids, shaped)
        scores[group_rows] = shaped
        return shaped

    def _force(self, group: int, token: int, gains: Tensor, tokens: Tensor, parents: Tensor) -> None:
        """Every beam of a group goes on with one token, which adds gains [B * k] to their totals."""
        # 1) Each beam continues itself.
        self.totals[:, group] += gains.view(-1, self.group_size)
        tokens[:, group], parents[:, group] = token, self._places[:, group]
        # 2) An end token (only the prefix's last can be one) leaves nothing to search for.
        if token not in self.request.eos:
            return
        length = self.ids.shape[1] + 1 - self.prompt_length
        for source, pools in enumerate(self.pools):
            for row, total in self._live(source, group):
                pools[group].add(self.ids[row].tolist(), total, self.rows[row] + (row,), length)
            pools[group].done = True

    def _choose(self, group: int, shaped: Tensor, tokens: Tensor, parents: Tensor) -> None:
        """One group's choice from shaped [B * k, V], written into tokens and parents [B, groups, k]."""
        rules, size = self.rules, self.group_size
        batch, vocabulary = tokens.shape[0], shaped.shape[-1]
        # 1) Candidates: every continuation of every beam, the best (or drawn) first; enough of them that some
        #    go on when others end.
        totals = (shaped + self.totals[:, group].reshape(-1, 1)).view(batch, size * vocabulary)
        if rules.sample:
            places = draw(totals.softmax(-1), 2 * size, rules.generator)
            best, order = totals.gather(1, places).sort(descending=True, dim=1)
            places = places.gather(1, order)
        else:
            wanted = max(2, 1 + len(self.request.eos)) * size
            best, places = totals.topk(min(wanted, totals.shape[1]), dim=1)
        # 2) Source by source, those that go on.
        lists = zip(
            best.tolist(), (places // vocabulary).tolist(), (places % vocabulary).tolist(), strict=True
        )
        going: list[tuple[float, int, int]] = []
        for source, candidates in enumerate(lists):
            going += self._sort_out(source, group, list(zip(*candidates, strict=True)))
        columns = zip((self.totals, tokens, parents), zip(*going, strict=True), strict=True)
        for whole, new in columns:
            whole[:, group] = torch.tensor(new, dtype=whole.dtype, device=whole.device).view(batch, size)

    def _sort_out(
        self, source: int, group: int, candidates: list[tuple[float, int, int]]
    ) -> list[tuple[float, int, int]]:
        """The k (total, token, parent) to go on with, of candidates (total, beam of the group, token).

        Candidates come best first; those that end go into the source's pool.
        """
        request, pool, size = self.request, self.pools[source][group], self.group_size
        length = self.ids.shape[1] + 1 - self.prompt_length
        if pool.done:  # its beams run on idle until every source is done
            return [(0.0, request.pad or 0, 0)] * size
        going: list[tuple[float, int, int]] = []
        for rank, (total, beam, token) in enumerate(candidates):
            parent = source * self.num_beams + group * size + beam
            if token not in request.eos:
                going.append((total, token, parent))
            elif rank < size:  # an end token counts only among the best, as many as there are beams
                pool.add(self.ids[parent].tolist(), total, self.rows[parent] + (parent,), length)
            if len(going) == size:
                break
        if len(going) < size:
            raise Trouble("generation.too_few_beams")
        best_total = max(total for total, _, _ in candidates)
        pool.check_done(best_total, length, request.max_length - self.prompt_length)
        return going

    def draft(self, source: int = 0) -> Hypothesis:
        """The best hypothesis so far, finished or live, by the score that ranks the finished ones."""
        found = []
        length = self.ids.shape[1] - self.prompt_length
        for group, pool in enumerate(self.pools[source]):
            if not pool.done and length > 0:
                for row, total in self._live(source, group):
                    score = total / length**pool.length_penalty
                    found.append(Hypothesis(score, self.ids[row].tolist(), self.rows[row]))
            found += pool.found
        return max(found, key=lambda h: h.score)

    def _live(self, source: int, group: int) -> list[tuple[int, float]]:
        """(row, total) of a group's beams."""
        rows, totals = self._places[source, group].tolist(), self.totals[source, group].tolist()
        return list(zip(rows, totals, strict=True))

    def finish(self) -> BeamResult:
        """Adds what is still open and ranks; call once, after the search."""
        request, wanted = self.request, self.request.config.num_return_sequences
        # 1) Live beams compete with the finished ones, and the best of each source are returned.
        best: list[Hypothesis] = []
        for source, pools in enumerate(self.pools):
            for group, pool in enumerate(pools):
                if pool.done:
                    continue
                for row, total in self._live(source, group):
                    ids = self.ids[row].tolist()
                    pool.add(ids, total, self.rows[row], len(ids) - self.prompt_length)
            ranked = sorted((h for pool in pools for h in pool.found), key=lambda h: h.score)
            best += [ranked.pop() for _ in range(wanted)]
        # 2) One rectangle of ids, ended where there is room and padded.
        longest = min(max(len(h.ids) for h in best) + 1, request.max_length)
        device = request.prompt.device
        sequences = torch.full((len(best), longest), request.pad or 0, device=device)
        indices = torch.full((len(best), longest), -1, device=device)
        for i, hypothesis in enumerate(best):
            length = len(hypothesis.ids)
            sequences[i, :length] = torch.tensor(hypothesis.ids, device=device)
            indices[i, : len(hypothesis.rows)] = torch.tensor(hypothesis.rows, device=device)
            if length < longest and request.eos:
                sequences[i, length] = request.eos[0]
        scores = torch.tensor([h.score for h in best], device=device)
        return BeamResult(sequences, scores, indices)
