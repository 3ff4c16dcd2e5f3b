"""A training stage: its schedule follows the clock, so that it ends in time on any card."""

from __future__ import annotations

import math
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bertgen.training.gpu.batches import DeviceRows, Step, draw, epoch, smallest_bucket, start_ids
from bertgen.training.gpu.bundle import squeeze, unsqueeze, write_bundle
from bertgen.training.gpu.decode import search
from bertgen.training.gpu.gather import both_sides, gather
from bertgen.training.gpu.model import BOS, OTHER_START, Pair, first_values, layout
from bertgen.training.gpu.noise import noised
from bertgen.training.gpu.packed import Rows
from bertgen.training.gpu.plan import StagePlan
from bertgen.training.gpu.score import bleu, exact
from bertgen.training.gpu.store import Store
from bertgen.training.gpu.trainer import Trainer
from bertgen.training.gpu.weights import FlatWeights

LOG_SECONDS = 4.0
AHEAD = 24  # steps that the host may be ahead of the device
WORSE = 1.5  # nats above the best mean loss at which a stage goes back to its last good weights
SPARE = 0.05  # room for rows that other noise makes longer
FEWEST = 20  # steps of a warm-up, however slow the machine
SHOWN = 3  # answers of a validation that the log holds


def learning_rate(stage: StagePlan, step: int, passed: float) -> float:
    """Rising, even, then falling to nothing by the part of the time that has passed; first steps rise too."""
    rate = stage.learning_rate * min(1.0, (step + 1) / FEWEST, max(passed, 1e-3) / stage.warmup)
    if passed > 1 - stage.decay:
        rate *= max(0.0, (1 - passed) / stage.decay)
    return rate


