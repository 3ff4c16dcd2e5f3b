"""``model.generate``: batches of ids in, batches of ids (and what was asked for beside them) out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from bertgen.configs.generation import GenerationConfig
from bertgen.configs.reference import refuse_modes
from bertgen.generation.beam import BeamResult, BeamScorer
from bertgen.generation.engines.choose import needs_its_forward
from bertgen.generation.engines.fused import FusedStepper
from bertgen.generation.engines.plain import PlainStepper, ThroughModel
from bertgen.generation.pipeline import build_processors, build_warpers
from bertgen.generation.planning import make_plan
from bertgen.generation.request import Plan
from bertgen.generation.search import SearchStep, StoppingCriterion, search_beams, search_tokens
from bertgen.layers import outputs


def generate(
    model: Any,
    inputs: Tensor | None = None,
    generation_config: GenerationConfig | None = None,
    logits_processor: Sequence[Callable] | None = None,
    stopping_criteria: Sequence[Callable] | None = None,
    prefix_allowed_tokens_fn: Callable[[int, Tensor], list[int]] | None = None,
    synced_gpus: bool | None = None,
    assistant_model: Any = None,
    streamer: Any = None,
    negative_prompt_ids: Tensor | None = None,
    negative_prompt_attention_mask: Tensor | None = None,
    generator: torch.Generator | None = None,
    **kwargs: Any,
) -> Any:
    """Writes with greedy search, sampling (do_sample), beam search (num_beams > 1), or both together.

    ``inputs`` [B, S] are source ids (encoder-decoder) or the prompt (decoder). Keywords are fields of
    ``GenerationConfig`` or inputs of the model: attention_mask [B, S], inputs_embeds, encoder_outputs,
    decoder_input_ids, head_mask, position_ids ("mask": counted from the mask, so that padding on the left
    shifts nothing). Returns ids [B * num_return_sequences, T] that begin with the start token or prompt;
    with return_dict_in_generate a Generate...Output with scores, attentions and hidden states as asked for.
    ``streamer``: anything with ``put(ids)`` and ``end()``. ``generator`` seeds the sampling (None: torch's
    global one). Raises ``ValueError`` on unknown keywords and on settings that do not fit together,
    ``NotImplementedError`` on modes that this library does not have (``refuse_modes`` lists them).
    """
    refuse_modes(
        synced_gpus=synced_gpus,
        assistant_model=assistant_model,
        negative_prompt_ids=negative_prompt_ids,
        negative_prompt_attention_mask=negative_prompt_attention_mask,
    )
    plan = make_plan(model, inputs, generation_config, kwargs)
    config = plan.config
    if streamer is not None and config.num_beams > 1:
        raise ValueError("a streamer cannot be used with beam search; stream_generate shows drafts of beams")
    _check_callables(logits_processor, stopping_criteria, prefix_allowed_tokens_fn, streamer)
    stopping = [*time_limit(config.max_time), *(stopping_criteria or [])]
    search = {
        "processors": build_processors(plan, prefix_allowed_tokens_fn, logits_processor),
        "warpers": build_warpers(plan) if config.do_sample else [],
        "sample": config.do_sample,
        "generator": generator,
        "stopping": stopping,
    }
    source = encode_source(model, plan, config)
    return _search(model, plan, source, streamer, search)


def _search(model: Any, plan: Plan, source: Any, streamer: Any, search: dict[str, Any]) -> Any:
    config, collected = plan.config, _Collector(plan.config)
    rows = config.num_beams
    if streamer is not None:
        streamer.put(plan.prompt.cpu())  # one row a source, however many come back
    if rows == 1 and config.num_return_sequences > 1:
        source = expand_rows(plan, source, config.num_return_sequences)
    stepper = make_stepper(model, plan, source, rows=rows, hidden_states=config.output_hidden_states)
    if rows > 1:
        scorer = BeamScorer(plan)
        for step in search_beams(stepper, plan, scorer, **search):
            collected.add(step)
        return _beam_output(plan, scorer.finish(), collected, source, stepper)
    for step in search_tokens(stepper, plan, **search):
        collected.add(step)
        if streamer is not None:
            streamer.put(step.tokens.cpu())
    if streamer is not None:
        streamer.end()
    return _token_output(plan, collected, source, stepper)


def _check_callables(processors: Any, criteria: Any, prefix_fn: Any, streamer: Any) -> None:
    """Raises ``ValueError`` on what cannot be called as generate will call it."""
    for name, listed in (("logits_processor", processors), ("stopping_criteria", criteria)):
        if not isinstance(listed, Sequence | None) or not all(callable(item) for item in listed or ()):
            raise ValueError(f"{name} must be a list of functions (ids, scores), got {listed!r}")
    if prefix_fn is not None and not callable(prefix_fn):
        raise ValueError(f"prefix_allowed_tokens_fn must be a function (source, ids), got {prefix_fn!r}")
    if streamer is not None and not all(callable(getattr(streamer, name, None)) for name in ("put", "end")):
        raise ValueError(f"a streamer has put(ids) and end(), got {streamer!r}")


def time_limit(seconds: float | None) -> list[StoppingCriterion]:
    """A criterion that ends the run so many seconds from now; none without a limit."""
    if seconds is None:
        return []
    end = time.monotonic() + seconds
    return [lambda ids, scores: time.monotonic() >= end]


def expand_rows(plan: Plan, source: Any, times: int) -> Any:
    """Repeats every source ``times`` times (several samples of one source); returns its states repeated.

    The encoder's attentions and hidden states stay one a source, as in the reference.
    """
    for name in ("prompt", "source_ids", "source_mask", "prompt_mask"):
        value = getattr(plan, name)
        if value is not None:
            setattr(plan, name, value.repeat_interleave(times, dim=0))
    if source is None:
        return None
    kept = {name: source.get(name) for name in ("hidden_states", "attentions")}
    return outputs.BaseModelOutput(last_hidden_state=source[0].repeat_interleave(times, dim=0), **kept)


def encode_source(model: Any, plan: Plan, config: GenerationConfig) -> Any:
    """The encoder's output for the plan's source (as given, if it was); None for a decoder alone."""
    if not model.config.is_encoder_decoder:
        return None
    if plan.encoder_outputs is not None:
        return plan.encoder_outputs
    return model.get_encoder()(
        input_ids=plan.source_ids if plan.inputs_embeds is None else None,
        inputs_embeds=plan.inputs_embeds,
        attention_mask=plan.source_mask,
        output_attentions=config.output_attentions,
        output_hidden_states=config.output_hidden_states,
        return_dict=True,
        **{name: value for name, value in plan.encoder_inputs.items() if value is not None},
    )


def make_stepper(model: Any, plan: Plan, source: Any, *, rows: int, hidden_states: bool = False) -> Any:
    """The fastest stepper that serves the plan; ``rows`` hypotheses a source."""
    config = plan.config
    mask = plan.prompt_mask
    settings = {
        "capture": config.output_attentions,
        "hidden_states": hidden_states,
        "use_cache": config.use_cache,
        "prompt_mask": None if mask is None else mask.repeat_interleave(rows, dim=0),
        "position_ids": plan.position_ids,
    }
    if source is None:
        return PlainStepper(model, None, None, **settings)
    if needs_its_forward(model):
        memory = (x.repeat_interleave(rows, dim=0) for x in (source[0], plan.source_mask))
        return PlainStepper(ThroughModel(model), *memory, **settings)
    decoder, memory = model.get_decoder(), model.project(source[0])
    fits = plan.prompt_length == 1 and config.use_cache and not hidden_states
    if fits and FusedStepper.serves(decoder):
        return FusedStepper(decoder, memory, plan.source_mask, beams=rows, capture=config.output_attentions)
    memory, memory_mask = (x.repeat_interleave(rows, dim=0) for x in (memory, plan.source_mask))
    return PlainStepper(decoder, memory, memory_mask, **settings)


class _Collector:
    """Keeps of every step what the settings ask for, in the documented shapes."""

    def __init__(self, config: GenerationConfig) -> None:
        wanted = config.return_dict_in_generate
        self.keep_scores = wanted and config.output_scores
        self.keep_attentions = wanted and config.output_attentions
        self.keep_hidden = wanted and config.output_hidden_states
        self.tokens: list[Tensor] = []
        self.scores: list[Tensor] = []
        self.own: list[tuple[Tensor, ...]] = []
        self.cross: list[tuple[Tensor, ...]] = []
        self.hidden: list[tuple[Tensor, ...]] = []

    def add(self, step: SearchStep) -> None:
        self.tokens.append(step.tokens)
        if self.keep_scores:
            self.scores.append(step.scores)
        if self.keep_attentions:
            self.own.append(tuple(step.output.own))
            if step.output.cross is not None:
                self.cross.append(tuple(step.output.cross))
        if self.keep_hidden:
            self.hidden.append(step.output.hidden)

    def fields(self, source: Any, stepper: Any) -> dict[str, Any]:
        cache = stepper.past()
        past = None if cache is None else cache.to_legacy()
        common = {"scores": tuple(self.scores) or None, "past_key_values": past}
        own, cross, hidden = tuple(self.own) or None, tuple(self.cross) or None, tuple(self.hidden) or None
        if source is None:
            return {**common, "attentions": own, "hidden_states": hidden}
        return {
            **common,
            "encoder_attentions": source.get("attentions") if self.keep_attentions else None,
            "encoder_hidden_states": source.get("hidden_states") if self.keep_hidden else None,
            "decoder_attentions": own,
            "cross_attentions": cross,
            "decoder_hidden_states": hidden,
        }


def _token_output(plan: Plan, collected: _Collector, source: Any, stepper: Any) -> Any:
    sequences = torch.cat([plan.prompt, torch.stack(collected.tokens, dim=1)], dim=1)
    if not plan.config.return_dict_in_generate:
        return sequences
    joint = source is not None
    kind = outputs.GenerateEncoderDecoderOutput if joint else outputs.GenerateDecoderOnlyOutput
    return kind(sequences=sequences, **collected.fields(source, stepper))


def _beam_output(plan: Plan, result: BeamResult, collected: _Collector, source: Any, stepper: Any) -> Any:
    if not plan.config.return_dict_in_generate:
        return result.sequences
    joint = source is not None
    kind = outputs.GenerateBeamEncoderDecoderOutput if joint else outputs.GenerateBeamDecoderOnlyOutput
    scored = plan.config.output_scores
    return kind(
        sequences=result.sequences,
        sequences_scores=result.scores if scored else None,
        beam_indices=result.beam_indices if scored else None,
        **collected.fields(source, stepper),
    )
