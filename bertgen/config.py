"""Configurations: mutable attribute bags, as users of the ecosystem expect, checked where they are used.

The field names, the defaults and the layout of ``config.json`` / ``generation_config.json`` are those of
transformers 4.37.2, so that files written here load there and the other way round.
"""

from __future__ import annotations

import copy
import json
import os
from typing import Any, ClassVar

import torch

from bertgen.hub import cached_file

CONFIG_NAME = "config.json"
GENERATION_CONFIG_NAME = "generation_config.json"
# The release whose file layout this library writes; readers look at it to choose their own work-arounds.
REFERENCE_VERSION = "4.37.2"

# Defaults of generate's settings. Model configs carry them too (the reference's older convention).
_GENERATION_IN_MODEL_CONFIG: dict[str, Any] = {
    "max_length": 20,
    "min_length": 0,
    "do_sample": False,
    "early_stopping": False,
    "num_beams": 1,
    "num_beam_groups": 1,
    "diversity_penalty": 0.0,
    "temperature": 1.0,
    "top_k": 50,
    "top_p": 1.0,
    "typical_p": 1.0,
    "repetition_penalty": 1.0,
    "length_penalty": 1.0,
    "no_repeat_ngram_size": 0,
    "encoder_no_repeat_ngram_size": 0,
    "bad_words_ids": None,
    "num_return_sequences": 1,
    "output_scores": False,
    "return_dict_in_generate": False,
    "forced_bos_token_id": None,
    "forced_eos_token_id": None,
    "remove_invalid_values": False,
    "exponential_decay_length_penalty": None,
    "suppress_tokens": None,
    "begin_suppress_tokens": None,
}
_GENERATION_DEFAULTS: dict[str, Any] = {
    **_GENERATION_IN_MODEL_CONFIG,
    "max_new_tokens": None,
    "min_new_tokens": None,
    "max_time": None,
    "penalty_alpha": None,
    "use_cache": True,
    "epsilon_cutoff": 0.0,
    "eta_cutoff": 0.0,
    "encoder_repetition_penalty": 1.0,
    "force_words_ids": None,
    "renormalize_logits": False,
    "constraints": None,
    "forced_decoder_ids": None,
    "sequence_bias": None,
    "guidance_scale": None,
    "low_memory": None,
    "output_attentions": False,
    "output_hidden_states": False,
    "pad_token_id": None,
    "bos_token_id": None,
    "eos_token_id": None,
    "decoder_start_token_id": None,
    "num_assistant_tokens": 5,
    "num_assistant_tokens_schedule": "heuristic",
    "prompt_lookup_num_tokens": None,
    "generation_kwargs": {},
}
_MODEL_DEFAULTS: dict[str, Any] = {
    "return_dict": True,
    "output_hidden_states": False,
    "output_attentions": False,
    "torchscript": False,
    "torch_dtype": None,
    "use_bfloat16": False,
    "tf_legacy_loss": False,
    "pruned_heads": {},
    "tie_word_embeddings": True,
    "chunk_size_feed_forward": 0,
    "is_encoder_decoder": False,
    "is_decoder": False,
    "cross_attention_hidden_size": None,
    "add_cross_attention": False,
    "tie_encoder_decoder": False,
    **_GENERATION_IN_MODEL_CONFIG,
    "architectures": None,
    "finetuning_task": None,
    "id2label": {0: "LABEL_0", 1: "LABEL_1"},
    "label2id": {"LABEL_0": 0, "LABEL_1": 1},
    "tokenizer_class": None,
    "prefix": None,
    "bos_token_id": None,
    "pad_token_id": None,
    "eos_token_id": None,
    "sep_token_id": None,
    "decoder_start_token_id": None,
    "task_specific_params": None,
    "problem_type": None,
    "_name_or_path": "",
}


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
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise OSError(f"{path} is not valid JSON ({error}); download or save the file again") from error
    if not isinstance(data, dict):
        raise OSError(f"{path} holds a {type(data).__name__}, not a JSON object of settings")
    return data


def _jsonable(value: Any) -> Any:
    if isinstance(value, torch.dtype):
        return str(value).removeprefix("torch.")
    if isinstance(value, PretrainedConfig):
        return {k: v for k, v in value.to_dict().items() if k != "transformers_version"}
    if isinstance(value, dict):
        return {k: _jsonable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(v) for v in value]
    return value


