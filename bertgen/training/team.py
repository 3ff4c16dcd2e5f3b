"""Processes that train together: torchrun starts them, each reads its own batches of a step."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
import torch.distributed
from torch import Tensor

Prepared = TypeVar("Prepared")


def processes() -> int:
    """How many processes torchrun started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


class Team:
    """This process's place among those that torchrun started; alone when it started none.

    Gradients are summed explicitly rather than by DistributedDataParallel: the optimiser works on float32
    copies (see `weights`), and those are what must be added up, in float32.
    """

    def __init__(self) -> None:
        self.rank, self.size = int(os.environ.get("RANK", "0")), processes()
        if self.size > 1 and not torch.distributed.is_initialized():
            torch.distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")

    @property
    def leads(self) -> bool:
        """Whether this process writes the log and the state."""
        return self.rank == 0

    def device(self, name: str) -> torch.device:
        """This process's device: of several GPUs on a machine the one of its own number."""
        own = name == "cuda" and "LOCAL_RANK" in os.environ
        return torch.device(f"cuda:{os.environ['LOCAL_RANK']}" if own else name)

    def after_the_lead(self, prepare: Callable[[], Prepared]) -> Prepared:
        """Prepare in the leading process first: the others then find the files that it wrote."""
        if self.size == 1:
            return prepare()
        prepared = prepare() if self.leads else None
        torch.distributed.barrier()
        return prepared if self.leads else prepare()

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
            torch.distributed.barrier()
            torch.distributed.destroy_process_group()
