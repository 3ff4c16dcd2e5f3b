"""Whether a model still computes what its weights alone say, or its modules have to be called."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as torch_module

# Torch's own classes in a decoder of the BERT kind; a subclass (LoRA, quantised, parametrised) is another.
_KNOWN = {nn.Linear, nn.Embedding, nn.LayerNorm, nn.Dropout, nn.ModuleList}


def _ours(thing: Any) -> bool:
    return thing.__module__.split(".")[0] == __name__.split(".")[0]


def _is_ours(kind: type[nn.Module]) -> bool:
    return _ours(kind) and (_ours(kind.forward) or kind.forward is nn.Module.forward)


def is_watched(module: nn.Module) -> bool:
    """Whether calling the module does more than its class says: a hook, or a ``forward`` of its own."""
    return bool(module._forward_hooks or module._forward_pre_hooks or "forward" in vars(module))


def everything_is_watched() -> bool:
    """Whether torch has forward hooks that run for every module there is."""
    return bool(torch_module._global_forward_hooks or torch_module._global_forward_pre_hooks)


def needs_its_forward(model: nn.Module) -> bool:
    """Whether somebody changed what a call of the model itself does, its parts left aside."""
    return is_watched(model) or everything_is_watched() or not _ours(type(model).forward)


def _is_ordinary(module: nn.Module) -> bool:
    if module.training or is_watched(module) or getattr(module, "pruned_heads", None):
        return False
    if isinstance(module, nn.Linear | nn.LayerNorm):
        return module.weight is not None and module.bias is not None
    return True


def weights_tell_all(decoder: nn.Module) -> bool:
    """Whether every module of the decoder is one that the lean step knows by heart.

    Whoever replaces, wraps, hooks or subclasses a module, or asks for autocast, wants it called.
    """
    if everything_is_watched() or torch.is_autocast_enabled(next(decoder.parameters()).device.type):
        return False
    modules = list(decoder.modules())
    kinds = {type(module) for module in modules}
    return all(kind in _KNOWN or _is_ours(kind) for kind in kinds) and all(
        _is_ordinary(module) for module in modules
    )