class PretrainedConfig:
    """What every model configuration holds: the reference's common fields, plus any further keyword."""

    model_type: ClassVar[str] = ""
    is_composition: ClassVar[bool] = False

    def __init__(self, **kwargs: Any) -> None:
        for key, default in _MODEL_DEFAULTS.items():
            setattr(self, key, kwargs.pop(key, copy.deepcopy(default)))
        if "name_or_path" in kwargs:
            self._name_or_path = str(kwargs.pop("name_or_path"))
        num_labels = kwargs.pop("num_labels", None)
        if num_labels is not None and len(self.id2label or {}) != num_labels:
            self.id2label = {i: f"LABEL_{i}" for i in range(num_labels)}
            self.label2id = {label: i for i, label in self.id2label.items()}
        if self.id2label is not None:
            self.id2label = {int(key): value for key, value in self.id2label.items()}
        if isinstance(self.torch_dtype, str):
            self.torch_dtype = getattr(torch, self.torch_dtype, self.torch_dtype)
        self.pruned_heads = {int(k): list(v) for k, v in (self.pruned_heads or {}).items()}
        self.transformers_version = kwargs.pop("transformers_version", None)
        for key in ("model_type", "_commit_hash", "attn_implementation", "xla_device"):
            kwargs.pop(key, None)
        for key, value in kwargs.items():  # unknown keys are kept and written back
            setattr(self, key, value)

    @property
    def use_return_dict(self) -> bool:
        """Whether forward returns a ModelOutput unless told otherwise."""
        return self.return_dict and not self.torchscript

    @property
    def num_labels(self) -> int:
        return len(self.id2label)

    @property
    def name_or_path(self) -> str:
        return self._name_or_path

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PretrainedConfig) and self.__dict__ == other.__dict__

    __hash__ = None  # mutable

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.to_json_string()}"

    def to_dict(self) -> dict[str, Any]:
        """All fields, nested configs as dicts, dtypes as words."""
        data = {key: _jsonable(copy.deepcopy(value)) for key, value in self.__dict__.items()}
        if type(self) is not PretrainedConfig:
            data["model_type"] = type(self).model_type
        data["transformers_version"] = REFERENCE_VERSION
        return data

    def to_diff_dict(self) -> dict[str, Any]:
        """The fields that differ from ``PretrainedConfig()`` or belong to the class: what a file holds.

        Unlike the reference's, it leaves out where the config was loaded from: a path of one machine.
        """
        base = PretrainedConfig().to_dict()
        own = {} if self.is_composition else type(self)().to_dict()
        data = self.to_dict()
        for part in (data, *(value for value in data.values() if isinstance(value, dict))):
            if "_name_or_path" in part:
                part["_name_or_path"] = ""
        return {
            key: value
            for key, value in data.items()
            if key not in base
            or key == "transformers_version"
            or value != base[key]
            or (key in own and value != own[key])
        }

    def to_json_string(self, use_diff: bool = True) -> str:
        data = self.to_diff_dict() if use_diff else self.to_dict()
        return json.dumps(data, indent=2, sort_keys=True) + "\n"

    def to_json_file(self, json_file_path: str | os.PathLike, use_diff: bool = True) -> None:
        with open(json_file_path, "w", encoding="utf-8") as file:
            file.write(self.to_json_string(use_diff=use_diff))

    def save_pretrained(self, save_directory: str | os.PathLike) -> None:
        """Writes ``config.json`` into the folder, which is made when missing."""
        os.makedirs(save_directory, exist_ok=True)
        self.to_json_file(os.path.join(save_directory, CONFIG_NAME))

    def update(self, config_dict: dict[str, Any]) -> None:
        for key, value in config_dict.items():
            setattr(self, key, value)

    @classmethod
    def get_config_dict(cls, name_or_path: str | os.PathLike, **hub_kwargs: Any) -> dict[str, Any]:
        data = read_json(str(name_or_path), CONFIG_NAME, **hub_kwargs)
        if data is None:
            raise OSError(
                f"{name_or_path!s} holds no {CONFIG_NAME}; give a folder written by save_pretrained "
                "or the id of a model repository"
            )
        return data

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Any:
        """A config of a dict; keywords overwrite *existing* fields.

        Further keywords come back with ``return_unused_kwargs=True`` as (config, unused).
        """
        return_unused = kwargs.pop("return_unused_kwargs", False)
        config = cls(**copy.deepcopy(config_dict))
        unused = {}
        for key, value in kwargs.items():
            if not hasattr(config, key):
                unused[key] = value
                continue
            current = getattr(config, key)
            if isinstance(current, PretrainedConfig) and isinstance(value, dict):
                value = type(current)(**value)
            setattr(config, key, value)
        return (config, unused) if return_unused else config

    @classmethod
    def from_json_file(cls, json_file: str | os.PathLike) -> PretrainedConfig:
        with open(json_file, encoding="utf-8") as file:
            return cls(**json.load(file))

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike, **kwargs: Any) -> Any:
        """Reads ``config.json`` of a folder or Hub repository.

        Keywords overwrite existing fields; Hub keywords (revision, cache_dir, local_files_only, token,
        subfolder, force_download) say where to look. Raises ``OSError`` when there is none.
        """
        hub_kwargs = split_hub_kwargs(kwargs)
        data = cls.get_config_dict(pretrained_model_name_or_path, **hub_kwargs)
        data["_name_or_path"] = str(pretrained_model_name_or_path)
        return cls.from_dict(data, **kwargs)


