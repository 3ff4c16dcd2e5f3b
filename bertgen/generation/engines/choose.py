"""Which engine serves a request: the fused one where the weights alone say what a model computes."""

from __future__ import annotations

from operator import attrgetter
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
_PACKAGE = __name__.split(".")[0] + "."
# What makes a call of a module do more than its class says, beside a ``forward`` of its own: its hooks, ...
_hooks_of = attrgetter("_forward_hooks", "_forward_pre_hooks")
# ... and torch's hooks that run for every module there is.
_HOOKS_ON_ALL = (torch_module._global_forward_hooks, torch_module._global_forward_pre_hooks)


def begin(model: Any, request: Request, source: Any, *, beams: int = 1) -> tuple[Engine, State]:
    """The fastest engine that serves the request, and a run of it begun over the encoder's output."""
    config, prompt_mask = request.config, request.prompt_mask
    capture = Capture(config.output_attentions, config.output_hidden_states)
    plain = {"use_cache": config.use_cache, "position_ids": request.position_ids}
    if request.beside is not None:
        plain["beside"] = request.beside.for_rows(request.prompt.shape[0] * beams)
    memory = memory_mask = None
    hooked = any(_hooks_of(model)) or any(_HOOKS_ON_ALL)
    own_forward = "forward" in model.__dict__ or not type(model).forward.__module__.startswith(_PACKAGE)
    if source is None:
        # A decoder alone: its prompt may be long and padded.
        engine: Engine = PlainEngine(model, **plain)
    elif hooked or own_forward:
        # An encoder-decoder whose own call was changed is called, with the memory as the encoder left it.
        memory, memory_mask = source.last_hidden_state, request.source_mask
        engine = PlainEngine(ThroughModel(model), **plain)
    else:
        # The fused engine writes from a single start token; everything else is the plain one's.
        decoder = model.decoder
        memory, memory_mask = source.last_hidden_state, request.source_mask
        if hasattr(model, "enc_to_dec_proj"):  # the sides differ in width
            memory = model.enc_to_dec_proj(memory)
        fits = request.prompt.shape[1] == 1 and config.use_cache and not capture.hidden_states
        fits = fits and prompt_mask is None and request.beside is None
        if fits and fused_serves(decoder):
            engine = FusedEngine(decoder, rows=beams * memory.shape[0])
        else:
            engine = PlainEngine(decoder, **plain)
    run = {"rows": beams, "capture": capture, "heads": request.heads, "prompt_mask": prompt_mask}
    state = engine.begin(memory, memory_mask, **run)
    return engine, state


@torch.no_grad()
def prepare(model: Any) -> None:
    """Makes in advance what the first ``generate`` of a model makes, for one row and for several."""
    decoder = model
    if model.config.is_encoder_decoder:
        decoder = model.decoder
    if fused_serves(decoder):
        for rows in (1, 2):
            FusedEngine(decoder, rows=rows)


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
    if any(_HOOKS_ON_ALL) or torch.is_autocast_enabled(next(decoder.parameters()).device.type):
        return False
    # 3) Only classes that are known, each with its own forward; ours may have none (containers).
    modules = list(decoder.modules())
    for kind in {type(module) for module in modules} - _KNOWN:
        if not kind.__module__.startswith(_PACKAGE):
            return False
        if kind.forward is not nn.Module.forward and not kind.forward.__module__.startswith(_PACKAGE):
            return False
    # 4) Every single module as its class made it.
    for module in modules:
        own = module.__dict__
        if module.training or any(_hooks_of(module)) or "forward" in own or own.get("pruned_heads"):
            return False
        if isinstance(module, nn.Linear | nn.LayerNorm) and (module.weight is None or module.bias is None):
            return False
    return True
