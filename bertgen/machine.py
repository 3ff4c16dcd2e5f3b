"""Where models compute: the names of devices, checked, and the CPU's threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from bertgen.errors import Trouble


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
        if torch.cuda.is_available():
            return "cuda"
        return "cpu"
    # 1) a name that PyTorch knows
    try:
        parsed = torch.device(device)
    except RuntimeError:
        raise Trouble("device.unknown", device=device) from None
    # 2) a device that is there
    if parsed.type == "cuda":
        count = 0
        if torch.cuda.is_available():
            count = torch.cuda.device_count()
        if (parsed.index or 0) >= count:
            raise Trouble("device.missing", device=device, count=count)
    elif parsed.type == "mps" and not torch.backends.mps.is_available():
        raise Trouble("device.no_mps")
    elif parsed.type not in ("cpu", "mps"):
        raise Trouble("device.unsupported", device=device)
    return device


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device, or the machine, has no memory left.

    A GPU's has a type of its own. PyTorch names none for the CPU's and Apple's: theirs is known by the words
    of its allocators, which is why this is asked here and nowhere else.
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    words = str(error)
    return isinstance(error, RuntimeError) and ("can't allocate memory" in words or "out of memory" in words)