def split_hub_kwargs(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Takes the Hub's own keywords out of ``kwargs`` and returns them."""
    names = ("revision", "cache_dir", "local_files_only", "token", "subfolder", "force_download")
    return {name: kwargs.pop(name) for name in names if name in kwargs}


class BertGenerationConfig(PretrainedConfig):
    """Configuration of ``BertGenerationEncoder`` and ``BertGenerationDecoder``.

    Fields and defaults are those of the reference; the defaults are the published 24-layer size.
    """

    model_type = "bert-generation"

    def __init__(
        self,
        vocab_size: int = 50358,
        hidden_size: int = 1024,
        num_hidden_layers: int = 24,
        num_attention_heads: int = 16,
        intermediate_size: int = 4096,
        hidden_act: str = "gelu",
        hidden_dropout_prob: float = 0.1,
        attention_probs_dropout_prob: float = 0.1,
        max_position_embeddings: int = 512,
        initializer_range: float = 0.02,
        layer_norm_eps: float = 1e-12,
        pad_token_id: int | None = 0,
        bos_token_id: int | None = 2,
        eos_token_id: int | None = 1,
        position_embedding_type: str = "absolute",
        use_cache: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            pad_token_id=pad_token_id, bos_token_id=bos_token_id, eos_token_id=eos_token_id, **kwargs
        )
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.intermediate_size = intermediate_size
        self.hidden_act = hidden_act
        self.hidden_dropout_prob = hidden_dropout_prob
        self.attention_probs_dropout_prob = attention_probs_dropout_prob
        self.max_position_embeddings = max_position_embeddings
        self.initializer_range = initializer_range
        self.layer_norm_eps = layer_norm_eps
        self.position_embedding_type = position_embedding_type
        self.use_cache = use_cache


CONFIG_CLASSES: dict[str, type[PretrainedConfig]] = {BertGenerationConfig.model_type: BertGenerationConfig}


def config_for(model_type: str, data: dict[str, Any]) -> PretrainedConfig:
    """The configuration class registered for a ``model_type``, filled from ``data``."""
    if model_type not in CONFIG_CLASSES:
        raise ValueError(
            f"unknown model_type {model_type!r}; as encoder or decoder choose one of {sorted(CONFIG_CLASSES)}"
        )
    return CONFIG_CLASSES[model_type](**data)


class EncoderDecoderConfig(PretrainedConfig):
    """Configuration of ``EncoderDecoderModel``: holds the two sub-configs as ``encoder`` and ``decoder``."""

    model_type = "encoder-decoder"
    is_composition = True

    def __init__(self, **kwargs: Any) -> None:
        encoder, decoder = kwargs.pop("encoder", None), kwargs.pop("decoder", None)
        super().__init__(**kwargs)
        if encoder is None or decoder is None:
            raise ValueError(
                "EncoderDecoderConfig needs encoder=... and decoder=...; "
                "EncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder) joins two configs"
            )
        self.encoder = self._sub_config(encoder)
        self.decoder = self._sub_config(decoder)
        self.is_encoder_decoder = True

    @staticmethod
    def _sub_config(config: PretrainedConfig | dict[str, Any]) -> PretrainedConfig:
        if isinstance(config, PretrainedConfig):
            return config
        data = dict(config)
        return config_for(data.pop("model_type", ""), data)

    @classmethod
    def from_encoder_decoder_configs(
        cls, encoder_config: PretrainedConfig, decoder_config: PretrainedConfig, **kwargs: Any
    ) -> EncoderDecoderConfig:
        """Joins two configs; the decoder's becomes a decoder with cross-attention (changed in place)."""
        decoder_config.is_decoder = True
        decoder_config.add_cross_attention = True
        return cls(encoder=encoder_config.to_dict(), decoder=decoder_config.to_dict(), **kwargs)


class GenerationConfig:
    """Settings of ``generate``; the fields and defaults are the reference's (max_length 20, greedy)."""

    def __init__(self, **kwargs: Any) -> None:
        for key, default in _GENERATION_DEFAULTS.items():
            setattr(self, key, kwargs.pop(key, copy.deepcopy(default)))
        self._from_model_config = kwargs.pop("_from_model_config", False)
        self.transformers_version = kwargs.pop("transformers_version", REFERENCE_VERSION)
        kwargs.pop("_commit_hash", None)
        if not self._from_model_config:
            for key, value in kwargs.items():
                setattr(self, key, value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GenerationConfig) and self._settings() == other._settings()

    __hash__ = None

    def __repr__(self) -> str:
        return f"GenerationConfig {self.to_json_string()}"

    def _settings(self) -> dict[str, Any]:
        hidden = ("_from_model_config", "transformers_version")
        return {k: v for k, v in self.__dict__.items() if k not in hidden}

    def to_dict(self) -> dict[str, Any]:
        return {**copy.deepcopy(self.__dict__), "transformers_version": REFERENCE_VERSION}

    def to_diff_dict(self) -> dict[str, Any]:
        defaults = GenerationConfig().to_dict()
        return {
            key: value
            for key, value in self.to_dict().items()
            if key == "transformers_version" or key not in defaults or value != defaults[key]
        }

    def to_json_string(self) -> str:
        return json.dumps(_jsonable(self.to_diff_dict()), indent=2, sort_keys=True) + "\n"

    def save_pretrained(self, save_directory: str | os.PathLike) -> None:
        """Writes ``generation_config.json`` into the folder."""
        os.makedirs(save_directory, exist_ok=True)
        with open(os.path.join(save_directory, GENERATION_CONFIG_NAME), "w", encoding="utf-8") as file:
            file.write(self.to_json_string())

    def update(self, **kwargs: Any) -> dict[str, Any]:
        """Sets the known fields among the keywords and returns the others."""
        unused = {}
        for key, value in kwargs.items():
            if hasattr(self, key):
                setattr(self, key, value)
            else:
                unused[key] = value
        return unused

    @classmethod
    def from_pretrained(cls, pretrained_model_name: str | os.PathLike, **kwargs: Any) -> GenerationConfig:
        """Reads ``generation_config.json`` of a folder or Hub repository; keywords overwrite."""
        hub_kwargs = split_hub_kwargs(kwargs)
        data = read_json(str(pretrained_model_name), GENERATION_CONFIG_NAME, **hub_kwargs)
        if data is None:
            raise OSError(f"{pretrained_model_name!s} holds no {GENERATION_CONFIG_NAME}")
        return cls(**{**data, **kwargs})

    @classmethod
    def from_model_config(cls, config: PretrainedConfig) -> GenerationConfig:
        """The settings that an older ``config.json`` carries itself.

        Top-level keys first; a key that is still at its default is taken from the ``decoder`` sub-config
        (that is how bos, eos and pad arrive in an encoder-decoder).
        """
        result = cls(**config.to_dict(), _from_model_config=True)
        decoder = getattr(config, "decoder", None)
        if isinstance(decoder, PretrainedConfig):
            defaults, inner = cls(), decoder.to_dict()
            for key in _GENERATION_DEFAULTS:
                if key in inner and getattr(result, key) == getattr(defaults, key):
                    setattr(result, key, inner[key])
        return result
