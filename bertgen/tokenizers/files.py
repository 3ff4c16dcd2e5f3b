"""Tokenizer files: loading from a folder or the Hub, saving."""

from __future__ import annotations

import copy
import json
import logging
import os
from collections.abc import Mapping
from typing import Any

from bertgen import hub
from bertgen.configs.base import split_hub_kwargs
from bertgen.tokenizers.special import SPECIAL_TOKENS_ATTRIBUTES
from bertgen.tokenizers.tokens import AddedToken
from bertgen.tokenizers.vocabulary import check_ids, read_json

logger = logging.getLogger(__name__)

CONFIG_FILE = "tokenizer_config.json"
SPECIAL_TOKENS_FILE = "special_tokens_map.json"
ADDED_TOKENS_FILE = "added_tokens.json"
FAST_FILE = "tokenizer.json"
DECODER_FOLDER = "decoder_tokenizer"

_PRIVATE = ("_from_auto", "_from_pipeline", "_commit_hash")  # what the reference hands on inside itself


def take_hub_arguments(kwargs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split keyword arguments of a `from_pretrained` into those for `bertgen.hub` and the others."""
    rest = {name: value for name, value in kwargs.items() if name not in _PRIVATE}
    where = split_hub_kwargs(rest)
    return where, rest


def _decoder_tokenizer(name: str, where: Mapping[str, Any]) -> Any:
    """The tokenizer in `decoder_tokenizer/` of a checkpoint; None when there is none.

    It is there when its tokenizer_config.json is, so that a Hub checkpoint costs one more look.
    """
    from bertgen.tokenizers.auto import AutoTokenizer  # which knows all classes, this one's heirs

    parts = [part for part in (where.get("subfolder"), DECODER_FOLDER) if part]
    if os.path.isfile(name) or (parts[:-1] and parts[0].rstrip("/").endswith(DECODER_FOLDER)):
        return None
    inside = {**where, "subfolder": "/".join(parts)}
    if hub.cached_file(name, CONFIG_FILE, **inside) is None:
        return None
    return AutoTokenizer.from_pretrained(name, **inside)


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
        name = os.fspath(pretrained_model_name_or_path)
        kwargs.update(cache_dir=cache_dir, force_download=force_download, local_files_only=local_files_only)
        where, kwargs = take_hub_arguments({**kwargs, "token": token, "revision": revision})
        files = cls._find_files(name, **where)
        config = _read_json(files.get("config"))
        saved_class = config.pop("tokenizer_class", None)
        if saved_class and str(saved_class).removesuffix("Fast") != cls.__name__.removesuffix("Fast"):
            logger.warning("%s was saved by %s and is being loaded as %s", name, saved_class, cls.__name__)
        for key in (*cls.vocab_files_names, "tokenizer_file", "init_inputs"):
            config.pop(key, None)  # paths of whoever saved it: no checkpoint names files outside itself
        config.update(kwargs)
        for key in cls.vocab_files_names:
            if key in files:
                config.setdefault(key, files[key])
        if not all(key in files for key in cls.vocab_files_names):
            config["tokenizer_file"] = files["fast"]
        config["name_or_path"] = name
        config["added_tokens_decoder"] = _added_tokens(config, files, kwargs)
        tokenizer = cls(*init_inputs, **{key: _revive(value) for key, value in config.items()})
        tokenizer.decoder_tokenizer = _decoder_tokenizer(name, where)
        return tokenizer

    @classmethod
    def _find_files(cls, name: str, **where: Any) -> dict[str, str]:
        """What a folder or repository holds of the tokenizer's files, by argument or kind."""
        if os.path.isfile(name):
            if cls.fast_kind and name.endswith(FAST_FILE):
                return {"fast": name}
            if len(cls.vocab_files_names) > 1:
                needs = " and ".join(cls.vocab_files_names.values())
                raise ValueError(f"{cls.__name__} needs {needs}; give the folder that holds them")
            return {next(iter(cls.vocab_files_names)): name}
        kinds = {"config": CONFIG_FILE, "special": SPECIAL_TOKENS_FILE, "added": ADDED_TOKENS_FILE}
        wanted = {**cls.vocab_files_names, **kinds, "fast": FAST_FILE}
        found = hub.resolve(name, *wanted.values(), **where)
        missing = [file for key, file in cls.vocab_files_names.items() if not found[file]]
        if missing and not (cls.fast_kind and found[FAST_FILE]):
            other = f" (or {FAST_FILE})" if cls.fast_kind else ""
            raise OSError(
                f"{name!r} has no {', '.join(missing)}{other}, which {cls.__name__} needs; "
                "AutoTokenizer.from_pretrained goes by the files that are there"
            )
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
        prefix = f"{filename_prefix}-" if filename_prefix else ""
        config_path, special_path, added_path = (
            os.path.join(folder, prefix + file)
            for file in (CONFIG_FILE, SPECIAL_TOKENS_FILE, ADDED_TOKENS_FILE)
        )
        _write_json(config_path, self._config_to_save())
        special = {name: _plain(value) for name, value in self.special_tokens_map_extended.items()}
        _write_json(special_path, special)
        beyond = {token: i for token, i in self.added_tokens_encoder.items() if i >= self.vocab_size}
        if beyond:
            _write_json(added_path, beyond)
        paths = (config_path, special_path, *self.save_vocabulary(folder, filename_prefix), added_path)
        inner = os.path.join(folder, DECODER_FOLDER)
        if self.decoder_tokenizer is not None:
            return paths + self.decoder_tokenizer.save_pretrained(inner)
        if os.path.exists(os.path.join(inner, CONFIG_FILE)):
            logger.warning("%s is from an earlier save and will be loaded too; remove it", inner)
        return paths

    def _config_to_save(self) -> dict[str, Any]:
        config = copy.deepcopy(self.init_kwargs)
        for key in {*config, "model_max_length", "clean_up_tokenization_spaces"}:
            if hasattr(self, key):
                config[key] = getattr(self, key)
        config.update(self.special_tokens_map)
        if self.chat_template is not None:
            config["chat_template"] = self.chat_template
        if self.init_inputs:
            config["init_inputs"] = list(self.init_inputs)
        for key in (*self.vocab_files_names, "name_or_path", "special_tokens_map_file", "tokenizer_file"):
            config.pop(key, None)
        config = {key: _plain(value, typed=True) for key, value in config.items()}
        config["added_tokens_decoder"] = {i: t.to_dict() for i, t in self.added_tokens_decoder.items()}
        config["tokenizer_class"] = type(self).__name__
        return config


def _added_tokens(
    config: dict[str, Any], files: Mapping[str, str], given: Mapping[str, Any]
) -> dict[int, AddedToken]:
    """The added tokens by id, of whatever generation of files there is; named tokens in `config` are
    replaced by their full form."""
    if "added_tokens_decoder" in config:
        tokens = _by_id(config["added_tokens_decoder"])
        _use_full_form(config, tokens)
        return tokens
    for name, value in _read_json(files.get("special")).items():
        if given.get(name):
            continue  # the caller's word wins
        if isinstance(value, dict):
            value = AddedToken.from_dict(value, special=True)
        elif name == "additional_special_tokens" and isinstance(value, list):
            value = [AddedToken.from_dict(v, special=True) if isinstance(v, dict) else v for v in value]
            saved = list(config.get(name) or [])
            value = saved + [token for token in value if token not in saved]
        config[name] = value
    special = {str(value) for name in SPECIAL_TOKENS_ATTRIBUTES[:-1] if (value := config.get(name))}
    special |= {str(token) for token in config.get("additional_special_tokens") or []}
    tokens = {
        index: AddedToken(content, special=content in special)
        for content, index in check_ids(_read_json(files.get("added")), ADDED_TOKENS_FILE).items()
    }
    listed = _read_json(files.get("fast")).get("added_tokens") or []
    fast = _by_id({token.get("id"): token for token in listed if isinstance(token, dict)})
    if fast:
        tokens.update(fast)
        _use_full_form(config, fast)
    return tokens


def _use_full_form(config: dict[str, Any], tokens: Mapping[int, AddedToken]) -> None:
    by_content = {token.content: token for token in tokens.values()}
    for name in SPECIAL_TOKENS_ATTRIBUTES[:-1]:
        value = _revive(config.get(name))
        if value is not None:
            config[name] = by_content.get(str(value), value)


def _by_id(tokens: Any) -> dict[int, AddedToken]:
    """Added tokens by id, from files where ids may be texts and tokens dicts.

    Raises:
        ValueError: an id that is no whole number, or something that is no token.
    """
    if not isinstance(tokens, dict):
        raise ValueError(f"added_tokens_decoder must be a dict of id: token, got {type(tokens).__name__}")
    found = {}
    for index, value in tokens.items():
        if not str(index).isdecimal():
            raise ValueError(f"an added token has the id {index!r}; it must be a whole number from 0 on")
        if not isinstance(value, AddedToken):
            if not isinstance(value, dict) or not isinstance(value.get("content"), str):
                raise ValueError(f"the added token {index} is {value!r}; a dict with a text 'content' is one")
            value = AddedToken.from_dict(value)
        found[int(index)] = value
    return found


def _revive(value: Any) -> Any:
    """Dicts marked as added tokens, at any depth, as `AddedToken`s."""
    if isinstance(value, dict) and value.get("__type") == "AddedToken":
        return AddedToken.from_dict(value)
    if isinstance(value, (list, tuple)):
        return [_revive(item) for item in value]
    if isinstance(value, dict):
        return {key: _revive(item) for key, item in value.items()}
    return value


def _plain(value: Any, typed: bool = False) -> Any:
    """The reverse of `_revive`, for JSON; without `typed` the older form, which has no `special`."""
    if isinstance(value, AddedToken):
        fields = value.to_dict()
        if typed:
            return {**fields, "__type": "AddedToken"}
        fields.pop("special")
        return fields
    if isinstance(value, (list, tuple)):
        return [_plain(item, typed) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item, typed) for key, item in value.items()}
    return value


def _read_json(path: str | None) -> dict[str, Any]:
    return {} if path is None else read_json(path)


def _write_json(path: str, data: Any) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
