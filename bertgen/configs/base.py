"""What every configuration shares: the common fields with their defaults, and config.json."""

from __future__ import annotations

import copy
import json
import os
from typing import Any, ClassVar

import torch

from bertgen.configs.checks import check_keywords, check_labels, check_names
from bertgen.configs.reference import MODEL_DEFAULTS, REFERENCE_VERSION, ConfigUtilities, tell_other_family
from bertgen.errors import FileTrouble
from bertgen.hub import PushToHubMixin, cached_file, modern_keywords, pushes

CONFIG_NAME = "config.json"
GENERATION_CONFIG_NAME = "generation_config.json"


def read_json(name_or_path: str, filename: str, **hub_kwargs: Any) -> dict[str, Any] | None:
    """A JSON object of a checkpoint folder or Hub repository; None when the file is not there.

    Raises ``OSError`` when the file is there but holds no JSON object.
    """
    path = cached_file(name_or_path, filename, **hub_kwargs)
    if path is None:
        return None
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FileTrouble("file.bad_json", path=path, said=str(error)) from error
    if not isinstance(data, dict):
        raise FileTrouble("file.no_object", path=path, kind=type(data).__name__)
    return data


def jsonable(value: Any) -> Any:
    """A value as JSON can hold it: dtypes as words, configs as dicts, tuples as lists."""
    if isinstance(value, torch.dtype):
        return str(value).removeprefix("torch.")
    if isinstance(value, PretrainedConfig):
        return {k: v for k, v in value.to_dict().items() if k != "transformers_version"}
    if isinstance(value, dict):
        return {k: jsonable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(v) for v in value]
    return value


def _not_for_files(value: Any) -> None:
    hint = ""
    if callable(value):
        hint = "; give hidden_act by its name"
    raise TypeError(f"{value!r} is something that no file can hold{hint}")


