"""Values of a model's configuration, checked before anything is built with them.

Configs stay mutable bags, as the ecosystem expects; a value is refused where it is used, with the reason and
the choices. The errors are of the type that the reference lets happen later (deep inside torch), and all of
them are ``ValueError``s too.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

import torch

from bertgen.configs.activations import activation
from bertgen.configs.reference import (
    ConfigChoiceError,
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


def _size(name: str, value: Any, lowest: int = 1) -> None:
    if not is_whole(value):
        raise ConfigTypeError(f"{name} must be a whole number, got {value!r} ({type(value).__name__})")
    if value < lowest:
        raise ConfigSizeError(f"{name} must be {lowest} or more, got {value}")


def _depth(name: str, value: Any) -> None:
    _size(name, value, lowest=0)
    if value > DEEPEST:
        raise ConfigSizeError(f"{name} must be {DEEPEST} or less, got {value}; is the file damaged?")


def _optional_size(name: str, value: Any) -> None:
    if value is not None:
        _size(name, value)


def _count(name: str, value: Any) -> None:
    if not is_whole(value):
        raise ConfigTypeError(f"{name} must be a whole number, got {value!r}; 0 switches it off")


def _probability(name: str, value: Any) -> None:
    if not is_number(value):
        raise ConfigTypeError(f"{name} must be a number from 0 to 1, got {value!r}")
    if not 0 <= value <= 1:
        raise ConfigError(f"{name} is a probability: it must lie between 0 and 1, got {value}")


def _spread(name: str, value: Any) -> None:
    if not is_number(value):
        raise ConfigTypeError(f"{name} must be a number, got {value!r}")
    if not 0 <= value < math.inf:
        raise ConfigSizeError(f"{name} must be 0 or more, got {value}")


def _flag(name: str, value: Any) -> None:
    if value is not None and not isinstance(value, int):
        raise ConfigTypeError(f"{name} must be true or false, got {value!r}")


def _positions(name: str, value: Any) -> None:
    if value not in POSITION_TYPES:
        raise ConfigError(f"{name} {value!r} is unknown; choose one of {POSITION_TYPES}")


def _activation(name: str, value: Any) -> None:
    try:
        activation(value)
    except KeyError as error:
        raise ConfigChoiceError(error.args[0].replace("hidden_act", name)) from None
    except TypeError as error:
        raise ConfigTypeError(str(error).replace("hidden_act", name)) from None


# Fields of every family (GPT-2's own names among them); a config is asked for those that it has.
_RULES: dict[str, Callable[[str, Any], None]] = {
    **dict.fromkeys(("vocab_size", "hidden_size", "num_attention_heads", "intermediate_size"), _size),
    **dict.fromkeys(("max_position_embeddings", "type_vocab_size", "n_embd", "n_head", "n_positions"), _size),
    **dict.fromkeys(("num_hidden_layers", "n_layer"), _depth),
    **dict.fromkeys(("n_inner", "cross_attention_hidden_size"), _optional_size),
    "chunk_size_feed_forward": _count,
    **dict.fromkeys(("hidden_dropout_prob", "attention_probs_dropout_prob"), _probability),
    **dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), _probability),
    **dict.fromkeys(("initializer_range", "layer_norm_eps", "layer_norm_epsilon"), _spread),
    **dict.fromkeys(("hidden_act", "activation_function"), _activation),
    "position_embedding_type": _positions,
    **dict.fromkeys(("is_decoder", "add_cross_attention", "is_encoder_decoder", "use_cache"), _flag),
    **dict.fromkeys(("tie_word_embeddings", "tie_encoder_decoder", "keep_start_in_mask"), _flag),
    **dict.fromkeys(("output_attentions", "output_hidden_states", "return_dict", "torchscript"), _flag),
}


def check_names(kind: type, data: Any) -> None:
    """Raises when a dict of settings is none, or when a key of it would hide a method of the class."""
    if not isinstance(data, dict):
        raise ConfigTypeError(f"settings of a {kind.__name__} must be a dict, got {type(data).__name__}")
    for key in data:
        if not isinstance(key, str):
            raise ConfigTypeError(f"settings of a {kind.__name__} have names, got the key {key!r}")
        own = getattr(kind, key, None)
        hidden = callable(own) or (isinstance(own, property) and own.fset is None)
        if key == "self" or (hidden and key not in ("num_labels", "name_or_path")):  # (these are arguments)
            raise ConfigNameError(f"{key!r} is no setting but a part of {kind.__name__}; remove the key")


def check_labels(kwargs: dict[str, Any]) -> None:
    """Raises unless the dicts and counts among the common fields are dicts and counts."""
    for name in ("id2label", "pruned_heads"):
        value = kwargs.get(name)
        if value is not None and not isinstance(value, dict):
            raise ConfigError(f"{name} must be a dict, got {value!r}")
        try:
            _ = [int(key) for key in value or ()]
        except (TypeError, ValueError):
            raise ConfigError(f"the keys of {name} must be numbers, got {list(value)[:3]}") from None
    for layer, heads in (kwargs.get("pruned_heads") or {}).items():
        if not isinstance(heads, list | tuple | set):
            raise ConfigTypeError(f"pruned_heads of layer {layer} must be a list of heads, got {heads!r}")
    labels = kwargs.get("num_labels")
    if labels is not None and not (is_whole(labels) and 0 <= labels <= 1_000_000):
        raise ConfigTypeError(f"num_labels must be a whole number of at most 1000000, got {labels!r}")


def check_model_config(config: Any) -> None:
    """Raises a ``ConfigError`` that names the field, its value and what it may be."""
    fields = vars(config)
    for name, rule in _RULES.items():
        if name in fields:
            rule(name, fields[name])
    _check_heads(config)
    _check_pad(fields)
    _check_pruned(config)


def _check_heads(config: Any) -> None:
    width, heads = getattr(config, "hidden_size", None), getattr(config, "num_attention_heads", None)
    if width is not None and heads is not None and width % heads:
        raise ConfigError(
            f"hidden_size {width} is not a multiple of num_attention_heads {heads}; each head gets "
            "hidden_size / num_attention_heads numbers"
        )


def _check_pad(fields: dict[str, Any]) -> None:
    pad, rows = fields.get("pad_token_id"), fields.get("vocab_size")
    if pad is None or rows is None:
        return
    if not is_whole(pad):
        raise ConfigTypeError(f"pad_token_id must be an id or null, got {pad!r}")
    if not -rows <= pad < rows:
        raise ConfigPadError(
            f"pad_token_id {pad} is outside the vocabulary of {rows} tokens (vocab_size); the padding token "
            "needs a row of its own, or pad_token_id null"
        )


def _check_pruned(config: Any) -> None:
    heads, layers = getattr(config, "num_attention_heads", None), getattr(config, "num_hidden_layers", None)
    for layer, gone in (config.pruned_heads or {}).items():
        if layers is not None and not 0 <= layer < layers:
            raise ConfigError(f"pruned_heads names layer {layer}, but there are {layers} layers")
        if heads is not None and not all(is_whole(head) and 0 <= head < heads for head in gone):
            raise ConfigError(
                f"pruned_heads of layer {layer} are {gone}; heads are numbers from 0 to {heads - 1}"
            )


def model_bytes(config: Any) -> int:
    """About how many bytes the weights of one model take in float32, from its sizes alone."""
    width, layers = config.hidden_size, config.num_hidden_layers
    inner = getattr(config, "intermediate_size", None) or getattr(config, "n_inner", None) or 4 * width
    attention = 4 * width * width * (2 if config.add_cross_attention else 1)
    tables = (config.vocab_size + config.max_position_embeddings) * width
    head = 0 if config.tie_word_embeddings else config.vocab_size * width
    relative = getattr(config, "position_embedding_type", "absolute") != "absolute"
    distances = 2 * config.max_position_embeddings * (width // config.num_attention_heads) if relative else 0
    return 4 * (tables + head + layers * (attention + 2 * width * inner + distances))


def check_memory(config: Any) -> None:
    """Raises ``ConfigSizeError`` when a model of this config does not fit into the machine's memory."""
    parts = [config.encoder, config.decoder] if config.is_encoder_decoder else [config]
    for part in parts:
        check_model_config(part)
    needed, there = sum(model_bytes(part) for part in parts), memory_bytes()
    if needed > there:
        sizes = ", ".join(
            f"{part.vocab_size} x {part.hidden_size} words, {part.num_hidden_layers} layers" for part in parts
        )
        raise ConfigSizeError(
            f"a model of this config ({sizes}) takes {needed / 1e9:,.0f} GB, this machine has "
            f"{there / 1e9:,.0f} GB; are the sizes right?"
        )


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
