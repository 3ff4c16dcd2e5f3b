"""The settings of generate: their file, and the checks that generate makes when it starts."""

from __future__ import annotations

import copy
import json
import math
import os
import warnings
from typing import Any

from bertgen.configs.base import (
    GENERATION_CONFIG_NAME,
    PretrainedConfig,
    jsonable,
    read_json,
    split_hub_kwargs,
)
from bertgen.configs.checks import check_keywords, check_names, is_number, is_whole
from bertgen.configs.reference import (
    ABSENT,
    ARGUMENTS,
    GENERATION_DEFAULTS,
    REFERENCE_VERSION,
    SettingsUtilities,
    refuse_modes,
)
from bertgen.errors import FileTrouble, Trouble
from bertgen.hub import PushToHubMixin, pushes

# -- what is checked: names of settings by the kind of value that they take ----------------------

_COUNTS = ("num_beams", "num_return_sequences", "num_beam_groups")
_SIZES = ("top_k", "min_length", "min_new_tokens", "no_repeat_ngram_size", "encoder_no_repeat_ngram_size")
_FACTORS = (
    "temperature",
    "top_p",
    "typical_p",
    "epsilon_cutoff",
    "eta_cutoff",
    "repetition_penalty",
    "encoder_repetition_penalty",
    "length_penalty",
    "diversity_penalty",
    "max_time",
)
_IDS = ("pad_token_id", "bos_token_id", "decoder_start_token_id", "forced_bos_token_id")
# (names, types, the least that they may be, the error), in the order in which they are checked.
_NUMBERS = (
    (_COUNTS, int, 1, "generation.positive"),
    (_SIZES, int, 0, "generation.size"),
    (_FACTORS, int | float, -math.inf, "generation.number"),
    (_IDS, int, -math.inf, "generation.id"),
)
_ID_LISTS = ("eos_token_id", "forced_eos_token_id", "suppress_tokens", "begin_suppress_tokens")
_FLAGS = (
    "do_sample",
    "use_cache",
    "output_attentions",
    "output_hidden_states",
    "output_scores",
    "return_dict_in_generate",
    "remove_invalid_values",
    "renormalize_logits",
)
# What has no effect unless sampling, or unless beams search: name -> neutral value.
_SAMPLING = {
    "temperature": 1.0,
    "top_p": 1.0,
    "typical_p": 1.0,
    "top_k": 50,
    "epsilon_cutoff": 0.0,
    "eta_cutoff": 0.0,
}
_BEAMS = {"early_stopping": False, "num_beam_groups": 1, "diversity_penalty": 0.0, "length_penalty": 1.0}


