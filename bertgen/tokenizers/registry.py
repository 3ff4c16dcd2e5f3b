"""The tokenizer classes by model type, and which of them a checkpoint asks for.

A class enters with `@register("its-model-type")`; nothing here imports one.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any, TypeVar

from bertgen import hub
from bertgen.errors import FileTrouble, Trouble
from bertgen.tokenizers.core import TokenizerCore
from bertgen.tokenizers.vocabulary import (
    CONFIG_FILE,
    FAST_FILE,
    WORD_PIECE,
    read_json,
    read_tokenizer_json,
    read_vocab_json,
)

logger = logging.getLogger(__name__)

MODEL_CONFIG_FILE = "config.json"
# Classes of any vocabulary: which one is meant shows in the files.
_GENERIC = ("PreTrainedTokenizer", "PreTrainedTokenizerFast")
TOKENIZERS: dict[str, type[TokenizerCore]] = {}  # by model type

TokenizerClass = TypeVar("TokenizerClass", bound=type)


def register(model_type: str) -> Callable[[TokenizerClass], TokenizerClass]:
    """Class decorator: checkpoints of `model_type` (as in config.json) are read by this tokenizer."""

    def add(cls: TokenizerClass) -> TokenizerClass:
        TOKENIZERS[model_type] = cls
        return cls

    return add


def class_for(name: str, config: Any, hub_kwargs: dict[str, Any]) -> type[TokenizerCore]:
    """The class for a folder, a vocabulary file or a Hub id.

    Args:
        name: the folder, file or id.
        config: a model config (or its dict) to go by, in place of config.json; None: config.json.
        hub_kwargs: revision, subfolder, ..., see `bertgen.hub`.

    Raises:
        ValueError: a class, or a type of model, that is not registered.
        OSError: no such folder or repository, or no vocabulary in it.
    """
    if os.path.isfile(name):
        return _class_for_file(name)
    # 1) The tokenizer's own config knows best.
    saved = _read_json(name, CONFIG_FILE, hub_kwargs)
    if saved.get("tokenizer_class"):
        found = class_named(saved["tokenizer_class"], f"{CONFIG_FILE} of {name!r}")
    else:
        # 2) Then the model's config.
        found = _class_by_model_config(name, config, hub_kwargs)
    # 3) Then the vocabulary files that are there.
    if found is None:
        found = _class_by_files(name, hub_kwargs)
    return found


def class_of_model_type(model_type: Any, source: str) -> type[TokenizerCore]:
    """The class registered for a model type; a `ValueError` that begins with `source` when there is none."""
    model_type = str(model_type)
    if model_type not in TOKENIZERS:
        choices, classes = ", ".join(sorted(TOKENIZERS)), ", ".join(sorted(_by_name()))
        raise Trouble(
            "tokenizer.unknown_type", source=source, got=model_type, choices=choices, classes=classes
        )
    return TOKENIZERS[model_type]


def class_named(class_name: Any, source: str) -> type[TokenizerCore] | None:
    """The class of a name, with or without "Fast"; None for a name that leaves it open."""
    if class_name in _GENERIC:
        return None
    classes = _by_name()
    plain = str(class_name).removesuffix("Fast")
    if plain not in classes:
        choices = ", ".join(sorted(classes))
        raise Trouble("tokenizer.unknown_class", source=source, got=class_name, choices=choices)
    return classes[plain]


def _by_name() -> dict[str, type[TokenizerCore]]:
    return {cls.__name__: cls for cls in TOKENIZERS.values()}


def _read_json(name: str, file: str, hub_kwargs: dict[str, Any]) -> dict[str, Any]:
    path = hub.cached_file(name, file, **hub_kwargs)
    if path is None:
        return {}
    return read_json(path)


def _class_by_model_config(name: str, config: Any, hub_kwargs: dict[str, Any]) -> type[TokenizerCore] | None:
    """The class that a model's config names; None when it leaves it open."""
    if hasattr(config, "to_dict"):
        config = config.to_dict()
    if not isinstance(config, dict):
        config = _read_json(name, MODEL_CONFIG_FILE, hub_kwargs)
    # Of an encoder-decoder the encoder decides: its tokenizer reads the source.
    encoder = config.get("encoder")
    parts = [config]
    if isinstance(encoder, dict):
        parts.append(encoder)
    # 1) A class by name.
    for part in parts:
        if part.get("tokenizer_class"):
            return class_named(part["tokenizer_class"], f"{MODEL_CONFIG_FILE} of {name!r}")
    # 2) The model's type.
    model_type = parts[-1].get("model_type")
    if not model_type:
        return None
    found = class_of_model_type(model_type, f"{MODEL_CONFIG_FILE} of {name!r}: model_type ")
    # 3) The files know better than the model's type.
    files = found.vocab_files_names.values()
    missing = [file for file in files if not hub.cached_file(name, file, **hub_kwargs)]
    if missing:
        logger.info("%s has no %s, so its files decide on the tokenizer", name, ", ".join(missing))
        return None
    return found


def _class_by_files(name: str, hub_kwargs: dict[str, Any]) -> type[TokenizerCore]:
    """The class whose vocabulary files are there."""

    def path_of(file: str) -> str | None:
        return hub.cached_file(name, file, **hub_kwargs)

    for model_type in ("bert-generation", "bert"):
        found = TOKENIZERS[model_type]
        if path_of(found.vocab_files_names["vocab_file"]):
            return found
    vocab, merges = (path_of(file) for file in TOKENIZERS["gpt2"].vocab_files_names.values())
    if vocab and merges:
        return _byte_level_class(read_vocab_json(vocab))
    fast = path_of(FAST_FILE)
    if fast:
        return _class_for_file(fast)
    folder = os.path.join(name, hub_kwargs.get("subfolder") or "")
    if not os.path.isdir(folder):
        raise FileTrouble("tokenizer.no_vocabulary_there", name=name)
    held = ", ".join(sorted(os.listdir(folder))[:20]) or "nothing"
    raise FileTrouble("tokenizer.no_vocabulary", name=name, held=held)


def _class_for_file(path: str) -> type[TokenizerCore]:
    """The class of one vocabulary file."""
    if path.endswith(".model"):
        return TOKENIZERS["bert-generation"]
    if path.endswith(".txt") and os.path.basename(path) != "merges.txt":
        return TOKENIZERS["bert"]
    if not os.path.basename(path).endswith(FAST_FILE):
        raise Trouble("tokenizer.one_file", path=path)
    saved = read_tokenizer_json(path)
    if saved.kind == WORD_PIECE:
        return TOKENIZERS["bert"]
    if saved.template == "RobertaProcessing":
        return TOKENIZERS["roberta"]
    return _byte_level_class(saved.vocab)


def _byte_level_class(vocab: dict[str, int]) -> type[TokenizerCore]:
    """RoBERTa's when its special tokens are in the vocabulary; else GPT-2's, which has one only."""
    if {"<s>", "</s>", "<mask>"} <= vocab.keys():
        return TOKENIZERS["roberta"]
    return TOKENIZERS["gpt2"]
