"""Which processors and warpers a request's settings ask for; none when all settings are at their defaults."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bertgen.generation import processors as P
from bertgen.generation import warpers as W
from bertgen.generation.processors import LogitsProcessor
from bertgen.generation.request import Request, eos_list


def build_processors(
    request: Request,
    prefix_allowed_tokens_fn: Callable | None = None,
    extra: Sequence[LogitsProcessor] | None = None,
) -> list[LogitsProcessor]:
    """In the reference's order; the caller's ``extra`` come last but for the renormalisation."""
    config = request.config
    # The settings' end tokens: the search may end at the model's besides.
    eos = eos_list(config.eos_token_id)
    # A decoder alone has no source but its prompt.
    source = request.source_ids
    if source is None:
        source = request.prompt
    beams = config.num_beams // config.num_beam_groups
    steps: list[LogitsProcessor] = []
    # 1) Tokens made likelier or less likely.
    if config.sequence_bias is not None:
        steps.append(P.sequence_bias(config.sequence_bias))
    if config.diversity_penalty:
        steps.append(P.HammingDiversity(config.diversity_penalty))
    if config.encoder_repetition_penalty not in (None, 1.0):
        steps.append(P.encoder_repetition_penalty(config.encoder_repetition_penalty, source))
    if config.repetition_penalty not in (None, 1.0):
        steps.append(P.repetition_penalty(config.repetition_penalty))
    # 2) Tokens forbidden: repetitions, words, an end too early, what the caller's function leaves out.
    if config.no_repeat_ngram_size:
        steps.append(P.no_repeat_ngram(config.no_repeat_ngram_size))
    if config.encoder_no_repeat_ngram_size:
        steps.append(P.encoder_no_repeat_ngram(config.encoder_no_repeat_ngram_size, source))
    if config.bad_words_ids is not None:
        steps += P.bad_words(config.bad_words_ids, eos)
    if config.min_length and eos:
        steps.append(P.min_length(config.min_length, eos))
    if config.min_new_tokens and eos:
        steps.append(P.min_length(request.prompt.shape[1] + config.min_new_tokens, eos))
    if prefix_allowed_tokens_fn is not None:
        steps.append(P.prefix_allowed(prefix_allowed_tokens_fn, beams))
    # 3) Set places: what is forced, cleaned or suppressed there.
    if config.forced_bos_token_id is not None:
        steps.append(P.force_token(1, config.forced_bos_token_id))
    if config.forced_eos_token_id is not None:
        steps.append(P.force_token(request.max_length - 1, config.forced_eos_token_id))
    if config.remove_invalid_values:
        steps.append(P.remove_invalid)
    if config.exponential_decay_length_penalty is not None:
        start, factor = config.exponential_decay_length_penalty
        steps.append(P.exponential_decay(start + request.prompt.shape[1], factor, eos))
    if config.suppress_tokens:
        steps.append(P.suppress(config.suppress_tokens))
    if config.begin_suppress_tokens:
        steps.append(P.suppress(config.begin_suppress_tokens, _first_free_place(request)))
    if config.forced_decoder_ids:
        forced = dict(config.forced_decoder_ids)
        steps += [P.force_token(at, token) for at, token in forced.items() if token is not None]
    # 4) The caller's processors, and log-probabilities again.
    steps += extra or []
    if config.renormalize_logits:
        steps.append(P.renormalize)
    return steps


def _first_free_place(request: Request) -> int:
    """Where begin_suppress_tokens holds: behind the prompt, a forced first token and all forced places."""
    config, place = request.config, request.prompt.shape[1]
    if place == 1 and config.forced_bos_token_id is not None:
        place += 1
    if config.forced_decoder_ids:
        place += config.forced_decoder_ids[-1][0]
    return place


def build_warpers(request: Request) -> list[LogitsProcessor]:
    """What reshapes the distribution that is drawn from; nothing unless the settings sample."""
    config = request.config
    if not config.do_sample:
        return []
    # At least one token stays; with beams one more than there are end tokens, so that a beam can go on.
    keep = 1
    if config.num_beams > 1:
        keep = 2
        if isinstance(config.eos_token_id, list):
            keep = len(config.eos_token_id) + 1
    steps: list[LogitsProcessor] = []
    if config.temperature not in (None, 1.0):
        steps.append(W.temperature(config.temperature))
    if config.top_k:
        steps.append(W.top_k(config.top_k, keep))
    if config.top_p is not None and config.top_p < 1.0:
        steps.append(W.top_p(config.top_p, keep))
    if config.typical_p is not None and config.typical_p < 1.0:
        steps.append(W.typical_p(config.typical_p, keep))
    if config.epsilon_cutoff is not None and 0.0 < config.epsilon_cutoff < 1.0:
        steps.append(W.epsilon_cutoff(config.epsilon_cutoff, keep))
    if config.eta_cutoff is not None and 0.0 < config.eta_cutoff < 1.0:
        steps.append(W.eta_cutoff(config.eta_cutoff, keep))
    if config.renormalize_logits:
        steps.append(P.renormalize)
    return steps
