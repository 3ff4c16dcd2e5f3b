"""Which engine serves a request: the fused one where the weights alone say what a model computes."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as torch_module

from bertgen.generation.engines.base import Capture, Engine, State
from bertgen.generation.engines.fused import LAYER_TABLES, FusedEngine
from bertgen.generation.engines.plain import PlainEngine, ThroughModel
from bertgen.generation.request import Request

# Torch's own classes in a decoder of the BERT kind; a subclass (LoRA, quantised, parametrised) is another.
_KNOWN = {nn.Linear, nn.Embedding, nn.LayerNorm, nn.Dropout, nn.ModuleList}
_PACKAGE = __name__.split(".")[0]


def begin(model: Any, request: Request, source: Any, *, beams: int = 1) -> tuple[Engine, State]:
    """The fastest engine that serves the request, and a run of it begun over the encoder's output."""
    config, prompt_mask = request.config, request.prompt_mask
    capture = Capture(config.output_attentions, config.output_hidden_states)
    plain = {"use_cache": config.use_cache, "position_ids": request.position_ids}
    # 1) A decoder alone: its prompt may be long and padded.
    if source is None:
        engine: Engine = PlainEngine(model, **plain)
        return engine, engine.begin(None, None, rows=beams, capture=capture, prompt_mask=prompt_mask)
    # 2) An encoder-decoder whose own call was changed is called, with the memory as the encoder left it.
    memory = source[0]
    if is_changed(model) or everything_is_watched() or not _is_ours(type(model).forward):
        engine = PlainEngine(ThroughModel(model), **plain)
        return engine, engine.begin(
            memory, request.source_mask, rows=beams, capture=capture, prompt_mask=prompt_mask
        )
    # 3) The fused engine writes from a single start token; everything else is the plain one's.
    decoder, memory = model.get_decoder(), model.project(memory)
    fits = request.prompt.shape[1] == 1 and config.use_cache and not capture.hidden_states
    if fits and prompt_mask is None and fused_serves(decoder):
        engine = FusedEngine(decoder)
    else:
        engine = PlainEngine(decoder, **plain)
    return engine, engine.begin(
        memory, request.source_mask, rows=beams, capture=capture, prompt_mask=prompt_mask
    )


def fused_serves(decoder: nn.Module) -> bool:
    """Whether the fused engine computes what calling the decoder would: it looks at every module, each time.

    Whoever replaces, wraps, hooks, patches or subclasses a module, prunes heads, leaves a part in training or
    asks for autocast wants the modules called.
    """
    # 1) A family with a table, absolute positions, nothing pruned, everything in eval mode.
    config = getattr(decoder, "config", None)
    if getattr(config, "model_type", None) not in LAYER_TABLES or decoder.training:
        return False
    if config.position_embedding_type != "absolute" or config.pruned_heads or not config.add_cross_attention:
        return False
    # 2) Nothing that holds for every module there is.
    if everything_is_watched() or torch.is_autocast_enabled(next(decoder.parameters()).device.type):
        return False
    # 3) Only classes that are known, each with its own forward; ours may have none (containers).
    modules = list(decoder.modules())
    for kind in {type(module) for module in modules} - _KNOWN:
        if not _is_ours(kind) or not (_is_ours(kind.forward) or kind.forward is nn.Module.forward):
            return False
    # 4) Every single module as its class made it.
    for module in modules:
        if module.training or is_changed(module) or getattr(module, "pruned_heads", None):
            return False
        if isinstance(module, nn.Linear | nn.LayerNorm) and (module.weight is None or module.bias is None):
            return False
    return True


def is_changed(module: nn.Module) -> bool:
    """Whether calling the module does more than its class says: a hook, or a ``forward`` of its own."""
    return bool(module._forward_hooks or module._forward_pre_hooks or "forward" in module.__dict__)


def everything_is_watched() -> bool:
    """Whether torch has forward hooks that run for every module there is."""
    return bool(torch_module._global_forward_hooks or torch_module._global_forward_pre_hooks)


def _is_ours(thing: Any) -> bool:
    return thing.__module__.split(".")[0] == _PACKAGE
