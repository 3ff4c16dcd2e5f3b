"""The training loop: steps, stages, log, validation, saving and resuming."""

from __future__ import annotations

import functools
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from bertgen.training.objectives.base import Objective
from bertgen.training.optim.dropout import pool_dropout
from bertgen.training.optim.master_weights import MasterWeights, fill
from bertgen.training.optim.precision import DTYPES, settle_precision
from bertgen.training.optim.schedule import learning_rate
from bertgen.training.recipe.tables import Stage
from bertgen.training.runs.processes import Team
from bertgen.training.runs.snapshots import drop_after, load_mean, save_best, save_snapshot
from bertgen.training.runs.state import FIGURE_PREFIXES, append_log, cut_log, load_state, read_log, save_state

# Steps between two lines of the log: reading a loss waits for the device, so it is not done every step.
LOG_EVERY = 20
# What of a run, beside its weights, a resumed one has to know.
COUNTERS = ("step", "stage", "stage_step", "epoch", "position", "tokens", "seconds", "best", "waited")


class StepResult(NamedTuple):
    """`loss` (nats a label, smoothed) and `norm` (gradient, before clipping) stay tensors: reading waits."""

    loss: Tensor
    norm: Tensor
    rate: float
    tokens: int


class Trainer:
    """One run: the model, its master weights, and where it stands in the data.

    Everything random in a step follows from (seed, epoch, step, process), so that a resumed run on the same
    machine ends with the same bits as one that was never stopped.
    """

    def __init__(self, objective: Objective, out: Path, device: torch.device) -> None:
        self.team = Team()
        recipe = settle_precision(objective.recipe, out, device)
        self.objective, self.recipe, self.out, self.device = objective, recipe, out, device
        if self.team.leads:
            print(f"precision: {recipe.optimisation.precision}, device: {device}", file=sys.stderr)
        # 1) The model that computes, in the recipe's precision, and the float32 weights behind it.
        dtype = DTYPES[recipe.optimisation.precision]
        self.model = objective.build().to(device).train()
        self.weights = MasterWeights(self.model, recipe.optimisation, dtype)
        self.pools = pool_dropout(self.model, recipe.seed, dtype, device)
        # 2) A second model for validation: the first one's weights never leave its precision.
        self.judge = objective.build().to(device).eval()
        # 3) Where the run stands. `position` is the next batch of the epoch.
        self.step = self.stage = self.stage_step = self.epoch = self.position = self.tokens = self.waited = 0
        self.seconds = 0.0
        # The loss of the best validation, which was `waited` validations ago.
        self.best = float("inf")
        self.batches: Sequence[Any] = objective.epoch(0, 0)
        # Asked by a signal to this process; stopped once any process was asked.
        self._asked = self._stopped = False

    # -- where the run stands ----------------------------------------------------------------------

    @property
    def schedule(self) -> Stage:
        """The stage that the next step belongs to."""
        return self.recipe.schedule[self.stage]

    @property
    def finished(self) -> bool:
        """Whether the last stage is at its end."""
        return self.stage + 1 == len(self.recipe.schedule) and self._stage_ends

    @property
    def _stage_ends(self) -> bool:
        """Whether the stage's steps, or the patience, are used up."""
        if self.stage_step >= self.schedule.max_steps:
            return True
        # A patience of 0 means that the run never gives up.
        return 0 < self.recipe.optimisation.patience <= self.waited

    def save(self) -> None:
        """Write everything that `resume` needs."""
        counters = {name: getattr(self, name) for name in COUNTERS}
        fixed = {
            "rows": self.objective.rows,
            "digests": self._digests,
            "batches": self._batches_a_step,
        }
        save_state(self.out, self.recipe, {**counters, **fixed, "weights": self.weights.state_dict()})

    def resume(self) -> None:
        """Go on where `save` left off."""
        state = load_state(self.out, self.recipe, self.device)
        # 1) Nothing is changed before it is sure that the run would go on as it began.
        self._check_same(state)
        # 2) Counters, weights, and the order of the epoch's batches, which follows from seed and epoch.
        for name in COUNTERS:
            setattr(self, name, state[name])
        self.weights.load_state_dict(state["weights"], self.step)
        self.batches = self.objective.epoch(self.epoch, self.stage)
        # 3) What was logged or kept after the saved step will be made again.
        if self.team.leads:
            cut_log(self.out, self.step)
            drop_after(self.out, self.step)

    @functools.cached_property
    def _digests(self) -> list[str]:
        return self.objective.digests

    @property
    def _batches_a_step(self) -> int:
        return self.recipe.optimisation.accumulate * self.team.size

    def _check_same(self, state: dict[str, Any]) -> None:
        """ValueError where the steps of a resumed run would read others than those before."""
        before = state.get("batches", self._batches_a_step)
        if before != self._batches_a_step:
            raise ValueError(
                f"a step of this run reads {before} batches (processes x accumulate), it would now "
                f"read {self._batches_a_step}; start as many processes, or set optimisation.accumulate"
            )
        # Sets may be added behind the known ones, but those must hold the rows they held.
        rows = state.get("rows", self.objective.rows)
        now = self.objective.rows[: len(rows)]
        if now != rows:
            raise ValueError(
                f"the run began with {rows} training rows a set, now there are {now}: the data are "
                "others, or an added set holds some of them out; choose a new --out"
            )
        # As many rows may be other ones. A run of an earlier version kept no digests.
        digests = state.get("digests", [])
        if digests != self._digests[: len(digests)]:
            raise ValueError(
                "the training rows are others than those that the run began with, though as many; give the "
                "same --data, or choose a new --out"
            )

    # -- one step ----------------------------------------------------------------------------------

    def next_batch(self) -> Any:
        """The next rows, for `Objective.collate`."""
        if self.position >= len(self.batches):
            self.epoch, self.position = self.epoch + 1, 0
            self.batches = self.objective.epoch(self.epoch, self.stage)
        self.position += 1
        return self.batches[self.position - 1]

    def _enter_stage(self) -> None:
        """Move to the next stage where the present one is through; it starts on an epoch of its own."""
        while self.stage + 1 < len(self.recipe.schedule) and self._stage_ends:
            self.stage, self.stage_step, self.waited = self.stage + 1, 0, 0
            self.epoch, self.position = self.epoch + 1, 0
            self.batches = self.objective.epoch(self.epoch, self.stage)

    def train_step(self) -> StepResult:
        """Forward, backward, update.

        A step reads `accumulate` batches for every process; each batch counts by its labels, so that the
        gradient is the one of a single, larger batch.
        """
        # 1) Every process draws all batches of the step and collates its own share of them.
        self._enter_stage()
        rows = [self.next_batch() for _ in range(self._batches_a_step)]
        share = rows[self.team.rank :: self.team.size]
        batches = [self.objective.collate(batch, self.step).to(self.device) for batch in share]
        # 2) The labels of all processes are counted first: they divide the loss. The same message tells
        #    whether anybody was asked to stop.
        labels, tokens, stops = self.team.total(
            sum(batch.target_tokens for batch in batches),
            sum(batch.tokens for batch in batches),
            self._asked,
            device=self.device,
        )
        # 3) Other dropout in every step and process, the same after a resumption.
        for pool in self.pools:
            pool.reseed(self.step * self.team.size + self.team.rank)
        # 4) Forward and backward, a batch at a time; gradients gather in float32.
        loss = torch.zeros((), device=self.device)
        for batch in batches:
            part = self.objective.loss(self.model, batch) * (batch.target_tokens / labels)
            part.backward()
            self.weights.collect()
            loss += part.detach()
        # 5) One sum over the processes, one update at the schedule's rate.
        self.team.add_up(self.weights.gradients)
        stage = self.schedule
        rate = learning_rate(
            self.stage_step, stage.learning_rate, stage.warmup_steps, stage.decay_steps, stage.max_steps
        )
        norm = self.weights.step(rate, self.step)
        self.step += 1
        self.stage_step += 1
        self.tokens += int(tokens)
        # All processes end together, or the others would wait for the one that left.
        self._stopped = stops > 0
        return StepResult(loss, norm, rate, int(tokens))

    # -- log and validation --------------------------------------------------------------------------

    def _log_steps(self, results: list[StepResult], seconds: float, bar: tqdm) -> None:
        _check_finite(results, self.step)
        speed = sum(result.tokens for result in results) / seconds
        losses = torch.stack([result.loss for result in results]).mean().item()
        # Every process has its part of the loss; the sum is the step's.
        (loss,) = self.team.total(losses, device=self.device)
        self.seconds += seconds
        if self.team.leads:
            append_log(
                self.out,
                step=self.step,
                stage=self.schedule.name,
                loss=round(loss, 4),
                lr=results[-1].rate,
                norm=round(results[-1].norm.item(), 3),
                tokens=self.tokens,
                epoch=self.epoch,
                tokens_per_second=round(speed),
                seconds=round(self.seconds, 1),
            )
        bar.set_postfix(loss=f"{loss:.3f}", tok_s=f"{speed:.0f}", epoch=self.epoch, refresh=False)

    def _validate(self) -> None:
        """Log the figures of the last and of the averaged weights; keep what the recipe asks for."""
        settings = self.recipe.optimisation
        # 1) The last weights, and their running average.
        values: dict[str, float] = {}
        for kind, averaged in (("masters", False), ("averages", True)):
            self.weights.copy_to(self.judge, averaged)
            values |= self._figures(kind)
        # 2) The first figure is the last weights' loss: patience counts validations without a better one.
        loss = next(iter(values.values()))
        better = loss < self.best
        if better:
            self.best, self.waited = loss, 0
        else:
            self.waited += 1
        if not self.team.leads:
            return
        # 3) What is kept on disk, by the leading process alone.
        if settings.patience and better:
            save_best(self.out, self.weights.names, self.weights.masters, loss)
        if settings.keep_last:
            save_snapshot(self.out, self.step, self.weights.names, self.weights.masters, settings.keep_last)
            # The mean of the kept weights can be judged once the last of them is there.
            if self.finished:
                fill(self.judge, load_mean(self.out))
                values |= self._figures("kept")
        append_log(self.out, step=self.step, **values)

    def _tell(self, bar: tqdm) -> None:
        """The figures of the validation that was just logged, on a line of their own above the bar."""
        if not self.team.leads:
            return
        figures = read_log(self.out)[-1]
        words = [f"{name} {value:.4g}" for name, value in figures.items() if name != "step"]
        bar.write(f"step {self.step}: {', '.join(words)}", file=sys.stderr)

    def _figures(self, kind: str) -> dict[str, float]:
        """Figures of the weights that the judge holds now, named for the log."""
        figures = self.objective.validate(self.judge)
        return {f"{FIGURE_PREFIXES[kind]}_{name}": value for name, value in figures.items()}

    # -- the whole run -------------------------------------------------------------------------------

    def _stop(self, *_: object) -> None:
        self._asked = True

    def run(self) -> None:
        """Train to the end of the schedule, or until SIGTERM or Ctrl-C, which end the step and save first."""
        handlers = {name: signal.signal(name, self._stop) for name in (signal.SIGTERM, signal.SIGINT)}
        try:
            # Saved before the first step: a run that is killed at any moment can be resumed.
            if self.team.leads and self.step == 0:
                self.save()
            self._run()
            if self.team.leads:
                self.save()
            self.team.leave()
        finally:
            for name, handler in handlers.items():
                signal.signal(name, handler)

    def _run(self) -> None:
        settings = self.recipe.optimisation
        saved = began = time.monotonic()
        results: list[StepResult] = []
        total = sum(stage.max_steps for stage in self.recipe.schedule)
        with tqdm(
            total=total, initial=self.step, unit="step", mininterval=2, disable=not self.team.leads
        ) as bar:
            while not self.finished and not self._stopped:
                # The time that logging, validating and saving take is not the steps': `began` starts anew.
                results.append(self.train_step())
                bar.update()
                last = self.finished
                if last or self.step % LOG_EVERY == 0:
                    self._log_steps(results, time.monotonic() - began, bar)
                    began, results = time.monotonic(), []
                if last or self.step % settings.validate_every == 0:
                    _check_finite(results, self.step)
                    bar.set_description("validating", refresh=True)
                    self._validate()
                    bar.set_description("")
                    self._tell(bar)
                    began = time.monotonic()
                if self.team.leads and time.monotonic() - saved > settings.save_every_seconds:
                    _check_finite(results, self.step)
                    self.save()
                    saved = began = time.monotonic()
            # A signal or the patience may have ended the run between two lines of the log.
            if results:
                self._log_steps(results, time.monotonic() - began, bar)


def _check_finite(results: Sequence[StepResult], step: int) -> None:
    """ValueError before weights that are not finite any more are saved or scored."""
    if results and not torch.stack([result.norm for result in results]).isfinite().all():
        raise ValueError(
            f"the run has diverged: by step {step} the gradient is not finite. The last saved state is from "
            "before; start again in another --out with a smaller learning_rate or a longer warmup_steps"
        )
