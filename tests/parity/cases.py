"""Reading the golden folders: checkpoints, inputs and answers of transformers 4.37.2."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

import bertgen

ROOT = Path(__file__).parent.parent / "golden"
TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}


@cache
def notes(case: str) -> dict[str, Any]:
    """What was asked of the reference, as JSON."""
    return json.loads((ROOT / case / "expected.json").read_text(encoding="utf-8"))


@cache
def arrays(case: str) -> dict[str, torch.Tensor]:
    """What it answered: `call/field` -> tensor."""
    return load_file(ROOT / case / "expected.safetensors")


def model_cases() -> list[str]:
    """The folders that hold a model."""
    return sorted(
        path.parent.name for path in ROOT.glob("*/expected.json") if "calls" in notes(path.parent.name)
    )


@cache
def load(case: str) -> Any:
    """The model of a case through the production loader (read-only: shared by the tests)."""
    return getattr(bertgen, notes(case)["class"]).from_pretrained(ROOT / case)


def answers(case: str, call: str) -> dict[str, torch.Tensor]:
    """Expected outputs of one call, without its inputs."""
    prefix = f"{call}/"
    found = {key.removeprefix(prefix): value for key, value in arrays(case).items() if key.startswith(prefix)}
    return {key: value for key, value in found.items() if not key.startswith("in.")}


def inputs(case: str, call: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The tensors that the reference was called with."""
    return {key: arrays(case)[f"{call['name']}/in.{key}"] for key in call["inputs"]}


def flatten(name: str, value: Any) -> dict[str, torch.Tensor]:
    """`{"hidden_states.0": tensor, ...}` for a tensor or nested tuples of tensors."""
    if value is None:
        return {}
    if isinstance(value, torch.Tensor):
        return {name: value}
    found = {}
    for index, item in enumerate(value):
        found.update(flatten(f"{name}.{index}", item))
    return found
