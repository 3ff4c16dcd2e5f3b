"""Where models compute: the names of devices, checked."""

from __future__ import annotations

import torch


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