class PretrainedConfig(ConfigUtilities, PushToHubMixin):
    """What every model configuration holds: the reference's common fields, plus any further keyword."""

    model_type: ClassVar[str] = ""
    is_composition: ClassVar[bool] = False
    # Common name -> the class's own field, for families that call their sizes differently.
    attribute_map: ClassVar[dict[str, str]] = {}

    def __init__(self, **kwargs: Any) -> None:
        check_names(type(self), kwargs)
        check_labels(kwargs)
        # 1) the common fields, each given or at its default
        if kwargs.get("id2label") is not None:
            # Given labels stand as they are, none are made up beside them.
            kwargs.setdefault("label2id", None)
            kwargs.pop("num_labels", None)
        for key, default in MODEL_DEFAULTS.items():
            setattr(self, key, kwargs.pop(key, copy.deepcopy(default)))
        # 2) what is given by one name and kept under another
        if "name_or_path" in kwargs:
            self._name_or_path = str(kwargs.pop("name_or_path"))
        num_labels = kwargs.pop("num_labels", None)
        if num_labels is not None:
            self.num_labels = num_labels
        # 3) what JSON cannot say: numbers as keys, dtypes
        if self.id2label is not None:
            self.id2label = {int(key): value for key, value in self.id2label.items()}
        if isinstance(self.torch_dtype, str):
            named = getattr(torch, self.torch_dtype.removeprefix("torch."), None)
            if isinstance(named, torch.dtype):  # (another library's stays a word)
                self.torch_dtype = named
        self.pruned_heads = {int(k): list(v) for k, v in (self.pruned_heads or {}).items()}
        self.transformers_version = kwargs.pop("transformers_version", None)
        # 4) the rest: fields of no meaning here are dropped, unknown ones are kept and written back
        for key in ("model_type", "_commit_hash", "attn_implementation", "xla_device"):
            kwargs.pop(key, None)
        for key, value in kwargs.items():
            setattr(self, key, value)

    def __getattr__(self, name: str) -> Any:
        # Reached only when there is no such field.
        mapped = type(self).attribute_map.get(name)
        if mapped is None:
            raise AttributeError(f"{type(self).__name__} has no field {name!r}")
        return getattr(self, mapped)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(type(self).attribute_map.get(name, name), value)

    @property
    def num_labels(self) -> int:
        return len(self.id2label)

    @num_labels.setter
    def num_labels(self, value: int) -> None:
        """Names the labels anew, unless there are as many already."""
        check_labels({"num_labels": value})
        if len(self.id2label or {}) != value:
            self.id2label = {i: f"LABEL_{i}" for i in range(value)}
            self.label2id = {label: i for i, label in self.id2label.items()}

    @property
    def name_or_path(self) -> str:
        return self._name_or_path

    @name_or_path.setter
    def name_or_path(self, value: str | os.PathLike) -> None:
        self._name_or_path = str(value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PretrainedConfig) and self.__dict__ == other.__dict__

    __hash__ = None  # mutable

    def __repr__(self) -> str:
        text = json.dumps(self.to_diff_dict(), indent=2, sort_keys=True, default=repr)
        return f"{type(self).__name__} {text}\n"

    # -- files: writing --------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """All fields, nested configs as dicts, dtypes as words."""
        data = {key: jsonable(copy.deepcopy(value)) for key, value in self.__dict__.items()}
        if type(self) is not PretrainedConfig:
            data["model_type"] = type(self).model_type
        data["transformers_version"] = REFERENCE_VERSION
        return data

    def to_diff_dict(self) -> dict[str, Any]:
        """The fields that differ from ``PretrainedConfig()`` or belong to the class: what a file holds.

        Unlike the reference's, it leaves out where the config was loaded from: a path of one machine.
        """
        common = PretrainedConfig().to_dict()
        of_class = {}
        if not self.is_composition:  # (an encoder-decoder cannot be made without its sides)
            of_class = type(self)().to_dict()
        data = self.to_dict()
        # Where it was loaded from, in the sides' configs too.
        for part in (data, *(value for value in data.values() if isinstance(value, dict))):
            if "_name_or_path" in part:
                part["_name_or_path"] = ""
        return {
            key: value
            for key, value in data.items()
            if key not in common
            or key == "transformers_version"
            or value != common[key]
            or (key in of_class and value != of_class[key])
        }

    def to_json_string(self, use_diff: bool = True) -> str:
        data = self.to_dict()
        if use_diff:
            data = self.to_diff_dict()
        return json.dumps(data, indent=2, sort_keys=True, default=_not_for_files) + "\n"

    def to_json_file(self, json_file_path: str | os.PathLike, use_diff: bool = True) -> None:
        with open(json_file_path, "w", encoding="utf-8") as file:
            file.write(self.to_json_string(use_diff=use_diff))

    @pushes
    def save_pretrained(self, save_directory: str | os.PathLike) -> None:
        """Writes ``config.json`` into the folder, which is made when missing."""
        os.makedirs(save_directory, exist_ok=True)
        self.to_json_file(os.path.join(save_directory, CONFIG_NAME))

    def update(self, config_dict: dict[str, Any]) -> None:
        for key, value in config_dict.items():
            setattr(self, key, value)

    # -- files: reading --------------------------------------------------------------------------

    @classmethod
    def get_config_dict(
        cls, pretrained_model_name_or_path: str | os.PathLike, **kwargs: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """(the fields of a ``config.json``, the keywords that are not the Hub's); ``OSError`` without one."""
        hub_kwargs = split_hub_kwargs(kwargs)
        data = read_json(str(pretrained_model_name_or_path), CONFIG_NAME, **hub_kwargs)
        if data is None:
            name = str(pretrained_model_name_or_path)
            raise FileTrouble("file.no_config", name=name, file=CONFIG_NAME)
        return data, kwargs

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Any:
        """A config of a dict; keywords overwrite *existing* fields.

        Further keywords come back with ``return_unused_kwargs=True`` as (config, unused).
        """
        return_unused = kwargs.pop("return_unused_kwargs", False)
        check_keywords(cls, config_dict)
        config = cls(**copy.deepcopy(config_dict))
        unused = {key: value for key, value in kwargs.items() if not hasattr(config, key)}
        for key, value in kwargs.items():
            if key in unused:
                continue
            current = getattr(config, key)
            # A side of an encoder-decoder may be given as a dict, in place of the whole side.
            if isinstance(current, PretrainedConfig) and isinstance(value, dict):
                value = type(current)(**value)
            setattr(config, key, value)
        # A dtype is both a field and what a model is loaded in: it is used and handed on.
        if "torch_dtype" in kwargs:
            unused["torch_dtype"] = kwargs["torch_dtype"]
        if return_unused:
            return config, unused
        return config

    @classmethod
    def from_json_file(cls, json_file: str | os.PathLike) -> PretrainedConfig:
        with open(json_file, encoding="utf-8") as file:
            return cls.from_dict(json.load(file))

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike, **kwargs: Any) -> Any:
        """Reads ``config.json`` of a folder or Hub repository.

        Keywords overwrite existing fields; Hub keywords (revision, cache_dir, local_files_only, token,
        subfolder, force_download) say where to look. Raises ``OSError`` when there is none.
        """
        data, kwargs = cls.get_config_dict(pretrained_model_name_or_path, **kwargs)
        if data.get("model_type", cls.model_type) != cls.model_type and cls.model_type:
            tell_other_family(cls, str(pretrained_model_name_or_path), data)
        return cls.from_dict(data, **kwargs)


def split_hub_kwargs(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Takes the Hub's own keywords out of ``kwargs`` and returns them; older ones under today's names."""
    modern_keywords(kwargs)
    names = ("revision", "cache_dir", "local_files_only", "token", "subfolder", "force_download")
    return {name: kwargs.pop(name) for name in names if name in kwargs}
