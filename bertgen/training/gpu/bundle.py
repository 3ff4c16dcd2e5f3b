"""Weights on their way home: ten bits a weight with a scale for every row, one file a checkpoint.

Five checkpoints in float16 are more than comes back from the machine that trains them. The step between two
values is a 511th of the row's largest weight, a fourhundredth of float16's range at its ends and below a
hundredth of a typical weight.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from bertgen.training.gpu.weights import Layout

LARGEST = 511


def _matrices(layout: Layout) -> list[tuple[int, int]]:
    """(rows, columns) of the matrices in the layout's order."""
    return [(shape[0], math.prod(shape[1:])) for shape in layout.shapes.values() if len(shape) > 1]


def squeeze(layout: Layout, flat: Tensor) -> dict[str, Tensor]:
    """Float32 weights [N] as ten-bit whole numbers; biases and norms stay float32."""
    matrices = flat[: layout.decayed].split([rows * columns for rows, columns in _matrices(layout)])
    scales, values = [], []
    for part, (rows, columns) in zip(matrices, _matrices(layout), strict=True):
        table = part.view(rows, columns)
        scale = (table.abs().amax(1) / LARGEST).clamp(min=1e-12)
        scales.append(scale)
        values.append((table / scale[:, None]).round().flatten())
    whole = torch.cat(values).to(torch.int16) + LARGEST + 1  # 1 .. 1023
    high = (whole >> 8).to(torch.uint8)
    high = torch.nn.functional.pad(high, (0, -len(high) % 4)).view(-1, 4)
    packed = high[:, 0] | high[:, 1] << 2 | high[:, 2] << 4 | high[:, 3] << 6
    parts = {"low": (whole & 255).to(torch.uint8), "high": packed, "scales": torch.cat(scales)}
    parts["plain"] = flat[layout.decayed :].float()
    return {name: part.contiguous().cpu() for name, part in parts.items()}


def unsqueeze(layout: Layout, parts: dict[str, Tensor]) -> Tensor:
    """Float32 weights [N] of what `squeeze` made."""
    packed = parts["high"].to(torch.int16)
    high = torch.stack([(packed >> shift) & 3 for shift in (0, 2, 4, 6)], dim=1).flatten()
    whole = parts["low"].to(torch.int16) + (high[: layout.decayed] << 8) - LARGEST - 1
    matrices = whole.float().split([rows * columns for rows, columns in _matrices(layout)])
    scales = parts["scales"].split([rows for rows, _ in _matrices(layout)])
    tables = [
        part.view(rows, columns) * scale[:, None]
        for part, scale, (rows, columns) in zip(matrices, scales, _matrices(layout), strict=True)
    ]
    return torch.cat([*(table.flatten() for table in tables), parts["plain"]])


def write_bundle(path: Path, layout: Layout, flat: Tensor, facts: dict) -> None:
    """Write weights and `facts` (plain values); the file is there whole or not at all."""
    metadata = {"format": "pt", "facts": json.dumps(facts)}
    temporary = path.with_suffix(".tmp")
    save_file(squeeze(layout, flat), temporary, metadata=metadata)
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)


def read_bundle(path: Path, layout: Layout) -> Tensor:
    """Float32 weights [N] of one file."""
    return unsqueeze(layout, load_file(path))


def read_facts(path: Path) -> dict:
    """What the run wrote about the weights of one file."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        return json.loads(json.loads(file.read(size))["__metadata__"]["facts"])
