"""Loading a tokenizer from a folder or the Hub, and saving it."""

from __future__ import annotations

import copy
import json
import logging
import os
from collections.abc import Mapping
from typing import Any

from bertgen import hub
from bertgen.configs.base import split_hub_kwargs
from bertgen.errors import FileTrouble, Trouble
from bertgen.tokenizers import registry
from bertgen.tokenizers.saved_tokens import ADDED_TOKENS_FILE, plain, read_added_tokens, revive
from bertgen.tokenizers.vocabulary import CONFIG_FILE, FAST_FILE, read_json

logger = logging.getLogger(__name__)

SPECIAL_TOKENS_FILE = "special_tokens_map.json"
DECODER_FOLDER = "decoder_tokenizer"

_INTERNAL = ("_from_auto", "_from_pipeline", "_commit_hash")  # what the reference hands on inside itself


def take_hub_kwargs(kwargs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split keyword arguments of a `from_pretrained` into those for `bertgen.hub` and the others."""
    others = {name: value for name, value in kwargs.items() if name not in _INTERNAL}
    hub_kwargs = split_hub_kwargs(others)
    return hub_kwargs, others


def file_prefix(filename_prefix: str | None) -> str:
    """What a saved file's name begins with: "prefix-", or nothing."""
    if not filename_prefix:
        return ""
    return f"{filename_prefix}-"


def _load_decoder_tokenizer(name: str, hub_kwargs: Mapping[str, Any]) -> Any:
    """The tokenizer in `decoder_tokenizer/` of a checkpoint; None when there is none.

    It is there when its tokenizer_config.json is, so that a Hub checkpoint costs one more look.
    """
    outer = hub_kwargs.get("subfolder") or ""
    # A file has no folders in it, and a decoder's tokenizer has no decoder of its own.
    if os.path.isfile(name) or outer.rstrip("/").endswith(DECODER_FOLDER):
        return None
    inner = DECODER_FOLDER
    if outer:
        inner = f"{outer}/{DECODER_FOLDER}"
    hub_kwargs = {**hub_kwargs, "subfolder": inner}
    if hub.cached_file(name, CONFIG_FILE, **hub_kwargs) is None:
        return None
    found = registry.class_for(name, None, hub_kwargs)
    return found.from_pretrained(name, **hub_kwargs)


class TokenizerFiles(hub.PushToHubMixin):
    """Mixin: `from_pretrained`, `save_pretrained`."""

    fast_kind: str | None = None  # model type in a tokenizer.json that the class can read

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike,
        *init_inputs: Any,
        cache_dir: str | os.PathLike | None = None,
        force_download: bool = False,
        local_files_only: bool = False,
        token: str | bool | None = None,
        revision: str | None = None,
        **kwargs: Any,
    ):
        """Load from a folder, one vocabulary file, or a Hub id; `kwargs` override what was saved.

        `subfolder` is the place inside the folder or repository; for the Hub's own arguments see
        `bertgen.hub`. A tokenizer in the folder's `decoder_tokenizer/` becomes the attribute of that name.

        Raises:
            OSError: no such folder or repository, no vocabulary in it, or a broken vocabulary.
        """
        # 1) Find the files.
        name = os.fspath(pretrained_model_name_or_path)
        kwargs.update(cache_dir=cache_dir, force_download=force_download, local_files_only=local_files_only)
        hub_kwargs, kwargs = take_hub_kwargs({**kwargs, "token": token, "revision": revision})
        files = cls._find_files(name, **hub_kwargs)
        # 2) The constructor's arguments: what was saved, then what the caller says.
        config = cls._saved_config(name, files)
        config.update(kwargs)
        for key in cls.vocab_files_names:
            if key in files:
                config.setdefault(key, files[key])
        if not all(key in files for key in cls.vocab_files_names):
            config["tokenizer_file"] = files["fast"]
        config["name_or_path"] = name
        config["added_tokens_decoder"] = read_added_tokens(config, files, kwargs)
        # 3) Make it, and the decoder's where the decoder has a vocabulary of its own.
        tokenizer = cls(*init_inputs, **{key: revive(value) for key, value in config.items()})
        tokenizer.decoder_tokenizer = _load_decoder_tokenizer(name, hub_kwargs)
        return tokenizer

    @classmethod
    def _saved_config(cls, name: str, files: Mapping[str, str]) -> dict[str, Any]:
        """The content of tokenizer_config.json without what a checkpoint has no say in."""
        config = {}
        if "config" in files:
            config = read_json(files["config"])
        saved_class = config.pop("tokenizer_class", None)
        if saved_class and str(saved_class).removesuffix("Fast") != cls.__name__.removesuffix("Fast"):
            logger.warning("%s was saved by %s and is being loaded as %s", name, saved_class, cls.__name__)
        # Paths of whoever saved it: no checkpoint names files outside itself.
        for key in (*cls.vocab_files_names, "tokenizer_file", "init_inputs"):
            config.pop(key, None)
        return config

    @classmethod
    def _find_files(cls, name: str, **hub_kwargs: Any) -> dict[str, str]:
        """What a folder or repository holds of the tokenizer's files, by argument or kind."""
        # 1) One file: the vocabulary itself.
        if os.path.isfile(name):
            if cls.fast_kind and name.endswith(FAST_FILE):
                return {"fast": name}
            if len(cls.vocab_files_names) > 1:
                needs = " and ".join(cls.vocab_files_names.values())
                raise Trouble("tokenizer.several_files", kind=cls.__name__, needs=needs)
            return {next(iter(cls.vocab_files_names)): name}
        # 2) A folder or repository: what there is of all the files that may be there.
        kinds = {"config": CONFIG_FILE, "special": SPECIAL_TOKENS_FILE, "added": ADDED_TOKENS_FILE}
        wanted = {**cls.vocab_files_names, **kinds, "fast": FAST_FILE}
        found = hub.resolve(name, *wanted.values(), **hub_kwargs)
        # 3) Without a vocabulary there is no tokenizer.
        missing = [file for file in cls.vocab_files_names.values() if not found[file]]
        if missing and not (cls.fast_kind and found[FAST_FILE]):
            needed = ", ".join(missing)
            if cls.fast_kind:
                needed += f" (or {FAST_FILE})"
            raise FileTrouble("tokenizer.lacks_files", name=name, needed=needed, kind=cls.__name__)
        return {key: found[file] for key, file in wanted.items() if found[file]}

    @hub.pushes
    def save_pretrained(
        self,
        save_directory: str | os.PathLike,
        legacy_format: bool | None = None,
        filename_prefix: str | None = None,
    ) -> tuple[str, ...]:
        """Write tokenizer_config.json, special_tokens_map.json, the vocabulary and, when there are
        tokens beyond the base vocabulary, added_tokens.json; returns their paths. A
        `decoder_tokenizer` goes to the folder of that name.

        Raises:
            OSError: `save_directory` is a file, or cannot be made.
            ValueError: `legacy_format=False`, which asks for a tokenizer.json.
        """
        folder = os.fspath(save_directory)
        if legacy_format is False:
            raise ValueError("legacy_format=False asks for a tokenizer.json; these write vocabulary files")
        if os.path.isfile(folder):
            raise NotADirectoryError(f"{folder!r} is a file; save_pretrained needs a folder")
        os.makedirs(folder, exist_ok=True)
        # 1) The three files beside the vocabulary, then the vocabulary.
        start = os.path.join(folder, file_prefix(filename_prefix))
        config_path, special_path = start + CONFIG_FILE, start + SPECIAL_TOKENS_FILE
        added_path = start + ADDED_TOKENS_FILE
        _write_json(config_path, self._config_to_save())
        _write_json(special_path, plain(self.special_tokens_map_extended))
        beyond = {token: i for token, i in self.added_tokens_encoder.items() if i >= self.vocab_size}
        if beyond:
            _write_json(added_path, beyond)
        # The reference names added_tokens.json even where it had nothing to write into it.
        paths = (config_path, special_path, *self.save_vocabulary(folder, filename_prefix), added_path)
        # 2) The decoder's tokenizer.
        inner = os.path.join(folder, DECODER_FOLDER)
        if self.decoder_tokenizer is not None:
            return paths + self.decoder_tokenizer.save_pretrained(inner)
        if os.path.exists(os.path.join(inner, CONFIG_FILE)):
            logger.warning("%s is from an earlier save and will be loaded too; remove it", inner)
        return paths

    def _config_to_save(self) -> dict[str, Any]:
        # 1) The constructor's arguments, with the values that they have by now.
        config = copy.deepcopy(self.init_kwargs)
        for key in {*config, "model_max_length", "clean_up_tokenization_spaces"}:
            if hasattr(self, key):
                config[key] = getattr(self, key)
        config.update(self.special_tokens_map)
        if self.chat_template is not None:
            config["chat_template"] = self.chat_template
        if self.init_inputs:
            config["init_inputs"] = list(self.init_inputs)
        # 2) No paths of this machine.
        for key in (*self.vocab_files_names, "name_or_path", "special_tokens_map_file", "tokenizer_file"):
            config.pop(key, None)
        # 3) Added tokens in the newest form.
        config = {key: plain(value, typed=True) for key, value in config.items()}
        config["added_tokens_decoder"] = {i: t.to_dict() for i, t in self.added_tokens_decoder.items()}
        config["tokenizer_class"] = type(self).__name__
        return config

    def _vocabulary_path(self, folder: str, argument: str, filename_prefix: str | None) -> str:
        """Where `save_vocabulary` writes the file of a constructor's argument."""
        return os.path.join(folder, file_prefix(filename_prefix) + self.vocab_files_names[argument])


def _write_json(path: str, data: Any) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
