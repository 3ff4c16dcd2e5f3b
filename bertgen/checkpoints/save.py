"""A model into checkpoint files of the reference's layout."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def parse_size(size: int | str) -> int:
    """Bytes of 10000000 or "10MB" (10**6 bytes) or "10MiB" (2**20 bytes)."""
    if isinstance(size, int):
        return size
    match = re.fullmatch(r"\s*(\d+)\s*([KMG]i?B)\s*", size, flags=re.IGNORECASE)
    if not match:
        raise ValueError(f'max_shard_size must be a number of bytes or such as "10MB", got {size!r}')
    return int(match[1]) * _UNITS[match[2].upper()]


def write_checkpoint(
    model: nn.Module,
    folder: str,
    *,
    max_shard_size: int | str = "5GB",
    safe_serialization: bool = True,
    untie: bool = False,
    state_dict: dict[str, Tensor] | None = None,
    save_function: Callable = torch.save,
) -> None:
    """Writes the weights as one file or as shards with an index; replaces older weight files.

    A tensor that is one Parameter under several names is stored once, under its first name (of a tied
    encoder-decoder that is the encoder's). ``untie`` writes all copies. ``.bin`` files keep every name.
    ``state_dict`` gives the tensors in the model's place, under its names (``ValueError`` when it lacks one);
    ``save_function(tensors, path)`` writes ``.bin`` files.
    """
    tensors = _tensors(model, every_name=untie or not safe_serialization, copy=safe_serialization)
    if state_dict is not None:
        tensors = _in_their_place(tensors, state_dict)
    stem, suffix = ("model", "safetensors") if safe_serialization else ("pytorch_model", "bin")
    shards = _split(tensors, parse_size(max_shard_size))
    _remove_old(folder)
    if len(shards) == 1:
        _write(shards[0], os.path.join(folder, f"{stem}.{suffix}"), safe_serialization, save_function)
        return
    weight_map = {}
    for index, shard in enumerate(shards, 1):
        name = f"{stem}-{index:05d}-of-{len(shards):05d}.{suffix}"
        _write(shard, os.path.join(folder, name), safe_serialization, save_function)
        weight_map.update(dict.fromkeys(shard, name))
    total = sum(t.numel() * t.element_size() for t in tensors.values())
    with open(os.path.join(folder, f"{stem}.{suffix}.index.json"), "w", encoding="utf-8") as file:
        json.dump(
            {"metadata": {"total_size": total}, "weight_map": weight_map}, file, indent=2, sort_keys=True
        )
        file.write("\n")


def _tensors(model: nn.Module, *, every_name: bool, copy: bool) -> dict[str, Tensor]:
    """Name -> tensor; ``copy`` gives every name storage of its own, which safetensors insists on."""
    result: dict[str, Tensor] = {}
    seen: dict[int, str] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        first = seen.setdefault(id(parameter), name)
        if first != name and not every_name:
            continue
        value = parameter.detach().cpu().contiguous()
        # The two names of the head's own bias stay one tensor in every form, as the reference writes it.
        if first != name and copy:
            if name.endswith(("lm_head.decoder.bias", "predictions.decoder.bias")):
                continue
            value = value.clone()
        result[name] = value
    return result


def _split(tensors: dict[str, Tensor], limit: int) -> list[dict[str, Tensor]]:
    shards: list[dict[str, Tensor]] = [{}]
    used = 0
    for name, tensor in tensors.items():
        size = tensor.numel() * tensor.element_size()
        if shards[-1] and used + size > limit:
            shards.append({})
            used = 0
        shards[-1][name] = tensor
        used += size
    return shards


def _in_their_place(own: dict[str, Tensor], given: dict[str, Tensor]) -> dict[str, Tensor]:
    missing = sorted(set(own) - set(given))
    if missing:
        raise ValueError(f"state_dict lacks {missing[0]} and {len(missing) - 1} more tensors")
    return {name: given[name].detach().cpu().contiguous().clone() for name in own}


def _write(tensors: dict[str, Tensor], path: str, safe: bool, save_function: Callable) -> None:
    if safe:
        save_file(tensors, path, metadata={"format": "pt"})  # readers refuse a file without the format
        _share(path)
    else:
        save_function(tensors, path)


def _share(path: str) -> None:
    """Gives a file the usual mode: safetensors leaves it readable by its writer alone."""
    mask = os.umask(0)
    os.umask(mask)
    os.chmod(path, 0o666 & ~mask)


def _remove_old(folder: str) -> None:
    """Shards and files of an earlier save would be read instead of, or beside, the new ones."""
    pattern = re.compile(r"(model|pytorch_model)(-\d{5}-of-\d{5})?\.(safetensors|bin)(\.index\.json)?")
    for name in os.listdir(folder):
        if pattern.fullmatch(name):
            os.remove(os.path.join(folder, name))
