"""Where models compute: the names of devices, checked."""

from __future__ import annotations

import torch

from bertgen.errors import Trouble


def resolve_device(device: str) -> str:
    """The device to use; ``auto`` is a GPU that is there, else the CPU. ValueError for one that is not."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        parsed = torch.device(device)
    except RuntimeError:
        raise Trouble("device.unknown", device=device) from None
    if parsed.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
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
