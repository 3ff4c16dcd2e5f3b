"""The training loop: steps, log, validation, saving and resuming."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from bertgen.training.dropout import pool_dropout
from bertgen.training.objective import Objective
from bertgen.training.schedule import learning_rate
from bertgen.training.state import append_log, cut_log, load_state, save_state
from bertgen.training.weights import MasterWeights

LOG_EVERY = 20  # steps
DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}


class StepResult(NamedTuple):
    """`loss` (nats a token, smoothed) and `norm` (gradient, before clipping) stay tensors: reading waits."""

    loss: Tensor
    norm: Tensor
    rate: float
    tokens: int


class Trainer:
    """One run: the model, its master weights, and where it stands in the data.

    Everything random in a step follows from (seed, epoch, step), so that a resumed run on the same machine
    ends with the same bits as one that was never stopped.
    """

    def __init__(self, objective: Objective, out: Path, device: torch.device) -> None:
        self.objective, self.recipe, self.out, self.device = objective, objective.recipe, out, device
        recipe = objective.recipe
        dtype = DTYPES[recipe.optimisation.precision]
        self.model = objective.build().to(device).train()
        self.weights = MasterWeights(self.model, recipe.optimisation, dtype)
        self.pools = pool_dropout(self.model, recipe.seed, dtype, device)
        self.judge = objective.build().to(device).eval()
        self.step = self.epoch = self.position = self.tokens = 0
        self.seconds = 0.0
        self.batches: Sequence[Any] = objective.epoch(0)
        self._stopped = False

    def save(self) -> None:
        """Write everything that `resume` needs."""
        counters = {name: getattr(self, name) for name in ("step", "epoch", "position", "tokens", "seconds")}
        save_state(self.out, self.recipe, {**counters, "weights": self.weights.state_dict()})

    def resume(self) -> None:
        """Go on where `save` left off."""
        state = load_state(self.out, self.recipe, self.device)
        for name in ("step", "epoch", "position", "tokens", "seconds"):
            setattr(self, name, state[name])
        self.weights.load_state_dict(state["weights"], self.step)
        self.batches = self.objective.epoch(self.epoch)
        cut_log(self.out, self.step)

    def next_batch(self) -> Any:
        """The rows of the next step, for `Objective.collate`."""
        if self.position == len(self.batches):
            self.epoch, self.position = self.epoch + 1, 0
            self.batches = self.objective.epoch(self.epoch)
        self.position += 1
        return self.batches[self.position - 1]

    def train_step(self) -> StepResult:
        """Forward, backward, update."""
        settings = self.recipe.optimisation
        batch = self.objective.collate(self.next_batch(), self.step).to(self.device)
        for pool in self.pools:
            pool.reseed(self.step)
        loss = self.objective.loss(self.model, batch)
        loss.backward()
        rate = learning_rate(
            self.step, settings.learning_rate, settings.warmup_steps, settings.decay_steps, settings.max_steps
        )
        norm = self.weights.step(rate, self.step)
        self.step += 1
        self.tokens += batch.tokens
        return StepResult(loss.detach(), norm, rate, batch.tokens)

    def _log_steps(self, results: list[StepResult], seconds: float, bar: tqdm) -> None:
        speed = sum(result.tokens for result in results) / seconds
        loss = torch.stack([result.loss for result in results]).mean().item()
        self.seconds += seconds
        append_log(
            self.out,
            step=self.step,
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
        """Log the objective's figures of the last and of the averaged weights."""
        values: dict[str, float] = {}
        for kind, averaged in (("last", False), ("average", True)):
            self.weights.copy_to(self.judge, averaged)
            result = self.objective.validate(self.judge)
            values |= {f"{kind}_{name}": value for name, value in result.items()}
        append_log(self.out, step=self.step, **values)

    def _stop(self, *_: object) -> None:
        self._stopped = True

    def run(self) -> None:
        """Train to the end of the schedule, or until SIGTERM or Ctrl-C, which end the step and save first."""
        handlers = {name: signal.signal(name, self._stop) for name in (signal.SIGTERM, signal.SIGINT)}
        try:
            self._run()
            self.save()
        finally:
            for name, handler in handlers.items():
                signal.signal(name, handler)

    def _run(self) -> None:
        settings = self.recipe.optimisation
        saved = began = time.monotonic()
        results: list[StepResult] = []
        with tqdm(total=settings.max_steps, initial=self.step, unit="step", mininterval=2) as bar:
            while self.step < settings.max_steps and not self._stopped:
                results.append(self.train_step())
                bar.update()
                last = self.step == settings.max_steps
                if last or self.step % LOG_EVERY == 0:
                    self._log_steps(results, time.monotonic() - began, bar)
                    began, results = time.monotonic(), []
                if last or self.step % settings.validate_every == 0:
                    self._validate()
                    began = time.monotonic()
                if time.monotonic() - saved > settings.save_every_seconds:
                    self.save()
                    saved = began = time.monotonic()
