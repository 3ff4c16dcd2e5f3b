"""Training steps of one model: run as they are, or recorded once as CUDA graphs and played back."""

from __future__ import annotations

import contextlib

import torch
from torch import Tensor

from bertgen.training.gpu.batches import DeviceRows
from bertgen.training.gpu.model import Pair
from bertgen.training.gpu.plan import Sizes
from bertgen.training.gpu.weights import FlatWeights


class Trainer:
    """Runs one step for a bucket and row numbers; nothing of a step waits for the device.

    With `graphs`, a bucket's first step runs as it is, its second is recorded, and from then on the recording
    is played: a step of hundreds of small kernels then costs the host a single call. Where recording fails,
    steps go on running as they are.
    """

    def __init__(
        self,
        sizes: Sizes,
        weights: FlatWeights,
        rows: DeviceRows,
        buckets: list[tuple[int, int]],
        smoothing: float,
        dropout: float,
        graphs: bool,
    ) -> None:
        self.weights, self.rows, self.buckets, self.smoothing = weights, rows, buckets, smoothing
        self.pair = Pair(sizes, weights.leaves, dropout)
        device = weights.master.device
        self.loss_sum = torch.zeros((), device=device)
        self.stream = torch.cuda.Stream() if device.type == "cuda" else None
        self.graphs = graphs and self.stream is not None
        self.trouble = ""
        self._inputs: dict[int, Tensor] = {}
        self._recorded: dict[int, torch.cuda.CUDAGraph] = {}
        self._pool = torch.cuda.graph_pool_handle() if self.graphs else None

    def scope(self) -> contextlib.AbstractContextManager:
        """Everything of a training runs inside: on one stream, so that recordings know their neighbours."""
        return torch.cuda.stream(self.stream) if self.stream is not None else contextlib.nullcontext()

    def step(self, bucket: int, numbers: Tensor) -> None:
        """One optimiser step on the rows `numbers` [B]."""
        seen = bucket in self._inputs
        if not seen:
            self._inputs[bucket] = torch.empty_like(numbers)
        self._inputs[bucket].copy_(numbers)
        if seen and self.graphs and bucket not in self._recorded:
            self._record(bucket)
        if bucket in self._recorded:
            self._recorded[bucket].replay()
        else:
            self._run(bucket)

    def _run(self, bucket: int) -> None:
        self.weights.gradient.zero_()
        batch = self.rows.batch(self._inputs[bucket], self.buckets[bucket])
        loss = self.pair.loss(batch, self.smoothing)
        loss.backward()
        self.weights.step()
        self.loss_sum += loss.detach()

    def _record(self, bucket: int) -> None:
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, pool=self._pool, stream=self.stream):
                self._run(bucket)
        except RuntimeError as error:
            self.graphs, self.trouble = False, str(error).split("\n")[0]
            torch.cuda.synchronize()
            # A broken recording leaves the random numbers waiting for its end; they get a state of their own.
            fresh = torch.Generator("cuda")
            fresh.manual_seed(torch.initial_seed() + bucket)
            torch.cuda.default_generators[torch.cuda.current_device()].graphsafe_set_state(
                fresh.graphsafe_get_state()
            )
            return
        self._recorded[bucket] = graph

    @torch.no_grad()
    def mean_loss(self, steps: int) -> float:
        """Mean training loss of the last `steps` steps; waits for them, and begins anew."""
        value = float(self.loss_sum) / max(steps, 1)
        self.loss_sum.zero_()
        return value

    def close(self) -> None:
        """Give the recordings' memory back."""
        self._recorded.clear()
        self._inputs.clear()
        if self.stream is not None:
            torch.cuda.synchronize()
            torch.cuda.empty_cache()
