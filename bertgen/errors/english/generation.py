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
    "generation.too_few_beams": (
        "fewer continuations than beams: the settings forbid so much that not every beam can go on",
        "use fewer beams",
    ),
    # ---- what generate is called with
    "generation.config_type": (
        "generation_config must be a GenerationConfig, got {got}",
        "make one with GenerationConfig(**settings)",
    ),
    "generation.not_saved": (
        "these settings are not saved: {found}",
        "set what is named back to its default, or change the mode",
    ),
    "generation.unknown": ("generate does not know {names}", "check the spelling of the keywords"),
    "generation.two_names": ("inputs and input_ids are one argument under two names", "give one of them"),
    "generation.two_inputs": ("input_ids and inputs_embeds are both given", "give one of them, not both"),
    "generation.functions": (
        "{name} must be a list of functions (ids, scores), got {got}",
        "put even a single one into a list",
    ),
    "generation.prefix_function": (
        "prefix_allowed_tokens_fn must be a function (source, ids), got {got}",
        "give the function itself",
    ),
    "generation.streamer": ("a streamer has put(ids) and end(), got {got}", "give an object with both"),
    "generation.streamed_beams": (
        "a streamer cannot be used with beam search",
        "stream_generate shows drafts of beams",
    ),
    "generation.no_text": ("text must be a string, got {got}", "give the sentence itself"),
    "generation.empty": ("the text is empty: there is nothing to read", "write a sentence"),
    # ---- ids and their masks
    "generation.ids_type": (
        "{name} must be a tensor of whole numbers, got {got}",
        "the tokenizer makes one with return_tensors='pt'",
    ),
    "generation.ids_outside": (
        "{name} must lie between 0 and {last}, got {got}",
        "do the model and the tokenizer belong together?",
    ),
    "generation.unknown_id": ("{name} names {id}, but the decoder's tokens end at {last}", _CHANGE),
    "generation.source_shape": (
        "the source has shape {shape}",
        "give [batch, length, ...], as tokenizer(texts, return_tensors='pt') does",
    ),
    "generation.prompt_shape": ("the prompt has shape {shape}", "give [batch, length], neither of them 0"),
    "generation.prompt_rows": (
        "decoder_input_ids have shape {shape}, expected [{rows}, length]: one row a source",
        "repeat them for every source",
    ),
    "generation.mask_shape": (
        "attention_mask has shape {shape}, what it belongs to {wanted}",
        "take both from one tokenizer(texts, padding=True)",
    ),
    "generation.other_shape": ("{name} has shape {shape}, the ids {wanted}", "give one value an id"),
    "generation.needs_ids": (
        "penalties on the source's tokens need input_ids: states and embeddings have none",
        "give input_ids, or leave the penalties out",
    ),
    "generation.no_source": ("{name} has no use in generating with a decoder alone", "give input_ids"),
    "generation.positions": (
        "position_ids change with every token",
        'give "mask" to count them from the mask',
    ),
    "generation.past_layers": (
        "past_key_values has {given} layers, the model {layers}",
        "give those that this model returned",
    ),
    "generation.past_mask": (
        "past_key_values hold {past} positions, with the ids behind them there are {needed}; the "
        "attention_mask has shape {shape}",
        "give all ids so far, or the new ones with a mask of the whole text",
    ),
    "generation.past_shape": (
        "past_key_values holds a tensor of shape {shape}, expected [batch, heads, length, head width]",
        "give those that this model returned",
    ),
    "generation.embeds": (
        "inputs_embeds have shape {shape}, the ids {ids}: as many rows are needed, and no fewer positions",
        "leave input_ids out, or give those that the embeddings stand for",
    ),
    "generation.token_types": (
        "this {name} has no token types",
        "leave token_type_ids out, or call the tokenizer with return_token_type_ids=False",
    ),
    # ---- where it begins and ends
    "generation.too_long": (
        "the sequence needs {needed} positions but the model has {there} (max_position_embeddings)",
        "shorten the text, or truncate it with the tokenizer's truncation=True, max_length={there}",
    ),
    "generation.no_positions": (
        "the model has {there} positions (max_position_embeddings), and all of them are taken",
        "lower max_length or max_new_tokens",
    ),
    "generation.no_start": (
        "neither decoder_start_token_id nor bos_token_id is set, so generation does not know where to begin",
        "set model.generation_config.decoder_start_token_id (BertGeneration: 2)",
    ),
    "generation.no_ids": ("{name} are missing, and no bos_token_id is set to start from", "give {name}"),
    "generation.no_pad": (
        "pad_token_id must be set when eos_token_id is: finished rows are padded with it",
        "set model.generation_config.pad_token_id",
    ),
    "generation.no_room": (
        "max_length={length} leaves no room after {given} given ids",
        "raise it or set max_new_tokens",
    ),
    "generation.memory": (
        "{rows} rows of {length} tokens (each source times num_beams or num_return_sequences) take "
        "{needed:,.0f} GB, this machine has {there:,.0f} GB",
        "ask for fewer",
    ),
    # ---- outputs
    "generation.no_attentions": (
        "this output holds no attentions",
        "call generate with output_attentions=True and return_dict_in_generate=True",
    ),
    "generation.no_scores": (
        "rows of a beam search can only be put in order by their scores",
        "call generate with output_scores=True",
    ),
    # ---- interventions, and a prefix beside them
    "interventions.type": (
        "interventions must be Interventions(...), got {got}",
        "from bertgen import Interventions",
    ),
    "interventions.heads": (
        "heads must be a dict of factors, got {got}",
        'give one such as {{("cross", 2, 3): 0.0}}',
    ),
    "interventions.key": (
        "heads: {got} is not (kind, layer, head)",
        'give a tuple such as ("cross", 2, 3)',
    ),
    "interventions.kind": ("{kind} is not a kind of attention", "choose one of: {known}"),
    "interventions.factor": (
        "the factor of head {of} must be a finite number, got {got}",
        "0.0 switches it off, 1.0 changes nothing",
    ),
    "interventions.integers": ("{name} must be a list of integers, got {got}", "give integers alone"),
    "interventions.no_such_kind": ("this model has no {kind} attention", "it has: {known}"),
    "interventions.layer": (
        "{kind} has no layer {layer}",
        "layers count from 0, and the last one is {last}",
    ),
    "interventions.head": (
        "layer {layer} of {kind} has no head {head}",
        "heads count from 0, and the last one is {last}",
    ),
    "interventions.negative_place": ("source_mask names place {place}", "places count from 0"),
    "interventions.place": (
        "source_mask names place {place}, but the source's last one is {last}",
        "places count from 0, over the pieces of the source",
    ),
    "interventions.all_masked": (
        "every piece of the source is masked: there is nothing left to read",
        "leave at least one",
    ),
    "interventions.no_source": (
        "a decoder alone has no source to mask",
        "change its prompt instead",
    ),
    "interventions.long_prefix": (
        "the prefix has {given} ids, but the output has room for {room}",
        "shorten it, or raise max_new_tokens",
    ),
    "interventions.ended_prefix": (
        "the prefix goes on after an end token (id {id}, place {place})",
        "an end token can only be its last",
    ),
    # ---- looking at a finished run
    "measure.unknown": ("there is no measure {name!r}", "choose one of: {known}"),
    "measure.other_model": (
        "this model does not give the run's own log-probabilities (token {token} is off by {gap:.3g})",
        "give the model that made the run, with the same weights, in eval mode",
    ),
    "measure.all_masked": (
        "the source is a single word, and a source that is masked whole cannot be read",
        "take a longer text",
    ),
    "measure.no_source": (
        "a decoder alone has no source whose words could be masked",
        "take a model with an encoder, or the measure 'occlusion' of its own text",
    ),
    "measure.no_cross": (
        "the measure {name!r} names no source words",
        "take a model with an encoder and a measure with a cross map",
    ),
    "measure.too_many_words": (
        "{k} of {words} source words cannot be taken away",
        "ask for one or more, and for fewer than there are",
    ),
    "measure.shapes": (
        "the two maps have the shapes {first} and {second}",
        "compare maps of the same kind and run",
    ),
    "measure.links": ("there are no sure links to compare with", "give at least one"),
}
