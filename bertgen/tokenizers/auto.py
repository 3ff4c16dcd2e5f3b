"""`AutoTokenizer`: the tokenizer that a checkpoint's own files ask for."""

from __future__ import annotations

import logging
import os
from typing import Any

from bertgen import hub
from bertgen.tokenizers.base import PreTrainedTokenizer
from bertgen.tokenizers.bert_generation import BertGenerationTokenizer
from bertgen.tokenizers.byte_level import GPT2Tokenizer, RobertaTokenizer
from bertgen.tokenizers.files import CONFIG_FILE, FAST_FILE, take_hub_arguments
from bertgen.tokenizers.vocabulary import read_fast_file, read_json, read_vocab_json
from bertgen.tokenizers.wordpiece import BertTokenizer

logger = logging.getLogger(__name__)

MODEL_CONFIG_FILE = "config.json"
# Classes of any vocabulary: which one is meant shows in the files.
_GENERIC = ("PreTrainedTokenizer", "PreTrainedTokenizerFast")
TOKENIZERS: dict[str, type[PreTrainedTokenizer]] = {
    "bert": BertTokenizer,
    "bert-generation": BertGenerationTokenizer,
    "gpt2": GPT2Tokenizer,
    "roberta": RobertaTokenizer,
}  # by model type
_BY_NAME = {cls.__name__: cls for cls in TOKENIZERS.values()}


class AutoTokenizer:
    """Loads the right tokenizer by a checkpoint's files; made by `from_pretrained` only."""

    def __init__(self) -> None:
        raise OSError("AutoTokenizer is not made itself; use AutoTokenizer.from_pretrained(name_or_folder)")

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike,
        *inputs: Any,
        config: Any = None,
        tokenizer_type: str | None = None,
        use_fast: bool = True,
        trust_remote_code: bool | None = None,
        **kwargs: Any,
    ) -> PreTrainedTokenizer:
        """The tokenizer of a folder, a vocabulary file or a Hub id.

        It is of the class that tokenizer_config.json names, else config.json, else the one of the model's
        type (of an encoder-decoder, its encoder's), else the one whose vocabulary files are there.

        Args:
            config: a model config to go by, in place of config.json.
            tokenizer_type: "bert", "bert-generation", "gpt2" or "roberta": no search then.
            use_fast: accepted; there is one implementation, and `*Fast` names mean it too.
            trust_remote_code: accepted; code from a repository is never run.
            **kwargs: for the class's `from_pretrained`: special tokens, revision, token, ...

        Raises:
            ValueError: a class, or a type of model, that is not among these four.
            OSError: no such folder or repository, or no vocabulary in it.
        """
        name = os.fspath(pretrained_model_name_or_path)
        where, kwargs = take_hub_arguments(kwargs)
        if tokenizer_type is not None:
            found = _of_type(tokenizer_type, "tokenizer_type=")
        elif os.path.isfile(name):
            found = _of_file(name)
        else:
            found = _of_config(name, config, where) or _of_files(name, where)
        return found.from_pretrained(name, *inputs, **where, **kwargs)


def _of_config(name: str, config: Any, where: dict[str, Any]) -> type[PreTrainedTokenizer] | None:
    """The class that the configs of a checkpoint name; None when they leave it open."""
    saved = _json(name, CONFIG_FILE, where)
    if saved.get("tokenizer_class"):
        return _of_name(saved["tokenizer_class"], f"{CONFIG_FILE} of {name!r}")
    model = config.to_dict() if hasattr(config, "to_dict") else config
    model = model if isinstance(model, dict) else _json(name, MODEL_CONFIG_FILE, where)
    encoder = model.get("encoder")
    for part in (model, encoder if isinstance(encoder, dict) else {}):
        if part.get("tokenizer_class"):
            return _of_name(part["tokenizer_class"], f"{MODEL_CONFIG_FILE} of {name!r}")
    if isinstance(encoder, dict):
        model = encoder
    if not model.get("model_type"):
        return None
    found = _of_type(model["model_type"], f"{MODEL_CONFIG_FILE} of {name!r}: model_type ")
    missing = [file for file in found.vocab_files_names.values() if not hub.cached_file(name, file, **where)]
    if missing:  # the files know better than the model's type
        logger.info("%s has no %s, so its files decide on the tokenizer", name, ", ".join(missing))
        return None
    return found


def _json(name: str, file: str, where: dict[str, Any]) -> dict[str, Any]:
    path = hub.cached_file(name, file, **where)
    return {} if path is None else read_json(path)


def _of_name(class_name: Any, source: str) -> type[PreTrainedTokenizer] | None:
    plain = str(class_name).removesuffix("Fast")
    if class_name in _GENERIC:
        return None
    if plain not in _BY_NAME:
        raise ValueError(
            f"{source} asks for {class_name!r}, which is not among {', '.join(sorted(_BY_NAME))}; if one of "
            "them reads its vocabulary, load it with that class's own from_pretrained"
        )
    return _BY_NAME[plain]


def _of_type(model_type: Any, source: str) -> type[PreTrainedTokenizer]:
    model_type = str(model_type)
    if model_type not in TOKENIZERS:
        raise ValueError(
            f"{source}{model_type!r} is not among {', '.join(sorted(TOKENIZERS))}; if one of "
            f"{', '.join(sorted(_BY_NAME))} reads its vocabulary, load it with that class's from_pretrained"
        )
    return TOKENIZERS[model_type]


def _of_files(name: str, where: dict[str, Any]) -> type[PreTrainedTokenizer]:
    """The class whose vocabulary files are there."""
    for found in (BertGenerationTokenizer, BertTokenizer):
        if hub.cached_file(name, found.vocab_files_names["vocab_file"], **where):
            return found
    vocab, merges = (hub.cached_file(name, f, **where) for f in GPT2Tokenizer.vocab_files_names.values())
    if vocab and merges:
        return _byte_level(read_vocab_json(vocab))
    fast = hub.cached_file(name, FAST_FILE, **where)
    if fast:
        return _of_file(fast)
    folder = os.path.join(name, where.get("subfolder") or "")
    there = ""
    if os.path.isdir(folder):
        there = f" (it holds {', '.join(sorted(os.listdir(folder))[:20]) or 'nothing'})"
    raise OSError(
        f"{name!r} holds no vocabulary{there}; needed is spiece.model, vocab.txt, vocab.json with "
        "merges.txt, or tokenizer.json: copy them from the checkpoint's source, or save a tokenizer there"
    )


def _of_file(path: str) -> type[PreTrainedTokenizer]:
    """The class of one vocabulary file."""
    if path.endswith(".model"):
        return BertGenerationTokenizer
    if path.endswith(".txt") and os.path.basename(path) != "merges.txt":
        return BertTokenizer
    if os.path.basename(path).endswith(FAST_FILE):
        fast = read_fast_file(path)
        if fast.kind == "WordPiece":
            return BertTokenizer
        return RobertaTokenizer if fast.template == "RobertaProcessing" else _byte_level(fast.vocab)
    raise ValueError(
        f"{path!r}: one file loads from spiece.model, vocab.txt or tokenizer.json; else give the folder"
    )


def _byte_level(vocab: dict[str, int]) -> type[PreTrainedTokenizer]:
    return RobertaTokenizer if {"<s>", "</s>", "<mask>"} <= vocab.keys() else GPT2Tokenizer
