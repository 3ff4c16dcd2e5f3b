"""Messages about what generate is asked for."""

from __future__ import annotations

_CHANGE = "change it in generation_config.json or in the call"

GENERATION: dict[str, tuple[str, str]] = {
    # ---- settings by themselves
    "generation.unsupported": ("{name} is not supported: {reason}", "leave it out"),
    "generation.not_a_setting": (
        "{name} is not a setting but an argument",
        "give it as generate({name}=...)",
    ),
    "generation.early_stopping": ('early_stopping must be True, False or "never", got {got}', _CHANGE),
    "generation.positive": ("{name} must be an integer of 1 or more, got {got}", _CHANGE),
    "generation.size": ("{name} must be an integer of 0 or more, got {got}", _CHANGE),
    "generation.number": ("{name} must be a number, got {got}", _CHANGE),
    "generation.id": ("{name} must be a token id, got {got}", _CHANGE),
    "generation.ids": ("{name} must be a token id or a list of them, got {got}", _CHANGE),
    "generation.flag": ("{name} must be True or False, got {got}", _CHANGE),
    "generation.decay": (
        "exponential_decay_length_penalty must be (start, factor) such as (20, 1.1), got {got}",
        _CHANGE,
    ),
    "generation.forced_ids": ("forced_decoder_ids must be a list of [place, id], got {got}", _CHANGE),
    # ---- settings that do not go together
    "generation.no_groups": (
        "diversity_penalty works between groups of beams",
        "set num_beam_groups above 1",
    ),
    "generation.uneven_groups": (
        "num_beam_groups={groups} does not divide num_beams={beams}: all groups are of one size",
        "make num_beams a multiple of num_beam_groups",
    ),
    "generation.sampled_groups": (
        "diverse beams (num_beam_groups above 1) do not sample",
        "set do_sample=False",
    ),
    "generation.equal_groups": (
        "diverse beams without a diversity_penalty all find the same",
        "set diversity_penalty above 0.0",
    ),
    "generation.too_many_returned": (
        "num_return_sequences={returned} is more than num_beams={beams}, and greedy search finds one text",
        "set num_beams as high, or do_sample=True",
    ),
    # ---- settings of the search
    "generation.factor": ("{name} must be a float above 0, got {got}", "1.0 changes nothing"),
    "generation.top_k": ("top_k must be an integer above 0, got {got}", "0 in the settings means all"),
    "generation.mass": ("{name} must lie between 0 and 1, got {got}", "1.0 keeps every token"),
    "generation.diversity": ("diversity_penalty must be a float above 0, got {got}", _CHANGE),
    "generation.bias_dict": (
        "sequence_bias must be a dict of ids and numbers, got {got}",
        "give one such as {{(12, 7): -2.0}}",
    ),
    "generation.bias_key": ("sequence_bias: {got} must be a tuple of ids of 0 or more", _CHANGE),
    "generation.bias_value": ("sequence_bias: the bias of {of} must be a float, got {got}", _CHANGE),
    "generation.bias_id": (
        "id {id} is biased or banned, but the vocabulary ends at {rows}",
        "take sequence_bias or bad_words_ids from this model's tokenizer",
    ),
    "generation.bad_words": ("bad_words_ids must be a list of lists of ids, got {got}", _CHANGE),
    "generation.bad_word_id": ("bad_words_ids holds something that is no id of 0 or more: {got}", _CHANGE),
    "generation.nothing_allowed": (
        "prefix_allowed_tokens_fn gave an empty list for source {source} after {written}",
        "allow at least the end token",
    ),
    # ---- where it begins and ends
    "generation.too_long": (
        "the sequence needs {needed} positions but the model has {there} (max_position_embeddings)",
        "shorten the text, or truncate it with the tokenizer's truncation=True, max_length={there}",
    ),
}
