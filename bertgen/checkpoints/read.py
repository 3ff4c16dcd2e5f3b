"""Weight files -> one state dict. safetensors first; pickles only through torch's restricted loader."""

from __future__ import annotations

import json
import os
import pickle
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from bertgen.errors import FileTrouble
from bertgen.hub import cache_alone, cached_file

SAFETENSORS, SAFETENSORS_INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLE, PICKLE_INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"


def read_state_dict(
    name_or_path: str, *, use_safetensors: bool | None = None, **hub_kwargs: Any
) -> dict[str, torch.Tensor]:
    """All tensors of a checkpoint, in the dtype they are stored in, on CPU.

    Looks for model.safetensors, its index, pytorch_model.bin, its index, in this order; with
    ``use_safetensors`` True only for the former two, with False only for the latter. Raises ``OSError``
    with the file's name when nothing is found or a file is damaged.
    """
    # A form: its single file, the index of its parts, and what reads either.
    safe, pickled = (SAFETENSORS, SAFETENSORS_INDEX, _read_safetensors), (PICKLE, PICKLE_INDEX, _read_pickle)
    forms = {None: (safe, pickled), True: (safe,), False: (pickled,)}[use_safetensors]
    for single, index, reader in forms:
        path = cached_file(name_or_path, single, **hub_kwargs)
        if path is not None:
            return reader(path)
        path = cached_file(name_or_path, index, **hub_kwargs)
        if path is not None:
            return _read_sharded(name_or_path, path, reader, hub_kwargs)
    name = os.fspath(name_or_path)
    # Nothing of it is there.
    expected = " or ".join(f"{single} (or its parts with {index})" for single, index, _ in forms)
    reason = cache_alone(name, **hub_kwargs)
    if reason:
        raise FileTrouble("weights.not_cached", name=name, expected=expected, reason=reason)
    raise FileTrouble("weights.missing", name=name, expected=expected)


def _read_sharded(
    name: str, index_path: str, reader: Any, hub_kwargs: dict[str, Any]
) -> dict[str, torch.Tensor]:
    """All tensors of the files that an index names."""
    # 1) the index: which file holds which tensor
    try:
        with open(index_path, encoding="utf-8") as file:
            weight_map = json.load(file)["weight_map"]
        shards = sorted(set(weight_map.values()))
        if not all(isinstance(shard, str) for shard in shards):
            raise TypeError("a part of the weights has a name")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FileTrouble("weights.bad_index", path=index_path, said=repr(error)) from error
    # 2) its files
    tensors: dict[str, torch.Tensor] = {}
    for shard in shards:
        path = cached_file(name, shard, **hub_kwargs)
        if path is None:
            raise FileTrouble("weights.no_shard", name=name, shard=shard, path=index_path)
        tensors.update(reader(path))
    # 3) do they hold what the index promises?
    missing = sorted(set(weight_map) - set(tensors))
    if missing:
        raise FileTrouble("weights.short_shards", name=name, first=missing[0], more=len(missing) - 1)
    return tensors


def _read_safetensors(path: str) -> dict[str, torch.Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as error:
        raise FileTrouble("weights.bad_safetensors", path=path, said=str(error)) from error


def _read_pickle(path: str) -> dict[str, torch.Tensor]:
    try:
        data = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        said = "".join(str(error).splitlines()[:1])  # some errors have no words
        raise FileTrouble("weights.bad_pickle", path=path, said=said) from error
    if not isinstance(data, dict) or not all(isinstance(v, torch.Tensor) for v in data.values()):
        raise FileTrouble("weights.no_tensors", path=path)
    return data
