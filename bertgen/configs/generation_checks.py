"""Settings of generate, checked when it starts: types first, then what does not go together."""

from __future__ import annotations

import math
import warnings
from typing import Any

from bertgen.configs.checks import is_number, is_whole

# Settings and arguments of the reference whose modes this library does not have, and why: refused, never
# ignored.
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
_OFF = {"penalty_alpha": 0, "guidance_scale": 1}
_COUNTS = ("num_beams", "num_return_sequences", "num_beam_groups")
_SIZES = ("top_k", "min_length", "min_new_tokens", "no_repeat_ngram_size", "encoder_no_repeat_ngram_size")
_NUMBERS = (
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
# Arguments of generate that are no settings.
_ARGUMENTS = (
    "logits_processor",
    "stopping_criteria",
    "prefix_allowed_tokens_fn",
    "synced_gpus",
    "assistant_model",
    "streamer",
    "negative_prompt_ids",
    "negative_prompt_attention_mask",
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


def refuse_modes(**asked: Any) -> None:
    """Raises ``NotImplementedError``, with the reason, when one of these is asked for."""
    for name, value in asked.items():
        off = value is None or value is False or (name in _OFF and value == _OFF[name])
        if not off:
            raise NotImplementedError(f"{name} is not supported: {ABSENT[name]}")


def check_settings(config: Any) -> None:
    """Raises ``ValueError`` on settings of the wrong type or that contradict themselves.

    ``NotImplementedError`` on modes that this library does not have.
    """
    _check_types(config)
    refuse_modes(**{name: getattr(config, name, None) for name in ABSENT if name not in _ARGUMENTS})
    stray = [name for name in _ARGUMENTS if hasattr(config, name)]
    if stray:
        raise ValueError(f"{stray[0]} is no setting but an argument: generate({stray[0]}=...)")
    if config.early_stopping not in (True, False, "never"):
        raise ValueError(f'early_stopping must be True, False or "never", got {config.early_stopping!r}')
    _check_groups(config)
    returned, beams = config.num_return_sequences, config.num_beams
    if returned > beams and (beams > 1 or not config.do_sample):
        raise ValueError(
            f"num_return_sequences={returned} needs as many beams (num_beams={beams}) or do_sample=True: "
            "greedy search finds one sequence"
        )


def _check_types(config: Any) -> None:
    for name in _COUNTS:
        if not is_whole(getattr(config, name)) or getattr(config, name) < 1:
            raise ValueError(f"{name} must be a whole number of 1 or more, got {getattr(config, name)!r}")
    for name in _SIZES:
        value = getattr(config, name, None)
        if value is not None and (not is_whole(value) or value < 0):
            raise ValueError(f"{name} must be a whole number of 0 or more, got {value!r}")
    for name in _NUMBERS:
        value = getattr(config, name, None)
        if value is not None and (not is_number(value) or math.isnan(value)):
            raise ValueError(f"{name} must be a number, got {value!r}")
    for name in _IDS:
        value = getattr(config, name, None)
        if value is not None and not is_whole(value):
            raise ValueError(f"{name} must be a token id, got {value!r}")
    for name in _ID_LISTS:
        value = getattr(config, name, None)
        listed = value if isinstance(value, list | tuple | set) else [] if value is None else [value]
        if not all(is_whole(item) for item in listed) or (is_whole(value) and "suppress" in name):
            raise ValueError(f"{name} must be a token id or a list of them, got {value!r}")
    for name in _FLAGS:
        value = getattr(config, name, None)
        if value is not None and not isinstance(value, int):
            raise ValueError(f"{name} must be True or False, got {value!r}")
    _check_shapes(config)


def _check_shapes(config: Any) -> None:
    """Settings that are lists of pairs."""
    decay = getattr(config, "exponential_decay_length_penalty", None)
    if decay is not None:
        pair = isinstance(decay, list | tuple) and len(decay) == 2
        if not (pair and is_whole(decay[0]) and is_number(decay[1])):
            raise ValueError(
                f"exponential_decay_length_penalty must be (start, factor) such as (20, 1.1), got {decay!r}"
            )
    forced = getattr(config, "forced_decoder_ids", None)
    if forced is not None:
        pairs = isinstance(forced, list | tuple) and all(
            isinstance(pair, list | tuple) and len(pair) == 2 and is_whole(pair[0]) for pair in forced
        )
        if not pairs:
            raise ValueError(f"forced_decoder_ids must be a list of [place, id], got {forced!r}")


def _check_groups(config: Any) -> None:
    groups, beams = config.num_beam_groups, config.num_beams
    if groups == 1:
        if config.diversity_penalty:
            raise ValueError("diversity_penalty works between groups of beams: set num_beam_groups above 1")
        return
    if beams % groups:
        raise ValueError(
            f"num_beam_groups={groups} does not divide num_beams={beams}; all groups are of one size"
        )
    if config.do_sample:
        raise ValueError("diverse beams (num_beam_groups above 1) do not sample; set do_sample=False")
    if not config.diversity_penalty:
        raise ValueError("diverse beams need a diversity_penalty above 0.0, or all groups find the same")


def warn_of_no_effect(config: Any) -> None:
    """One ``UserWarning`` a setting that changes nothing in the mode that the others choose."""
    unused = (
        {} if config.do_sample else {name: (value, "do_sample=True") for name, value in _SAMPLING.items()}
    )
    if config.num_beams == 1:
        unused |= {name: (value, "num_beams above 1") for name, value in _BEAMS.items()}
    for name, (neutral, needed) in unused.items():
        value = getattr(config, name)
        if value is not None and value != neutral:
            warnings.warn(f"{name}={value!r} has no effect without {needed}", UserWarning, stacklevel=3)
