"""The precision of a step: what the recipe says, or what the machine computes faster."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from bertgen.training.recipe.tables import PretrainingRecipe, Recipe
from bertgen.training.runs.state import STATE, load_state

DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}
AUTO = "auto"
# Where Linux lists what a CPU can do, and its names for bfloat16 instructions.
CPU_FLAGS, BF16_FLAGS = Path("/proc/cpuinfo"), {"avx512_bf16", "amx_bf16", "bf16"}


def settle_precision(
    recipe: Recipe | PretrainingRecipe, out: Path, device: torch.device
) -> Recipe | PretrainingRecipe:
    """The recipe with bf16 or fp32 for "auto"; a run in `out` that was begun keeps what it began with."""
    steps = recipe.optimisation
    if steps.precision != AUTO:
        return recipe
    chosen = machine_precision(device)
    # A run may go on on another machine: in another precision it would be another run.
    if (out / STATE).exists():
        chosen = load_state(out)["recipe"]["optimisation"]["precision"]
    return replace(recipe, optimisation=replace(steps, precision=chosen))


def machine_precision(device: torch.device) -> str:
    """bf16 where `device` has instructions for it; elsewhere it is emulated, 20 times slower on a CPU."""
    if device.type == "cuda":
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device.type == "cpu":
        has_bf16 = _cpu_has_bf16()
    else:
        has_bf16 = False
    if has_bf16:
        return "bf16"
    return "fp32"


def _cpu_has_bf16() -> bool:
    # oneDNN does the products: it knows what it can do. A build without it leaves the question open.
    try:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    except (AttributeError, RuntimeError):
        pass
    try:
        flags = CPU_FLAGS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return bool(BF16_FLAGS & set(flags.split()))
