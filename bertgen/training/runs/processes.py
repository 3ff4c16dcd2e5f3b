"""Processes that train together: torchrun starts them, each reads its own batches of a step."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed
from torch import Tensor

from bertgen.machine import resolve_device

Prepared = TypeVar("Prepared")
# The others wait while the leading process makes a vocabulary and packs its rows.
PATIENCE = timedelta(hours=6)
# Seconds that gloo gets after the last message, see `Team.leave`.
LAST_SECONDS = 0.5


def processes() -> int:
    """How many processes torchrun started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def leads() -> bool:
    """Whether this is the process that writes, and that speaks."""
    return os.environ.get("RANK", "0") == "0"


class Team:
    """This process's place among those that torchrun started; alone when it started none.

    Gradients are summed explicitly rather than by DistributedDataParallel: the optimiser works on float32
    copies (see `optim.master_weights`), and those are what must be added up, in float32.
    """

    def __init__(self) -> None:
        self.rank, self.size = int(os.environ.get("RANK", "0")), processes()
        if self.size > 1 and not torch.distributed.is_initialized():
            backends = "gloo"
            if torch.cuda.is_available():
                backends = "cpu:gloo,cuda:nccl"
            torch.distributed.init_process_group(backends, timeout=PATIENCE)

    @property
    def leads(self) -> bool:
        """Whether this process writes the log and the state."""
        return leads()

    def device(self, name: str) -> torch.device:
        """This process's device, checked: of several GPUs on a machine the one of its own number."""
        name = resolve_device(name)
        if name == "cuda" and "LOCAL_RANK" in os.environ:
            name = resolve_device(f"cuda:{os.environ['LOCAL_RANK']}")
            # Or every process would also hold memory of the first GPU.
            torch.cuda.set_device(name)
        return torch.device(name)

    def after_the_lead(self, prepare: Callable[[], Prepared]) -> Prepared:
        """Prepare in the leading process first: the others then find the files that it wrote."""
        if self.size == 1:
            return prepare()
        if self.leads:
            prepared = prepare()
            self._barrier()
        else:
            self._barrier()
            prepared = prepare()
        return prepared

    def _barrier(self) -> None:
        """Wait for all, over the CPU: NCCL's own barrier would guess which GPU is whose."""
        torch.distributed.all_reduce(torch.zeros(1))

    def total(self, *values: float, device: torch.device) -> list[float]:
        """The sums of every process's values."""
        if self.size == 1:
            return list(values)
        tensor = torch.tensor(values, dtype=torch.float64, device=device)
        torch.distributed.all_reduce(tensor)
        return tensor.tolist()

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replace float32 tensors by their sums over all processes, in one message."""
        if self.size == 1:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        torch.distributed.all_reduce(flat)
        for tensor, part in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))

    def leave(self) -> None:
        """Part in peace, once all are done."""
        if self.size > 1 and torch.distributed.is_initialized():
            self._barrier()
            torch.distributed.destroy_process_group()
            # A thread of gloo lets go of the last tensor a little later. Where that falls into the end of the
            # interpreter, the process aborts ("terminate called without an active exception").
            time.sleep(LAST_SECONDS)
