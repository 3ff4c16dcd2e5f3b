"""The training loop: steps, stages, log, validation, saving and resuming."""

from __future__ import annotations

import signal
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
from bertgen.training.optim.schedule import learning_rate
from bertgen.training.recipe.tables import Stage
from bertgen.training.runs.processes import Team
from bertgen.training.runs.snapshots import forget_after, keep, keep_best, load_mean
from bertgen.training.runs.state import WATCHED, append_log, cut_log, load_state, save_state

LOG_EVERY = 20  # steps
DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}
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
        self.objective, self.recipe, self.out, self.device = objective, objective.recipe, out, device
        self.team = Team()
        recipe = objective.recipe
        dtype = DTYPES[recipe.optimisation.precision]
        self.model = objective.build().to(device).train()
        self.weights = MasterWeights(self.model, recipe.optimisation, dtype)
        self.pools = pool_dropout(self.model, recipe.seed, dtype, device)
        self.judge = objective.build().to(device).eval()
        self.step = self.stage = self.stage_step = self.epoch = self.position = self.tokens = self.waited = 0
        self.seconds = 0.0
        self.best = float("inf")  # loss of the best validation, `waited` validations ago
        self.batches: Sequence[Any] = objective.epoch(0, 0)
        self._asked = self._stopped = False  # by a signal to this process; by any process's

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
        return self.stage_step >= self.schedule.max_steps or (
            0 < self.recipe.optimisation.patience <= self.waited
        )

    def save(self) -> None:
        """Write everything that `resume` needs."""
        counters = {name: getattr(self, name) for name in COUNTERS}
        fixed = {"rows": self.objective.rows, "batches": self._batches_a_step}
        save_state(self.out, self.recipe, {**counters, **fixed, "weights": self.weights.state_dict()})

    def resume(self) -> None:
        """Go on where `save` left off."""
        state = load_state(self.out, self.recipe, self.device)
        self._check_same(state)
        for name in COUNTERS:
            setattr(self, name, state[name])
        self.weights.load_state_dict(state["weights"], self.step)
        self.batches = self.objective.epoch(self.epoch, self.stage)
        if self.team.leads:
            cut_log(self.out, self.step)
            forget_after(self.out, self.step)

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
        rows = state.get("rows", self.objective.rows)
        now = self.objective.rows[: len(rows)]
        if now != rows:
            raise ValueError(
                f"the run began with {rows} training rows a set, now there are {now}: the data are "
                "others, or an added set holds some of them out; choose a new --out"
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
        self._enter_stage()
        rows = [self.next_batch() for _ in range(self.recipe.optimisation.accumulate * self.team.size)]
        own = rows[self.team.rank :: self.team.size]
        batches = [self.objective.collate(batch, self.step).to(self.device) for batch in own]
        labels, tokens, stops = self.team.total(
            sum(batch.target_tokens for batch in batches),
            sum(batch.tokens for batch in batches),
            self._asked,
            device=self.device,
        )
        for pool in self.pools:
            pool.reseed(self.step * self.team.size + self.team.rank)
        loss = torch.zeros((), device=self.device)
        for batch in batches:
            part = self.objective.loss(self.model, batch) * (batch.target_tokens / labels)
            part.backward()
            self.weights.collect()
            loss += part.detach()
        self.team.add_up(self.weights.gradients)
        stage = self.schedule
        rate = learning_rate(
            self.stage_step, stage.learning_rate, stage.warmup_steps, stage.decay_steps, stage.max_steps
        )
        norm = self.weights.step(rate, self.step)
        self.step += 1
        self.stage_step += 1
        self.tokens += int(tokens)
        self._stopped = stops > 0  # all processes end together
        return StepResult(loss, norm, rate, int(tokens))

    # -- log and validation --------------------------------------------------------------------------

    def _log_steps(self, results: list[StepResult], seconds: float, bar: tqdm) -> None:
        _check_finite(results, self.step)
        speed = sum(result.tokens for result in results) / seconds
        losses = torch.stack([result.loss for result in results]).mean().item()
        (loss,) = self.team.total(losses, device=self.device)  # every process has its part of it
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
        values: dict[str, float] = {}
        for kind, averaged in (("masters", False), ("averages", True)):
            self.weights.copy_to(self.judge, averaged)
            values |= self._figures(kind)
        loss = next(iter(values.values()))
        better = loss < self.best
        self.best, self.waited = loss if better else self.best, 0 if better else self.waited + 1
        if not self.team.leads:
            return
        if settings.patience and better:
            keep_best(self.out, self.weights.names, self.weights.masters, loss)
        if settings.keep_last:
            keep(self.out, self.step, self.weights.names, self.weights.masters, settings.keep_last)
            if self.finished:
                fill(self.judge, load_mean(self.out))
                values |= self._figures("kept")
        append_log(self.out, step=self.step, **values)

    def _figures(self, kind: str) -> dict[str, float]:
        """Figures of the weights that the judge holds now, named for the log."""
        figures = self.objective.validate(self.judge)
        return {f"{WATCHED[kind]}_{name}": value for name, value in figures.items()}

    # -- the whole run -------------------------------------------------------------------------------

    def _stop(self, *_: object) -> None:
        self._asked = True

    def run(self) -> None:
        """Train to the end of the schedule, or until SIGTERM or Ctrl-C, which end the step and save first."""
        handlers = {name: signal.signal(name, self._stop) for name in (signal.SIGTERM, signal.SIGINT)}
        try:
            if self.team.leads and self.step == 0:
                self.save()  # a run killed at any moment can be resumed
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
                results.append(self.train_step())
                bar.update()
                last = self.finished
                if last or self.step % LOG_EVERY == 0:
                    self._log_steps(results, time.monotonic() - began, bar)
                    began, results = time.monotonic(), []
                if last or self.step % settings.validate_every == 0:
                    _check_finite(results, self.step)
                    self._validate()
                    began = time.monotonic()
                if self.team.leads and time.monotonic() - saved > settings.save_every_seconds:
                    _check_finite(results, self.step)
                    self.save()
                    saved = began = time.monotonic()
            if results:  # a signal or the patience ended the run between two lines of the log
                self._log_steps(results, time.monotonic() - began, bar)


def _check_finite(results: Sequence[StepResult], step: int) -> None:
    """ValueError before weights that are no numbers any more are saved or scored."""
    if results and not torch.stack([result.norm for result in results]).isfinite().all():
        raise ValueError(
            f"the run has diverged: by step {step} the gradient is not finite. The last saved state is from "
            "before; start again in another --out with a smaller learning_rate or a longer warmup_steps"
        )
