"""A model into checkpoint files of the reference's layout."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from typing import Any, Literal

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

# Units that huggingface_hub does not read; it knows KB, MB, GB and TB, which are powers of ten.
_BINARY_UNITS = {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_WEIGHT_FILES = re.compile(r"(model|pytorch_model)(-\d{5}-of-\d{5})?\.(safetensors|bin)(\.index\.json)?")


def write_checkpoint(
    model: nn.Module,
    folder: str,
    *,
    max_shard_size: int | str = "5GB",
    safe_serialization: bool = True,
    untie: bool | Literal["sides"] = False,
    state_dict: dict[str, Tensor] | None = None,
    save_function: Callable = torch.save,
) -> None:
    """Writes the weights as one file or as shards with an index; replaces older weight files.

    A tensor that is one Parameter under several names is stored once, under its first name (of a tied
    encoder-decoder that is the encoder's). ``untie=True`` writes all copies, ``untie="sides"`` encoder and
    decoder each whole, with a head that is tied to its own side's table once. ``.bin`` files keep every name.
    ``max_shard_size``: bytes, or such as "10MB" (10**6 bytes each) or "10MiB" (2**20 bytes each).
    ``state_dict`` gives the tensors in the model's place, under its names (``ValueError`` when it lacks one);
    ``save_function(tensors, path)`` writes ``.bin`` files.
    """
    from huggingface_hub import split_torch_state_dict_into_shards  # only who saves needs it

    # 1) which names, and what stands under each
    sources = _named_sources(model, state_dict)
    names = _names_to_write(model, untie=untie, every_name=not safe_serialization)
    tensors = _storable({name: sources[name] for name in names}, share=not safe_serialization)

    # 2) which file holds which
    pattern = "model{suffix}.safetensors" if safe_serialization else "pytorch_model{suffix}.bin"
    shards = split_torch_state_dict_into_shards(
        tensors, filename_pattern=pattern, max_shard_size=_in_bytes(max_shard_size)
    )

    # 3) the files, in place of older ones, which would be read instead of these or beside them
    for name in filter(_WEIGHT_FILES.fullmatch, os.listdir(folder)):
        os.remove(os.path.join(folder, name))
    for file, keys in shards.filename_to_tensors.items():
        shard, path = {key: tensors[key] for key in keys}, os.path.join(folder, file)
        if safe_serialization:
            save_file(shard, path, metadata={"format": "pt"})  # readers refuse a file without the format
            _make_readable(path)
        else:
            save_function(shard, path)
    if shards.is_sharded:
        index = {"metadata": shards.metadata, "weight_map": shards.tensor_to_filename}
        with open(os.path.join(folder, pattern.format(suffix="") + ".index.json"), "w") as file:
            file.write(json.dumps(index, indent=2, sort_keys=True) + "\n")


def _in_bytes(size: int | str) -> int | str:
    """Binary units as bytes; the others as they are, for huggingface_hub, which refuses what is no size."""
    if not isinstance(size, str):
        return size
    number, unit = size.strip()[:-3].strip(), size.strip()[-3:].upper()
    if unit in _BINARY_UNITS and number.isdecimal():
        return int(number) * _BINARY_UNITS[unit]
    return size


def _named_sources(model: nn.Module, state_dict: dict[str, Tensor] | None) -> dict[str, Tensor]:
    """Every name of a model's parameters, each with its Parameter or with the tensor given for it."""
    parameters = dict(model.named_parameters(remove_duplicate=False))
    if state_dict is None:
        return parameters
    missing = sorted(set(parameters) - set(state_dict))
    if missing:
        raise ValueError(f"state_dict lacks {missing[0]} and {len(missing) - 1} more tensors")
    return state_dict


# The names of a head's table in the families' files.
_HEADS = ("lm_head.decoder.weight", "predictions.decoder.weight", "lm_head.weight")


def _names_to_write(model: nn.Module, *, untie: bool | str, every_name: bool) -> list[str]:
    """The names that go into the files: the first of each Parameter, copies of it as asked for, or all."""
    names, seen = [], set()
    for name, parameter in model.named_parameters(remove_duplicate=False):
        # 1) What was not written yet always goes in.
        copy_wanted = bool(untie)
        # 2) The two names of the head's own bias stay one tensor in every form, as the reference writes it.
        if name.endswith(("lm_head.decoder.bias", "predictions.decoder.bias")):
            copy_wanted = False
        # 3) Every reader ties a head to the table of its own side; that copy would only be bytes.
        if untie == "sides" and name.endswith(_HEADS):
            copy_wanted = False
        if every_name or copy_wanted or id(parameter) not in seen:
            names.append(name)
        seen.add(id(parameter))
    return names


def _storable(sources: dict[str, Tensor], *, share: bool) -> dict[str, Tensor]:
    """Name -> what a file holds: on the CPU, contiguous, in a storage of its own and of its own size.

    A Parameter may be a view: of a larger storage (weights that are packed for speed), of another
    Parameter's memory, or of rows and columns turned round. Written as it is, a file would hold, and count,
    all of that storage. ``share``: names of one tensor stay one (``.bin``); else each gets its own.
    """
    result: dict[str, Tensor] = {}
    by_source: dict[Any, Tensor] = {}
    storages: set[int] = set()
    for name, source in sources.items():
        key = _identity(source)
        if share and key in by_source:
            result[name] = by_source[key]
            continue
        tensor = source.detach().cpu().contiguous()
        storage = tensor.untyped_storage()
        if storage.nbytes() != tensor.nbytes or storage.data_ptr() in storages:
            tensor = tensor.clone()
        storages.add(tensor.untyped_storage().data_ptr())
        result[name] = by_source[key] = tensor
    return result


def _identity(source: Tensor) -> Any:
    """What tells whether two names are one tensor: the Parameter; of other tensors, what they look at."""
    if isinstance(source, nn.Parameter):
        return id(source)
    return source.device, source.data_ptr(), source.shape, source.stride(), source.dtype


def _make_readable(path: str) -> None:
    """Gives a file the usual mode: safetensors leaves it readable by its writer alone."""
    mask = os.umask(0)
    os.umask(mask)
    os.chmod(path, 0o666 & ~mask)
