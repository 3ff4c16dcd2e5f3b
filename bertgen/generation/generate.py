"""``model.generate``: batches of ids in, batches of ids (and what was asked for beside them) out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from bertgen.configs.generation import GenerationConfig
from bertgen.configs.reference import refuse_modes
from bertgen.errors import Trouble
from bertgen.generation.beam import BeamSearch, make_search
from bertgen.generation.engines import choose
from bertgen.generation.engines.base import EngineOutput, State
from bertgen.generation.pipeline import build_processors, build_warpers
from bertgen.generation.request import Request, encode_source, make_request
from bertgen.generation.search import Choice, Rules, StoppingCriterion, TokenSearch, advance
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
    # 1) What is asked for, checked as a whole.
    request = make_request(model, inputs, generation_config, kwargs)
    config = request.config
    if streamer is not None and config.num_beams > 1:
        raise Trouble("generation.streamed_beams")
    _check_callables(logits_processor, stopping_criteria, prefix_allowed_tokens_fn, streamer)
    processors = build_processors(request, prefix_allowed_tokens_fn, logits_processor)
    stopping = [*time_limit(config.max_time), *(stopping_criteria or [])]
    rules = Rules(processors, build_warpers(request), config.do_sample, generator, stopping)
    # 2) The source is read once, however many sequences are written from it.
    source = encode_source(model, request)
    if streamer is not None:
        streamer.put(request.prompt.cpu())  # one row a source, however many come back
    request, source = _several_samples(request, source)
    # 3) The loop.
    engine, state = choose.begin(model, request, source, beams=config.num_beams)
    search = make_search(request, rules)
    collected = _Collector(config)
    while not search.done:
        output, choice = advance(engine, state, search)
        collected.add(output, choice)
        if streamer is not None:
            streamer.put(choice.tokens.cpu())
    # 4) The ids, and beside them what was asked for.
    if streamer is not None:
        streamer.end()
    return _output(search, collected, source, state)


def _check_callables(processors: Any, criteria: Any, prefix_fn: Any, streamer: Any) -> None:
    """Raises ``ValueError`` on what cannot be called as generate will call it."""
    for name, listed in (("logits_processor", processors), ("stopping_criteria", criteria)):
        if not isinstance(listed, Sequence | None) or not all(callable(item) for item in listed or ()):
            raise Trouble("generation.functions", name=name, got=repr(listed))
    if prefix_fn is not None and not callable(prefix_fn):
        raise Trouble("generation.prefix_function", got=repr(prefix_fn))
    if streamer is not None and not all(callable(getattr(streamer, name, None)) for name in ("put", "end")):
        raise Trouble("generation.streamer", got=repr(streamer))


def time_limit(seconds: float | None) -> list[StoppingCriterion]:
    """A criterion that ends the run so many seconds from now; none without a limit."""
    if seconds is None:
        return []
    end = time.monotonic() + seconds
    return [lambda ids, scores: time.monotonic() >= end]


def _several_samples(request: Request, source: Any) -> tuple[Request, Any]:
    """Every source as often as samples of it are wanted, the encoder's states repeated alike.

    The encoder's attentions and hidden states stay one a source, as in the reference.
    """
    times = request.config.num_return_sequences
    if times == 1 or request.config.num_beams > 1:
        return request, source
    if source is not None:
        source = outputs.BaseModelOutput(
            last_hidden_state=source[0].repeat_interleave(times, dim=0),
            hidden_states=source.get("hidden_states"),
            attentions=source.get("attentions"),
        )
    return request.repeated(times), source


class _Collector:
    """Keeps of every step what the settings ask for, in the documented shapes."""

    def __init__(self, config: GenerationConfig) -> None:
        self.config = config
        self.scores: list[Tensor] = []
        self.attentions: dict[str, list[tuple[Tensor, ...]]] = {"decoder_self": [], "cross": []}
        self.hidden: list[tuple[Tensor, ...]] = []

    def add(self, output: EngineOutput, choice: Choice) -> None:
        if not self.config.return_dict_in_generate:
            return
        if self.config.output_scores:
            self.scores.append(choice.scores)
        if self.config.output_attentions:
            for name, layers in output.attentions.items():
                self.attentions[name].append(tuple(layers))
        if self.config.output_hidden_states:
            self.hidden.append(output.hidden_states)

    def fields(self, source: Any, state: State) -> dict[str, Any]:
        """The fields of the output beside the sequences; of an encoder-decoder with the encoder's own."""
        # 1) What every output has; None where it was not asked for, or without a cache.
        past = state.past()
        if past is not None:
            past = past.to_legacy()
        common = {"scores": tuple(self.scores) or None, "past_key_values": past}
        decoder_self, cross = (tuple(self.attentions[name]) or None for name in ("decoder_self", "cross"))
        hidden = tuple(self.hidden) or None
        # 2) A decoder alone has one kind of attention.
        if source is None:
            return {**common, "attentions": decoder_self, "hidden_states": hidden}
        # 3) An encoder-decoder has three. Encoder outputs that were given may hold more than was asked for.
        encoder_attentions = encoder_hidden_states = None
        if self.config.output_attentions:
            encoder_attentions = source.get("attentions")
        if self.config.output_hidden_states:
            encoder_hidden_states = source.get("hidden_states")
        return {
            **common,
            "encoder_attentions": encoder_attentions,
            "encoder_hidden_states": encoder_hidden_states,
            "decoder_attentions": decoder_self,
            "cross_attentions": cross,
            "decoder_hidden_states": hidden,
        }


def _output(search: TokenSearch | BeamSearch, collected: _Collector, source: Any, state: State) -> Any:
    """The ids [B * returned, T], or with return_dict_in_generate the output of the search's kind."""
    config = collected.config
    if isinstance(search, BeamSearch):
        result = search.finish()
        sequences, fields = result.sequences, {}
        if config.output_scores:
            fields = {"sequences_scores": result.scores, "beam_indices": result.beam_indices}
        kinds = outputs.GenerateBeamDecoderOnlyOutput, outputs.GenerateBeamEncoderDecoderOutput
    else:
        sequences, fields = search.ids, {}
        kinds = outputs.GenerateDecoderOnlyOutput, outputs.GenerateEncoderDecoderOutput
    if not config.return_dict_in_generate:
        return sequences
    kind = kinds[source is not None]
    return kind(sequences=sequences, **fields, **collected.fields(source, state))