class GenerationConfig(SettingsUtilities, PushToHubMixin):
    """Settings of ``generate``; the fields and defaults are the reference's (max_length 20, greedy)."""

    def __init__(self, **kwargs: Any) -> None:
        check_names(type(self), kwargs)
        # What a file or a model's config says is taken as it is, and refused by generate.
        of_file = kwargs.pop("_of_file", False) or kwargs.get("_from_model_config", False)
        by_hand = bool(kwargs) and not of_file
        # 1) the settings, each given or at its default
        for key, default in GENERATION_DEFAULTS.items():
            setattr(self, key, kwargs.pop(key, copy.deepcopy(default)))
        # 2) where they come from
        self._from_model_config = kwargs.pop("_from_model_config", False)
        self.transformers_version = kwargs.pop("transformers_version", REFERENCE_VERSION)
        kwargs.pop("_commit_hash", None)
        # 3) unknown ones are kept and written back; a model's config has many that are none of generate's
        if not self._from_model_config:
            for key, value in kwargs.items():
                setattr(self, key, value)
        # 4) what a person wrote is looked at now, where the line is still known
        if by_hand:
            check_settings(self, relations_only=True)
            warn_of_no_effect(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GenerationConfig) and self._settings() == other._settings()

    __hash__ = None

    def __repr__(self) -> str:
        shown = jsonable(self.to_diff_dict())
        if "sequence_bias" in shown:  # its keys are tuples, which JSON has not
            shown["sequence_bias"] = repr(self.sequence_bias)
        text = json.dumps(shown, indent=2, sort_keys=True, default=repr)
        return f"GenerationConfig {text}\n"

    def _settings(self) -> dict[str, Any]:
        # Two are equal that would generate alike, wherever they come from.
        hidden = ("_from_model_config", "transformers_version")
        return {k: v for k, v in self.__dict__.items() if k not in hidden}

    # -- files -----------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        return {**copy.deepcopy(self.__dict__), "transformers_version": REFERENCE_VERSION}

    def to_diff_dict(self) -> dict[str, Any]:
        defaults = GenerationConfig().to_dict()
        return {
            key: value
            for key, value in self.to_dict().items()
            if key == "transformers_version" or key not in defaults or value != defaults[key]
        }

    def to_json_string(self, use_diff: bool = True, ignore_metadata: bool = False) -> str:
        """JSON of what differs from the defaults (or of everything), without the release if so asked."""
        data = self.to_dict()
        if use_diff:
            data = self.to_diff_dict()
        if ignore_metadata:
            data.pop("_from_model_config", None)
            data.pop("transformers_version", None)
        if isinstance(self.sequence_bias, dict):
            raise TypeError("sequence_bias has tuples as keys, which no file can hold; give it to generate")
        return json.dumps(jsonable(data), indent=2, sort_keys=True) + "\n"

    def to_json_file(self, json_file_path: str | os.PathLike, use_diff: bool = True) -> None:
        with open(json_file_path, "w", encoding="utf-8") as file:
            file.write(self.to_json_string(use_diff=use_diff))

    @pushes
    def save_pretrained(
        self, save_directory: str | os.PathLike, config_file_name: str | os.PathLike | None = None
    ) -> None:
        """Writes ``generation_config.json`` (or another name) into the folder, which is made when missing.

        Raises ``ValueError``, before anything is written, on settings that contradict each other or have no
        effect.
        """
        self.check_for_saving()
        os.makedirs(save_directory, exist_ok=True)
        self.to_json_file(os.path.join(save_directory, config_file_name or GENERATION_CONFIG_NAME))

    def validate(self, is_init: bool = False) -> None:
        """Raises ``ValueError`` on settings that contradict themselves, warns of those without effect.

        generate makes the same checks when it starts, without the warnings. ``is_init`` changes nothing.
        """
        check_settings(self)
        warn_of_no_effect(self)

    def check_for_saving(self) -> None:
        """Raises ``ValueError`` on what ``validate`` refuses or warns of: whoever reads it would meet it."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            check_settings(self, relations_only=True)
            warn_of_no_effect(self)
        if caught:
            found = "; ".join(str(warning.message) for warning in caught)
            raise Trouble("generation.not_saved", found=found)

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
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Any:
        """Settings of a dict and keywords; ``return_unused_kwargs=True``: (settings, unknown keywords)."""
        return_unused = kwargs.pop("return_unused_kwargs", False)
        check_keywords(cls, config_dict)
        config = cls(**{**config_dict, **kwargs, "_of_file": True})
        unused = config.update(**kwargs)
        if return_unused:
            return config, unused
        return config

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name: str | os.PathLike,
        config_file_name: str | os.PathLike | None = None,
        **kwargs: Any,
    ) -> Any:
        """Reads ``generation_config.json`` (or another name) of a folder or Hub repository.

        Keywords overwrite; Hub keywords (revision, cache_dir, local_files_only, token, subfolder,
        force_download) say where to look. Raises ``OSError`` when there is none.
        """
        hub_kwargs = split_hub_kwargs(kwargs)
        name = str(config_file_name or GENERATION_CONFIG_NAME)
        data = read_json(str(pretrained_model_name), name, **hub_kwargs)
        if data is None:
            raise FileTrouble("file.no_config", name=str(pretrained_model_name), file=name)
        return cls.from_dict(data, **kwargs)

    @classmethod
    def from_model_config(cls, model_config: PretrainedConfig) -> GenerationConfig:
        """The settings that an older ``config.json`` carries itself.

        Top-level keys first; a key that is still at its default is taken from the ``decoder`` sub-config
        (that is how bos, eos and pad arrive in an encoder-decoder).
        """
        fields = vars(model_config)
        known = {key: copy.deepcopy(fields[key]) for key in GENERATION_DEFAULTS if key in fields}
        result = cls(**known, _from_model_config=True)
        decoder = fields.get("decoder")
        if isinstance(decoder, PretrainedConfig):
            inner = vars(decoder)
            for key, default in GENERATION_DEFAULTS.items():
                if key in inner and getattr(result, key) == default:
                    setattr(result, key, copy.deepcopy(inner[key]))
        return result


# -- checks --------------------------------------------------------------------------------------


def check_settings(config: Any, relations_only: bool = False) -> None:
    """Raises ``ValueError`` on settings of the wrong type or that contradict each other.

    ``NotImplementedError`` on modes that this library does not have. ``relations_only`` leaves types and
    modes to whoever uses the settings.
    """
    # 1) each by itself, and modes that are not here
    if not relations_only:
        _check_types(config)
        modes = {name: getattr(config, name, None) for name in ABSENT if name not in ARGUMENTS}
        asked = {name: value for name, value in modes.items() if value is not None}
        if asked:
            refuse_modes(**asked)
    # 2) arguments that are not settings
    stray = [name for name in ARGUMENTS if hasattr(config, name)]
    if stray:
        raise Trouble("generation.not_a_setting", name=stray[0])
    if config.early_stopping not in (True, False, "never"):
        raise Trouble("generation.early_stopping", got=repr(config.early_stopping))
    # 3) groups of beams; what is no number is refused by its type, when it is used
    groups, beams, returned = config.num_beam_groups, config.num_beams, config.num_return_sequences
    if beams is None:
        beams = config.num_beams = 1
    if not all(isinstance(count, int) and count > 0 for count in (groups, beams, returned)):
        return
    if groups == 1 and config.diversity_penalty:
        raise Trouble("generation.no_groups")
    if beams % groups:
        raise Trouble("generation.uneven_groups", groups=groups, beams=beams)
    if groups > 1 and config.do_sample:
        raise Trouble("generation.sampled_groups")
    if groups > 1 and not config.diversity_penalty:
        raise Trouble("generation.equal_groups")
    # 4) how many come back
    if returned > beams and (beams > 1 or not config.do_sample):
        raise Trouble("generation.too_many_returned", returned=returned, beams=beams)


def _check_types(config: Any) -> None:
    """Raises ``ValueError`` on a setting whose value is none that it can take."""
    # 1) numbers, which True and False are not; written so that NaN, below and above nothing, is refused
    for names, kinds, lowest, error in _NUMBERS:
        for name in names:
            value = getattr(config, name, None)
            if value is None and names is not _COUNTS:
                continue
            if not isinstance(value, kinds) or isinstance(value, bool) or not value >= lowest:
                raise Trouble(error, name=name, got=repr(value))
    # 2) ids, alone or listed; what is suppressed is a list even when it is one token
    for name in _ID_LISTS:
        value = getattr(config, name, None)
        if value is None:
            continue
        listed, may_be_one = [value], "suppress" not in name
        if isinstance(value, list | tuple | set):
            listed, may_be_one = value, True
        if not may_be_one or any(not isinstance(item, int) or isinstance(item, bool) for item in listed):
            raise Trouble("generation.ids", name=name, got=repr(value))
    # 3) flags; 0 and 1 will do
    for name in _FLAGS:
        value = getattr(config, name, None)
        if value is not None and not isinstance(value, int):
            raise Trouble("generation.flag", name=name, got=repr(value))
    # 4) pairs: (where it begins, by what factor), and a list of (place, token)
    decay = getattr(config, "exponential_decay_length_penalty", None)
    if decay is not None:
        pair = isinstance(decay, list | tuple) and len(decay) == 2
        if not (pair and is_whole(decay[0]) and is_number(decay[1])):
            raise Trouble("generation.decay", got=repr(decay))
    forced = getattr(config, "forced_decoder_ids", None)
    if forced is not None:
        pairs = isinstance(forced, list | tuple) and all(
            isinstance(pair, list | tuple) and len(pair) == 2 and is_whole(pair[0]) for pair in forced
        )
        if not pairs:
            raise Trouble("generation.forced_ids", got=repr(forced))


def warn_of_no_effect(config: Any) -> None:
    """One ``UserWarning`` a setting that changes nothing in the mode that the others choose."""
    # name -> (the value that changes nothing, what would give the setting an effect)
    unused = {}
    if not config.do_sample:
        unused |= {name: (value, "do_sample=True") for name, value in _SAMPLING.items()}
    if config.num_beams == 1:
        unused |= {name: (value, "num_beams above 1") for name, value in _BEAMS.items()}
    for name, (neutral, needed) in unused.items():
        value = getattr(config, name)
        if value is not None and value != neutral:
            warnings.warn(f"{name}={value!r} has no effect without {needed}", UserWarning, stacklevel=3)