@dataclass
class Epochs:
    """Batches without end; rows are gathered anew where they are noised."""

    store: Store
    stage: StagePlan
    chance: np.random.Generator

    def __post_init__(self) -> None:
        self.buckets = list(self.stage.buckets)
        tokens = self.store.batch_tokens(self.stage)
        self.sizes = [max(8, tokens // max(size) // 8 * 8) for size in self.buckets]
        self.reading = gather(self.store, self.stage, self.chance)
        spare = SPARE if self.stage.denoising else 0.0
        self.rows = DeviceRows(self.reading.rows, self.reading.starts, self.store.device, spare)
        self.bucket_of = smallest_bucket(self.reading.rows, self.buckets)
        self._worker = ThreadPoolExecutor(1) if self.stage.denoising else None
        self._next: Future | None = None

    def one(self) -> tuple[Tensor, list[Step]]:
        """Row numbers on the device and the steps over them; the next epoch's noise is made meanwhile."""
        if self._next is not None:
            self.reading = self._next.result()
            self.bucket_of = smallest_bucket(self.reading.rows, self.buckets)
            self.rows.replace(DeviceRows(self.reading.rows, self.reading.starts, self.store.device))
        if self._worker is not None:
            chance = np.random.default_rng(self.chance.integers(2**62))
            self._next = self._worker.submit(gather, self.store, self.stage, chance)
        numbers = draw(self.reading.counts, self.reading.shares, self.chance)
        order, steps = epoch(numbers, self.bucket_of, self.sizes, self.chance)
        return torch.from_numpy(order).to(self.store.device), steps


class Learning:
    """One training stage of a run."""

    def __init__(self, store: Store, stage: StagePlan) -> None:
        self.store, self.stage = store, stage
        self.sizes = store.sizes(stage.sizes)
        self.layout = layout(self.sizes, store.manifest["vocabularies"][stage.vocabulary])
        first = store.weights.get(stage.start)
        if first is None:
            first = first_values(self.layout, store.plan.seed, store.device)
        self.weights = FlatWeights(self.layout, first, store.dtype, stage.weight_decay)
        self.epochs = Epochs(store, stage, store.chance(stage.name))
        self.steps, self.best_mean, self.slower = 0, math.inf, 1.0
        self.good = self.weights.master.clone()
        self.best: tuple[float, Tensor, str] | None = None

    def run(self, seconds: float) -> None:
        """Train for `seconds`, validate, leave the best weights in the store and in their file."""
        began, stage = time.monotonic(), self.stage
        facts = {
            "rows": len(self.epochs.reading.rows),
            "weights": self.layout.size,
            "seconds": round(seconds, 1),
        }
        self.store.log(stage.name, event="start", **facts)
        trainer = Trainer(
            self.sizes,
            self.weights,
            self.epochs.rows,
            self.epochs.buckets,
            stage.label_smoothing,
            stage.dropout,
            graphs=True,
        )
        if trainer.stream is not None:
            trainer.stream.wait_stream(torch.cuda.current_stream())
        with trainer.scope():
            self._train(trainer, began, seconds)
        if trainer.trouble:
            self.store.log(stage.name, event="no graphs", why=trainer.trouble)
        trainer.close()
        self._validate(final=True)
        self.store.weights[stage.name] = self.best[1]
        self.store.log(
            stage.name, event="end", steps=self.steps, chosen=self.best[2], loss=round(self.best[0], 4)
        )

    def _train(self, trainer: Trainer, began: float, seconds: float) -> None:
        stage, store = self.stage, self.store
        looks = deque(np.linspace(0, 1, stage.validations + 1)[1:-1])
        reserve = 0.0  # seconds of the last validation, kept for the final one
        logged, since, labels = time.monotonic(), 0, 0
        queue: deque = deque()
        while True:
            order, steps = self.epochs.one()
            for step in steps:
                passed = (time.monotonic() - began) / max(seconds - reserve, 0.1)
                if passed >= 1:
                    return
                rate = learning_rate(stage, self.steps, passed) * self.slower
                averaged = 1 / min(stage.average_steps, 1 + self.steps / 4)
                self.weights.set_control(rate, averaged, self.steps + 1)
                trainer.step(step.bucket, order[step.first : step.first + step.rows])
                self.steps, since = self.steps + 1, since + 1
                labels += step.rows * self.epochs.buckets[step.bucket][1]
                self._wait(queue)
                now = time.monotonic()
                if now - logged > LOG_SECONDS:
                    mean = trainer.mean_loss(since)
                    speed = int(labels / (time.monotonic() - logged))
                    values = {
                        "loss": round(mean, 4),
                        "rate": round(rate, 6),
                        "norm": round(float(self.weights.norm), 3),
                    }
                    store.log(stage.name, step=self.steps, places_a_second=speed, **values)
                    self._guard(mean)
                    logged, since, labels = time.monotonic(), 0, 0
                if looks and passed > looks[0]:
                    looks.popleft()
                    reserve = max(reserve, self._validate())

    def _wait(self, queue: deque) -> None:
        """Keep the host from running too far ahead of the device, whose clock the schedule needs."""
        if self.store.device.type != "cuda":
            return
        event = torch.cuda.Event()
        event.record()
        queue.append(event)
        if len(queue) > AHEAD:
            queue.popleft().synchronize()

    def _guard(self, mean: float) -> None:
        """Go back to the last good weights, at half the rate, where the loss has run away."""
        if math.isfinite(mean) and mean < self.best_mean + WORSE:
            self.best_mean = min(self.best_mean, mean)
            self.good.copy_(self.weights.master)
            return
        self.weights.load(self.good)
        self.weights.average.copy_(self.good)
        self.weights.forget()
        self.slower *= 0.5
        self.store.log(self.stage.name, event="went back", loss=mean, slower=self.slower)

    @torch.no_grad()
    def _validate(self, final: bool = False) -> float:
        """Losses of last and averaged weights; keeps and writes the better ones. Seconds that it took."""
        began = time.monotonic()
        candidates = {"last": self.weights.master, "average": self.weights.average}
        losses = {name: self._loss(flat) for name, flat in candidates.items()}
        name = min(losses, key=lambda key: (not math.isfinite(losses[key]), losses[key]))
        better = False
        values = {f"valid_{key}": round(loss, 4) for key, loss in losses.items()}
        if self.best is None or losses[name] < self.best[0] or not math.isfinite(self.best[0]):
            self.best = (losses[name], candidates[name].clone(), name)
            better = True
        if self.stage.save and (better or final):
            self._save(values, final)
        self.store.log(self.stage.name, event="validation", step=self.steps, **values)
        if final and not self.stage.denoising:
            self._answers(self.best[1])
        return time.monotonic() - began

    def _save(self, values: dict, final: bool) -> None:
        facts = {"stage": self.stage.name, "seed": self.store.plan.seed, "steps": self.steps, "whole": final}
        facts |= {"sizes": vars(self.sizes), "vocabulary": self.stage.vocabulary, **values}
        path = self.store.out / f"{self.stage.save}.safetensors"
        write_bundle(path, self.layout, self.best[1], facts)

    def _watched(self) -> list[tuple[str, Rows, int]]:
        """(name, rows, start id) of the validation rows, either direction."""
        found = []
        for name in self.stage.valid:
            rows = self.store.rows(name, "valid")
            ways = {"no": [False], "yes": [True], "both": [False, True]}[self.stage.reverse]
            for turned in ways:
                start = OTHER_START if turned and self.stage.reverse == "both" else BOS
                own = rows.swapped() if turned else rows
                if not self.stage.denoising:
                    own = both_sides(own)
                found.append((f"{name}{' reversed' if turned else ''}", own, start))
        return found

    def _loss(self, flat: Tensor) -> float:
        """Mean loss of the validation rows, without smoothing."""
        views = self.layout.views(flat.to(self.store.dtype))
        pair, total, count = Pair(self.sizes, views), 0.0, 0
        chance = np.random.default_rng(1)
        for _, rows, start in self._watched():
            if self.stage.denoising:
                rows = noised(rows, self.store.manifest["vocabularies"][self.stage.vocabulary], chance)
            held = DeviceRows(rows, start_ids(len(rows), start), self.store.device)
            bucket_of = smallest_bucket(rows, self.epochs.buckets)
            for bucket, size in enumerate(self.epochs.buckets):
                numbers = np.flatnonzero(bucket_of == bucket)
                if len(numbers):
                    batch = held.batch(torch.from_numpy(numbers).to(self.store.device), size)
                    labels = int(rows.target_length[numbers].sum() + len(numbers))
                    total += float(pair.loss(batch, 0.0)) * labels
                    count += labels
        return total / max(count, 1)

    def _answers(self, flat: Tensor) -> None:
        """Greedy answers to the validation rows, scored on ids; of the weights as they come home."""
        home = unsqueeze(self.layout, squeeze(self.layout, flat)).to(flat.device)
        pair = Pair(self.sizes, self.layout.views(home.to(self.store.dtype)))
        for name, rows, start in self._watched():
            answers, references = answer(pair, rows, start, self.store.device, self.stage.buckets[-1])
            scores = {
                "bleu_on_ids": round(bleu(answers, references), 2),
                "exact": round(exact(answers, references), 2),
            }
            self.store.log(
                self.stage.name, event="answers", set=name, rows=len(rows), **scores, shown=answers[:SHOWN]
            )


def answer(
    pair: Pair, rows: Rows, start: int, device: torch.device, longest: tuple[int, int]
) -> tuple[list[list[int]], list[list[int]]]:
    """Greedy answers and references as lists of ids."""
    held = DeviceRows(rows, start_ids(len(rows), start), device)
    width = min(int(rows.source_length.max()), longest[0])
    batch = held.batch(torch.arange(len(rows), device=device), (width, 2))
    found, lengths = search(pair, batch.source, batch.source_mask, batch.inputs[:, 0], longest[1])
    answers = [row[:size] for row, size in zip(found.tolist(), lengths.tolist(), strict=True)]
    ends = rows.target_start + rows.target_length
    references = [
        rows.tokens[first:last].tolist() for first, last in zip(rows.target_start, ends, strict=True)
    ]
    return answers, references
