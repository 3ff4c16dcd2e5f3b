"""Weight files -> one state dict. safetensors first; pickles only through torch's restricted loader."""

from __future__ import annotations

import json
import pickle
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from bertgen.hub import cached_file, where_looked

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
    # Nothing of it is there.
    expected = " or ".join(f"{single} (or its parts with {index})" for single, index, _ in forms)
    raise OSError(
        f"{name_or_path} holds no weights; expected {expected}.{where_looked(name_or_path, **hub_kwargs)}"
    )


def _read_sharded(
    name: str, index_path: str, reader: Any, hub_kwargs: dict[str, Any]
) -> dict[str, torch.Tensor]:
    """All tensors of the files that an index names."""
    # 1) the index: which file holds which tensor
    try:
        with open(index_path, encoding="utf-8") as file:
            weight_map = json.load(file)["weight_map"]
        shards = sorted(set(weight_map.values()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise OSError(
            f"{index_path} is not a weight index ({error!r}); download the checkpoint again"
        ) from error
    # 2) its files
    tensors: dict[str, torch.Tensor] = {}
    for shard in shards:
        path = cached_file(name, shard, **hub_kwargs)
        if path is None:
            raise OSError(f"{name} lacks {shard}, which {index_path} names; download the checkpoint again")
        tensors.update(reader(path))
    # 3) do they hold what the index promises?
    missing = sorted(set(weight_map) - set(tensors))
    if missing:
        raise OSError(f"the shards of {name} lack {missing[0]} (and {len(missing) - 1} more) of the index")
    return tensors


def _read_safetensors(path: str) -> dict[str, torch.Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as error:
        raise OSError(
            f"{path} is not a readable safetensors file ({error}); download it again (force_download=True)"
        ) from error


def _read_pickle(path: str) -> dict[str, torch.Tensor]:
    try:
        data = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise OSError(
            f"{path} could not be read as plain weights ({str(error).splitlines()[0]}); a file that needs "
            "more than tensors is refused because it could run code. Convert it to safetensors first"
        ) from error
    if not isinstance(data, dict) or not all(isinstance(v, torch.Tensor) for v in data.values()):
        raise OSError(f"{path} holds no state dict of tensors")
    return data
