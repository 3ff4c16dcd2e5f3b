"""What generate() is asked, and what the logits warpers answer (transformers 4.37.2 needed)."""

from __future__ import annotations

import torch
from record import Case
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper
from transformers.generation.logits_process import (
    EpsilonLogitsWarper,
    EtaLogitsWarper,
    TypicalLogitsWarper,
)

BEAMS = {
    "beam4": {"num_beams": 4},
    "beam4_long": {"num_beams": 4, "length_penalty": 2.0},
    "beam4_short": {"num_beams": 4, "length_penalty": -1.0},
    "beam4_flat": {"num_beams": 4, "length_penalty": 0.0},
    "beam4_early": {"num_beams": 4, "early_stopping": True},
    "beam4_never": {"num_beams": 4, "early_stopping": "never"},
    "beam4_never_flat": {"num_beams": 4, "early_stopping": "never", "length_penalty": 0.0},
    "beam4_return3": {"num_beams": 4, "num_return_sequences": 3},
    "beam2": {"num_beams": 2},
    "beam7": {"num_beams": 7, "num_return_sequences": 7, "early_stopping": True},
    "beam4_two_ends": {"num_beams": 4, "eos_token_id": [1, 9]},
}
PROCESSED = {
    "repetition": {"repetition_penalty": 1.8},
    "ngram1": {"no_repeat_ngram_size": 1},
    "ngram2": {"no_repeat_ngram_size": 2},
    "min_length": {"min_length": 12},
    "min_new_tokens": {"min_new_tokens": 10},
    "forced_ends": {"forced_bos_token_id": 9, "forced_eos_token_id": 1},
    "together": {"repetition_penalty": 1.2, "no_repeat_ngram_size": 3, "min_length": 9, "num_beams": 3},
    "beam_ngram2": {"no_repeat_ngram_size": 2, "num_beams": 4},
    "beam_min_length": {"min_length": 12, "num_beams": 4},
    "beam_forced_ends": {"forced_bos_token_id": 9, "forced_eos_token_id": 1, "num_beams": 4},
    "encoder_repetition": {"encoder_repetition_penalty": 1.6},
    "encoder_ngram2": {"encoder_no_repeat_ngram_size": 1, "num_beams": 2},
    "bad_words": {"bad_words_ids": [[44], [60, 60], [3, 3, 55], [1]]},
    "beam_bad_words": {"bad_words_ids": [[44], [60, 60], [3, 3]], "num_beams": 3},
    "suppress": {"suppress_tokens": [3, 44], "begin_suppress_tokens": [60, 44, 55]},
    "decay": {"exponential_decay_length_penalty": [3, 1.5]},
    "beam_decay": {"exponential_decay_length_penalty": [2, 1.3], "num_beams": 3},
    "bias": {"sequence_bias": {(55,): -5.0, (3, 3): -9.0, (44, 55): 4.0}},
    "beam_renormalized": {"repetition_penalty": 1.4, "renormalize_logits": True, "num_beams": 3},
    "beam_clean": {"remove_invalid_values": True, "num_beams": 2},
    "groups": {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.7},
    "groups_return4": {
        "num_beams": 4,
        "num_beam_groups": 4,
        "diversity_penalty": 1.5,
        "num_return_sequences": 4,
    },
    "groups_long": {
        "num_beams": 6,
        "num_beam_groups": 3,
        "diversity_penalty": 0.4,
        "num_return_sequences": 3,
        "length_penalty": 2.0,
        "early_stopping": True,
    },
    "beam_repetition": {"repetition_penalty": 1.8, "num_beams": 4, "num_return_sequences": 2},
}
SAMPLES = {
    "sample": {},
    "sample_hot": {"temperature": 1.7, "top_k": 0},
    "sample_cold": {"temperature": 0.3},
    "sample_top_k": {"top_k": 5},
    "sample_top_p": {"top_k": 0, "top_p": 0.8},
    "sample_all": {"temperature": 0.8, "top_k": 20, "top_p": 0.9},
    "sample_typical": {"top_k": 0, "typical_p": 0.7},
    "sample_epsilon": {"top_k": 0, "epsilon_cutoff": 0.02},
    "sample_eta": {"top_k": 0, "eta_cutoff": 0.03},
    "beam_sample": {"num_beams": 3},
    "beam_sample_return2": {"num_beams": 4, "num_return_sequences": 2, "temperature": 1.6, "top_p": 0.9},
    "sample_return3": {"num_return_sequences": 3, "top_k": 10},
    "sample_ngram2": {"no_repeat_ngram_size": 2, "top_k": 10},
}


def standard(case: Case, model, batch: dict[str, torch.Tensor]) -> None:
    """Greedy, beams and seeded samples over a padded batch."""
    single = {"input_ids": batch["input_ids"][:1]}
    case.generate("greedy", model, batch, max_length=20)
    case.generate("greedy_single", model, single, max_new_tokens=25)
    case.generate("greedy_default_length", model, single)
    case.generate(
        "greedy_to_the_limit", model, {**batch, "decoder_input_ids": torch.tensor([[2]] * 3)}, max_length=5
    )
    case.generate("greedy_no_mask_given", model, {"input_ids": batch["input_ids"]}, max_length=12)
    prefix = torch.tensor([[2, 11], [2, 12], [2, 13]])
    case.generate(
        "greedy_prefix", model, {**batch, "decoder_input_ids": prefix}, max_length=12, use_cache=False
    )
    case.generate(
        "greedy_dict",
        model,
        batch,
        max_length=8,
        return_dict_in_generate=True,
        output_scores=True,
        output_attentions=True,
    )
    beams(case, model, batch)
    case.generate(
        "beam4_dict",
        model,
        batch,
        max_length=10,
        num_beams=4,
        return_dict_in_generate=True,
        output_scores=True,
    )
    for name, options in SAMPLES.items():
        case.generate(name, model, batch, seed=7, max_length=16, do_sample=True, **options)


def beams(case: Case, model, batch: dict[str, torch.Tensor]) -> None:
    """Every way to rank and to stop."""
    for name, options in BEAMS.items():
        case.generate(name, model, batch, max_length=20, **options)


def processed(case: Case, model, batch: dict[str, torch.Tensor]) -> None:
    """Every processor, in greedy search and under beams."""
    for name, options in PROCESSED.items():
        case.generate(name, model, batch, max_length=16, **options)


def warpers(case: Case) -> None:
    """Temperature, top-k and top-p on logits with ties and with -inf."""
    logits = torch.randn(4, 20, generator=torch.Generator().manual_seed(71)) * 3
    logits[1, 3:9] = logits[1, 2]
    logits[2, 5:] = -float("inf")
    case.arrays["logits"] = logits
    for value in (0.25, 1.0, 3.0):
        case.arrays[f"temperature/{value}"] = TemperatureLogitsWarper(value)(None, logits)
    for value in (1, 4, 20, 50):
        case.arrays[f"top_k/{value}"] = TopKLogitsWarper(value)(None, logits)
    for value in (0.01, 0.5, 0.9, 0.999):
        case.arrays[f"top_p/{value}"] = TopPLogitsWarper(value)(None, logits)
    for value in (0.2, 0.7, 0.95):
        case.arrays[f"typical/{value}"] = TypicalLogitsWarper(value)(None, logits)
    for value in (0.001, 0.05, 0.4):
        case.arrays[f"epsilon/{value}"] = EpsilonLogitsWarper(value)(None, logits)
        case.arrays[f"eta/{value}"] = EtaLogitsWarper(value)(None, logits)
    case.notes = {"class": "warpers"}
    case.save()
