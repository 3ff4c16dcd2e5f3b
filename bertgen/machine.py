"""Where models compute: the names of devices, checked, and the CPU's threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def compute_threads(count: int) -> Iterator[None]:
    """Within the block the calling thread computes with ``count`` CPU threads; 0 leaves it as it is.

    Torch keeps the number a thread: what other threads compute meanwhile is not touched, and afterwards it
    is what it was.
    """
    before = torch.get_num_threads()
    if not count or count == before:
        yield
        return
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def resolve_device(device: str) -> str:
    """The device to use; ``auto`` is a GPU that is there, else the CPU. ValueError for one that is not."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        parsed = torch.device(device)
    except RuntimeError:
        raise ValueError(f"unknown device {device!r}; use auto, cpu, cuda, cuda:1 or mps") from None
    if parsed.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (parsed.index or 0) >= count:
            raise ValueError(f"device {device!r} is not there ({count} CUDA devices found); use --device cpu")
    elif parsed.type == "mps" and not torch.backends.mps.is_available():
        raise ValueError("device 'mps' is not there; use --device cpu")
    elif parsed.type not in ("cpu", "mps"):
        raise ValueError(f"device {device!r} is not supported; use auto, cpu, cuda, cuda:1 or mps")
    return device
