"""Values of a model's configuration, checked before anything is built with them.

Configs stay mutable bags, as the ecosystem expects; a value is refused where it is used, with the reason and
the choices. The errors are of the type that the reference lets happen later (deep inside torch), and all of
them are ``ValueError``s too.
"""

from __future__ import annotations

import math
import os
import sys
from typing import Any, NamedTuple

import torch

from bertgen.configs.activations import activation
from bertgen.configs.reference import (
    ConfigError,
    ConfigNameError,
    ConfigPadError,
    ConfigSizeError,
    ConfigTypeError,
)

POSITION_TYPES = ("absolute", "relative_key", "relative_key_query")
# Deeper ones do not exist; a damaged file should not build layers for an hour.
DEEPEST = 10_000


def is_whole(value: Any) -> bool:
    """Whether this is an int; True and False are not numbers here."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    return is_whole(value) or isinstance(value, float)


# -- what a field may be -------------------------------------------------------------------------


class _Number(NamedTuple):
    """Bounds of a number, and the error beyond them; ``whole``: an integer."""

    lowest: float = -math.inf
    highest: float = math.inf
    whole: bool = True
    may_be_none: bool = False
    error: type[ConfigError] = ConfigSizeError


_SIZE = _Number(lowest=1)
_DEPTH = _Number(lowest=0, highest=DEEPEST)
_OPTIONAL_SIZE = _Number(lowest=1, may_be_none=True)
_CHUNK = _Number()  # 0 switches it off
_PROBABILITY = _Number(lowest=0, highest=1, whole=False, error=ConfigError)
_SPREAD = _Number(lowest=0, highest=sys.float_info.max, whole=False)
# Fields of every family (GPT-2's own names among them); a config is asked for those that it has.
_NUMBERS: dict[str, _Number] = {
    **dict.fromkeys(("vocab_size", "hidden_size", "num_attention_heads", "intermediate_size"), _SIZE),
    **dict.fromkeys(("max_position_embeddings", "type_vocab_size", "n_embd", "n_head", "n_positions"), _SIZE),
    **dict.fromkeys(("num_hidden_layers", "n_layer"), _DEPTH),
    **dict.fromkeys(("n_inner", "cross_attention_hidden_size"), _OPTIONAL_SIZE),
    "chunk_size_feed_forward": _CHUNK,
    **dict.fromkeys(("hidden_dropout_prob", "attention_probs_dropout_prob"), _PROBABILITY),
    **dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), _PROBABILITY),
    **dict.fromkeys(("initializer_range", "layer_norm_eps", "layer_norm_epsilon"), _SPREAD),
}
_FLAGS = (
    *("is_decoder", "add_cross_attention", "is_encoder_decoder", "use_cache", "return_dict", "torchscript"),
    *("tie_word_embeddings", "tie_encoder_decoder", "keep_start_in_mask"),
    *("output_attentions", "output_hidden_states"),
)


# -- names and labels: when a config is made -----------------------------------------------------


def check_keywords(kind: type, data: Any) -> None:
    """Raises unless this is a dict of settings that can be given to the class as its keywords."""
    if not isinstance(data, dict):
        raise ConfigTypeError("config.no_dict", kind=kind.__name__, got=type(data).__name__)
    for key in data:
        if not isinstance(key, str):
            raise ConfigTypeError("config.bad_key", kind=kind.__name__, got=repr(key))
    if "self" in data:
        raise _not_a_setting(kind, "self")


def check_names(kind: type, keywords: dict[str, Any]) -> None:
    """Raises when a field would hide a method of the class, or a property that cannot be set."""
    for key in keywords:
        there = getattr(kind, key, None)
        if callable(there) or (isinstance(there, property) and there.fset is None):
            raise _not_a_setting(kind, key)


def _not_a_setting(kind: type, key: str) -> ConfigNameError:
    return ConfigNameError("config.not_a_setting", name=key, kind=kind.__name__)


def check_labels(kwargs: dict[str, Any]) -> None:
    """Raises unless the dicts and counts among the common fields are dicts and counts."""
    for name in ("id2label", "pruned_heads"):
        value = kwargs.get(name)
        if value is not None and not isinstance(value, dict):
            raise ConfigError("config.dict", name=name, got=repr(value))
        try:
            _ = [int(key) for key in value or ()]
        except (TypeError, ValueError):
            raise ConfigError("config.number_keys", name=name, got=repr(list(value)[:3])) from None
    for layer, heads in (kwargs.get("pruned_heads") or {}).items():
        if not isinstance(heads, list | tuple | set):
            raise ConfigTypeError("config.pruned_list", layer=layer, got=repr(heads))
    labels = kwargs.get("num_labels")
    if labels is not None and not (is_whole(labels) and 0 <= labels <= 1_000_000):
        raise ConfigTypeError("config.labels", got=repr(labels))


# -- sizes and choices: when a model is built ----------------------------------------------------


def check_model_config(config: Any) -> None:
    """Raises a ``ConfigError`` that names the field, its value and what it may be."""
    fields = vars(config)
    # 1) each number by itself
    for name, rule in _NUMBERS.items():
        value = fields.get(name)
        if name not in fields or (value is None and rule.may_be_none):
            continue
        if rule.whole and (not isinstance(value, int) or isinstance(value, bool)):
            raise ConfigTypeError("config.integer", name=name, got=repr(value), kind=type(value).__name__)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise ConfigTypeError("config.number", name=name, got=repr(value))
        # (written so that NaN, which compares with nothing, is refused too)
        if not value >= rule.lowest:
            raise rule.error("config.low", name=name, lowest=rule.lowest, got=value)
        if not value <= rule.highest:
            raise rule.error("config.high", name=name, highest=rule.highest, got=value)
    # 2) flags, and choices
    for name in _FLAGS:
        if not isinstance(fields.get(name), int | None):
            raise ConfigTypeError("config.flag", name=name, got=repr(fields[name]))
    for name in ("hidden_act", "activation_function"):
        if name in fields:
            activation(fields[name], name)
    positions = fields.get("position_embedding_type", POSITION_TYPES[0])
    if positions not in POSITION_TYPES:
        raise ConfigError("config.positions", got=repr(positions), choices=", ".join(POSITION_TYPES))
    # 3) what goes together: heads share the width evenly, the pad is a row of the table
    width, heads = getattr(config, "hidden_size", None), getattr(config, "num_attention_heads", None)
    if width is not None and heads is not None and width % heads:
        raise ConfigError("config.heads", width=width, heads=heads)
    pad, rows = fields.get("pad_token_id"), fields.get("vocab_size")
    if pad is not None and rows is not None:
        if not isinstance(pad, int) or isinstance(pad, bool):
            raise ConfigTypeError("config.pad_type", got=repr(pad))
        if not -rows <= pad < rows:
            raise ConfigPadError("config.pad_outside", pad=pad, rows=rows)
    # 4) what is pruned must have been there
    if config.pruned_heads:
        _check_pruned(config)


def _check_pruned(config: Any) -> None:
    # Negative numbers count from the end; the reference writes them as they were given.
    heads, layers = getattr(config, "num_attention_heads", None), getattr(config, "num_hidden_layers", None)
    for layer, gone in (config.pruned_heads or {}).items():
        if layers is not None and not -layers <= layer < layers:
            raise ConfigError("config.pruned_layer", layer=layer, layers=layers)
        if heads is not None and not all(is_whole(head) and -heads <= head < heads for head in gone):
            raise ConfigError("config.pruned_heads", layer=layer, got=repr(gone), last=heads - 1)


# -- memory --------------------------------------------------------------------------------------


def model_bytes(config: Any) -> int:
    """About how many bytes the weights of one model take in float32, from its sizes alone.

    0 when a size is not a number that can be: ``check_model_config`` says which.
    """
    width, layers, heads = config.hidden_size, config.num_hidden_layers, config.num_attention_heads
    words, positions = config.vocab_size, config.max_position_embeddings
    inner = getattr(config, "intermediate_size", None) or getattr(config, "n_inner", None) or 4 * width
    if not all(is_whole(size) and size > 0 for size in (width, layers, heads, words, positions, inner)):
        return 0
    # Four matrices an attention, two a feed-forward; biases and norms are too small to count.
    layer = 4 * width * width + 2 * width * inner
    if config.add_cross_attention:
        layer += 4 * width * width
    if getattr(config, "position_embedding_type", "absolute") != "absolute":
        layer += 2 * positions * (width // heads)
    tables = (words + positions) * width
    if not config.tie_word_embeddings:
        tables += words * width
    return 4 * (tables + layers * layer)


def check_memory(config: Any) -> None:
    """Raises ``ConfigSizeError`` when a model of this config does not fit into the machine's memory."""
    parts = [config]
    if config.is_composition:
        parts = [config.encoder, config.decoder]
    needed, there = sum(model_bytes(part) for part in parts), memory_bytes()
    if needed > there:
        sizes = ", ".join(
            f"{part.vocab_size} x {part.hidden_size} words, {part.num_hidden_layers} layers" for part in parts
        )
        raise ConfigSizeError("config.memory", sizes=sizes, needed=needed / 1e9, there=there / 1e9)


def memory_bytes() -> float:
    """The machine's memory; infinite where the system does not tell."""
    try:
        there = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, OSError, ValueError):
        return math.inf
    try:  # a container may be allowed less
        with open("/sys/fs/cgroup/memory.max", encoding="ascii") as file:
            return min(there, float(file.read().strip().replace("max", "inf")))
    except (OSError, ValueError):
        return there


def builds_for_real() -> bool:
    """Whether tensors made now take memory (they do not on the meta device)."""
    return not torch.empty(0).is_meta
