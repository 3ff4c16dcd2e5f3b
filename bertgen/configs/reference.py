"""What only callers and files of transformers 4.37.2 need: defaults, errors, odd methods, absent modes.

The configs themselves are in ``base``, ``models`` and ``generation``, which are read without this file.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch

from bertgen.errors import NotSupported, Trouble

# The release whose file layout this library writes; readers look at it to choose their own work-arounds.
REFERENCE_VERSION = "4.37.2"

# -- defaults: a file holds what differs from them -----------------------------------------------

# Settings of generate that a config.json may carry too: the older convention, before generation_config.json.
GENERATION_IN_MODEL_CONFIG: dict[str, Any] = {
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
GENERATION_DEFAULTS: dict[str, Any] = {
    **GENERATION_IN_MODEL_CONFIG,
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
MODEL_DEFAULTS: dict[str, Any] = {
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
    **GENERATION_IN_MODEL_CONFIG,
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

# -- errors: of the type that the reference lets happen later, deep inside torch -----------------


class ConfigError(Trouble):
    """A configuration that no model can be built with."""


class ConfigTypeError(ConfigError, TypeError):
    """A field of the wrong type, such as text where a number belongs."""


class ConfigSizeError(ConfigError, RuntimeError):
    """A size that no tensor can have, or that this machine cannot hold."""


class ConfigPadError(ConfigError, AssertionError):
    """A padding token outside the vocabulary."""


class ConfigNameError(ConfigError, AttributeError):
    """A key that is not a setting."""


class ConfigChoiceError(ConfigError, KeyError):
    """A word that is none of the choices."""


# -- modes of generate that this library does not have -------------------------------------------

# Name -> why, for settings and for arguments: refused, never ignored.
ABSENT: dict[str, str] = {
    "force_words_ids": "constrained beam search is not part of this library; prefix_allowed_tokens_fn and "
    "sequence_bias steer what is written",
    "constraints": "constrained beam search is not part of this library; prefix_allowed_tokens_fn and "
    "sequence_bias steer what is written",
    "penalty_alpha": "contrastive search is not part of this library; use beam search or sampling",
    "guidance_scale": "classifier-free guidance needs a second, unconditional prompt, which encoder-decoders "
    "do not have",
    "prompt_lookup_num_tokens": "prompt lookup drafts tokens for decoders alone; leave it None",
    "assistant_model": "assisted decoding is not part of this library; leave it None",
    "synced_gpus": "every process generates on its own here; leave it None",
    "negative_prompt_ids": "negative prompts belong to guidance_scale, which is not part of this library",
    "negative_prompt_attention_mask": "negative prompts belong to guidance_scale, which is not part of this "
    "library",
}
# The values that switch a mode off.
_OFF = {"penalty_alpha": 0, "guidance_scale": 1}
# Arguments of generate that are no settings.
ARGUMENTS = (
    "logits_processor",
    "stopping_criteria",
    "prefix_allowed_tokens_fn",
    "synced_gpus",
    "assistant_model",
    "streamer",
    "negative_prompt_ids",
    "negative_prompt_attention_mask",
)


def refuse_modes(**asked: Any) -> None:
    """Raises ``NotImplementedError``, with the reason, when one of these is asked for."""
    for name, value in asked.items():
        off = value is None or value is False or (name in _OFF and value == _OFF[name])
        if not off:
            raise NotSupported("generation.unsupported", name=name, reason=ABSENT[name])


# model_type -> the classes that read such a folder.
_CLASSES = {
    "bert": "BertModel or BertLMHeadModel",
    "roberta": "RobertaModel or RobertaForCausalLM",
    "gpt2": "GPT2Model or GPT2LMHeadModel",
    "bert-generation": "BertGenerationEncoder or BertGenerationDecoder",
    "encoder-decoder": "EncoderDecoderModel",
}


def tell_other_family(kind: type, name: str, data: dict[str, Any]) -> None:
    """Says that a folder is of another family than the class: a ``UserWarning``, as the reference's.

    An encoder-decoder cannot be made of one model: a ``ValueError``. BERT read as BertGeneration is meant.
    """
    found, wanted = str(data.get("model_type")), kind.model_type
    if (found, wanted) == ("bert", "bert-generation"):
        return
    if wanted == "encoder-decoder":
        move = "no class of bertgen reads it"
        if found in _CLASSES:
            move = f"load it with {_CLASSES[found]}, or join two with from_encoder_decoder_pretrained"
        raise ConfigError("config.one_model", name=name, found=found, move=move)
    move = _CLASSES.get(found, "none of bertgen's classes")
    warnings.warn(
        f"{name} is of the family {found!r} and read as {wanted!r}: most of its weights will find no place; "
        f"what reads it is {move}",
        UserWarning,
        stacklevel=3,
    )


def warn_of_no_length() -> None:
    """A ``UserWarning``: nobody said how long the output may be, so that 20 ids hold."""
    message = "no length is given: the output ends at max_length=20 ids; set max_new_tokens"
    warnings.warn(message, UserWarning, stacklevel=2)


def warn_of_no_room(length: int, given: int) -> None:
    """A ``UserWarning``: the ids that are given are as long as the output may be; one token is written."""
    message = f"max_length={length} leaves no room after {given} given ids: one token is written; raise it"
    warnings.warn(f"{message} or set max_new_tokens", UserWarning, stacklevel=2)


# -- methods -------------------------------------------------------------------------------------


class SettingsUtilities:
    """What both kinds of config have."""

    def dict_torch_dtype_to_str(self, d: dict[str, Any]) -> None:
        """Turns dtypes of a dict, nested ones too, into their names, in place."""
        for key, value in d.items():
            if isinstance(value, dict):
                self.dict_torch_dtype_to_str(value)
            elif key == "torch_dtype" and isinstance(value, torch.dtype):
                d[key] = str(value).removeprefix("torch.")


class ConfigUtilities(SettingsUtilities):
    """What a model's config has beside its fields and its files."""

    @property
    def use_return_dict(self) -> bool:
        """Whether forward returns a ModelOutput unless it is asked for something else."""
        return self.return_dict and not self.torchscript

    def _has_non_default_generation_parameters(self) -> bool:
        """Whether it holds settings of generate, as older files do."""
        return any(getattr(self, key, v) != v for key, v in GENERATION_IN_MODEL_CONFIG.items())

    def update_from_string(self, update_str: str) -> None:
        """Sets fields of text such as "hidden_size=32,use_cache=false", each of the type it has now.

        Raises ``ValueError`` on an unknown field, or one that is neither number, word nor true or false.
        """
        for item in update_str.split(","):
            key, _, value = item.partition("=")
            if not hasattr(self, key):
                raise ValueError(f"{key!r} is not a field of {type(self).__name__}")
            setattr(self, key, _of_same_type(getattr(self, key), value, key))


def _of_same_type(current: Any, text: str, key: str) -> Any:
    """Text as a value of the same type."""
    if isinstance(current, bool):
        words = {"true": True, "1": True, "y": True, "yes": True}
        words |= {"false": False, "0": False, "n": False, "no": False}
        if text.lower() not in words:
            raise ValueError(f"{key} is true or false, got {text!r}")
        return words[text.lower()]
    if not isinstance(current, int | float | str):
        raise ValueError(f"{key} is neither a number nor text nor true or false; set config.{key} itself")
    return type(current)(text)
