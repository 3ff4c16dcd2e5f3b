"""One text in, a stream of written tokens out, and a ``GenerationTrace`` of the whole at the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bertgen.configs.generation import GenerationConfig
from bertgen.generation.beam import BeamScorer
from bertgen.generation.generate import encode_source, make_plan, make_stepper
from bertgen.generation.pipeline import build_processors, build_warpers
from bertgen.generation.search import search_beams, search_tokens
from bertgen.generation.trace_builder import BeamRecord, Written, top_k_of
from bertgen.tokenizers import StreamDecoder, word_groups
from bertgen.trace import BeamAncestry, BeamStep, GenerationTrace, TokenStep


def stream_generate(
    model: Any,
    tokenizer: Any,
    text: str,
    generation_config: GenerationConfig | None = None,
    *,
    generator: torch.Generator | None = None,
    capture: bool = True,
) -> GenerationStream:
    """Writes the answer to one text token by token.

    Iterate the stream for ``TokenStep``s (a beam search gives a ``BeamStep`` a step while it runs and then
    the winner's ``TokenStep``s). ``generator`` seeds sampling; None is torch's global generator.
    ``capture=False`` leaves the attention out. Raises ``ValueError`` on an empty text or settings that do
    not fit.
    """
    return GenerationStream(model, tokenizer, text, generation_config, generator, capture)


def trace_generate(
    model: Any,
    tokenizer: Any,
    text: str,
    generation_config: GenerationConfig | None = None,
    *,
    generator: torch.Generator | None = None,
    capture: bool = True,
) -> GenerationTrace:
    """Runs ``stream_generate`` to its end and returns the trace."""
    stream = stream_generate(model, tokenizer, text, generation_config, generator=generator, capture=capture)
    for _ in stream:
        pass
    return stream.trace


class GenerationStream(Iterator[TokenStep | BeamStep]):
    """What ``stream_generate`` returns. ``source_pieces`` and ``start_piece`` are known before the first
    step; ``trace`` once the stream is over, also after an early ``close()``: then it holds what there was."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        text: str,
        generation_config: GenerationConfig | None,
        generator: torch.Generator | None,
        capture: bool,
    ) -> None:
        if not isinstance(text, str):
            raise ValueError(f"text must be a string, got {type(text).__name__}")
        source_ids = tokenizer(text)["input_ids"]
        if not source_ids:
            raise ValueError("the text is empty: there is nothing to read; write a sentence")
        self.model, self.tokenizer, self.capture = model, tokenizer, capture
        # Where the two sides have vocabularies of their own, what is written is told by the decoder's.
        self.target_tokenizer = getattr(tokenizer, "decoder_tokenizer", None) or tokenizer
        self._generator = generator
        self.source_ids = source_ids
        self.source_pieces: tuple[str, ...] = tuple(tokenizer.convert_ids_to_tokens(source_ids))
        inputs = torch.tensor([source_ids], device=model.device)
        settings = {"output_attentions": capture, "num_return_sequences": 1}
        settings["attention_mask"] = torch.ones_like(inputs)  # one text has no padding
        self.plan = make_plan(model, inputs, generation_config, settings)
        self.start_piece: str = self.target_tokenizer.convert_ids_to_tokens(self.plan.prompt[0].tolist())[0]
        self.trace: GenerationTrace | None = None
        self._written: list[Written] = []
        self._pieces = _PieceMaker(self.target_tokenizer)
        self._encoder_self: np.ndarray | None = None
        self._ancestry: BeamAncestry | None = None
        self._beams: BeamRecord | None = None
        self._started: float | None = None
        self._first_token: float | None = None
        self._steps = self._run_beams() if self.plan.config.num_beams > 1 else self._run_tokens()

    def __iter__(self) -> GenerationStream:
        return self

    def __next__(self) -> TokenStep | BeamStep:
        if self._started is None:
            self._started = time.perf_counter()
        try:
            return next(self._steps)
        except StopIteration:
            self._finish(None)
            raise

    def close(self) -> None:
        """Ends the run here; what was written (of beams: the best draft) becomes the trace."""
        self._steps.close()
        if self.trace is None:
            self._finish("stopped")

    # The generators below are decorated rather than holding a `with` open: a later step may be run by
    # another thread, and the mode is set anew each time the generator is resumed.

    @torch.inference_mode()
    def _run_tokens(self) -> Iterator[TokenStep]:
        plan = self.plan
        source = encode_source(self.model, plan, plan.config)
        stepper = make_stepper(self.model, plan, source, rows=1)
        self._keep_encoder(source)
        search = search_tokens(
            stepper,
            plan,
            build_processors(plan),
            build_warpers(plan) if plan.config.do_sample else [],
            sample=plan.config.do_sample,
            generator=self._generator,
        )
        for step in search:
            logprobs = step.output.logits[0].float().log_softmax(-1)  # [V]
            token = int(step.tokens[0])
            values, ids = logprobs.topk(min(10, logprobs.shape[-1]))
            written = Written(
                token,
                float(logprobs[token]),
                top_k_of(self.target_tokenizer, ids.tolist(), values.tolist()),
                rows_of(step.output.cross, 0),
                rows_of(step.output.own, 0),
            )
            last = token in plan.eos or len(self._written) + 1 + plan.prompt_length >= plan.max_length
            yield self._write(written, last)

    @torch.inference_mode()
    def _run_beams(self) -> Iterator[TokenStep | BeamStep]:
        plan = self.plan
        source = encode_source(self.model, plan, plan.config)
        stepper = make_stepper(self.model, plan, source, rows=plan.config.num_beams)
        self._keep_encoder(source)
        scorer = BeamScorer(plan)
        self._beams = BeamRecord(self.target_tokenizer, scorer, plan)
        sample = plan.config.do_sample
        search = search_beams(
            stepper,
            plan,
            scorer,
            build_processors(plan),
            build_warpers(plan) if sample else [],
            sample=sample,
            generator=self._generator,
        )
        for index, step in enumerate(search):
            self._beams.add(step)
            draft = scorer.draft()
            yield BeamStep(index, self._draft(draft.ids[plan.prompt_length :]), draft.score)
        winner = self._beams.winner()
        written = self._beams.path(winner)
        self._ancestry = self._beams.ancestry(winner)
        self._beams = None
        for index, item in enumerate(written):
            yield self._write(item, index + 1 == len(written))

    def _write(self, written: Written, last: bool) -> TokenStep:
        if self._first_token is None:
            self._first_token = time.perf_counter() - self._started
        self._written.append(written)
        piece, text = self._pieces.put(written.token_id, last)
        return TokenStep(
            len(self._written) - 1,
            written.token_id,
            piece,
            text,
            written.logprob,
            written.top_k,
            written.cross,
            written.own,
        )

    def _draft(self, ids: list[int]) -> str:
        """The text of a draft, without a last character that is not whole yet."""
        decoder = StreamDecoder(self.target_tokenizer, skip_special_tokens=True)
        return "".join(decoder.put(token) for token in ids)

    def _keep_encoder(self, source: Any) -> None:
        if self.capture and source is not None:
            self._encoder_self = rows_of(source.attentions, 0, queries=True)

    def _finish(self, reason: str | None) -> None:
        if self.trace is not None:
            return
        if self._beams is not None and self._beams.steps:  # closed while the beams ran: the best draft
            draft = self._beams.scorer.draft()
            self._written = self._beams.path(draft)
            self._ancestry = self._beams.ancestry(draft)
        ids = [item.token_id for item in self._written]
        if reason is None:
            reason = "eos" if ids and ids[-1] in self.plan.eos else "length"
        seconds = 0.0 if self._started is None else time.perf_counter() - self._started
        self.trace = build_trace(self, self._written, reason, seconds)

    def settings(self) -> dict[str, Any]:
        """The settings that shaped the run, as plain values."""
        config = self.plan.config
        mode = "beam" if config.num_beams > 1 else "sample" if config.do_sample else "greedy"
        names = ["max_length"]
        names += {"sample": ["temperature", "top_k", "top_p"], "greedy": []}.get(
            mode, ["num_beams", "length_penalty", "early_stopping"]
        )
        seed = {} if self._generator is None else {"seed": self._generator.initial_seed()}
        return {"mode": mode, **{name: getattr(config, name) for name in names}, **seed}


class _PieceMaker:
    """Piece and text of each token; the last one also gives what was held back."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.decoder = StreamDecoder(tokenizer, skip_special_tokens=True)

    def put(self, token_id: int, last: bool) -> tuple[str, str]:
        text = self.decoder.put(token_id)
        if last:
            text += self.decoder.end()
        return self.tokenizer.convert_ids_to_tokens([token_id])[0], text


def rows_of(layers: Any, row: int, queries: bool = False) -> np.ndarray | None:
    """A layer each of [R, H, T, K] -> float16 [L, H, K] of one row's last query, or [L, H, T, K] of all."""
    if layers is None or len(layers) == 0:
        return None
    picked = layers[:, row] if isinstance(layers, Tensor) else torch.stack([layer[row] for layer in layers])
    return (picked if queries else picked[:, :, -1]).to(torch.float16).cpu().numpy()


def build_trace(
    stream: GenerationStream, written: list[Written], reason: str, seconds: float
) -> GenerationTrace:
    """The trace of what was written; arrays are made whole, columns beyond each row's past are 0."""
    tokenizer = stream.target_tokenizer
    ids = [item.token_id for item in written]
    cross, own = _stacked(stream, written) if stream.capture else (None, None)
    return GenerationTrace.from_arrays(
        model=stream.model.config.name_or_path,
        source_ids=np.asarray(stream.source_ids),
        source_pieces=stream.source_pieces,
        source_words=tuple(word_groups(stream.tokenizer, stream.source_ids)),
        target_ids=np.asarray(ids, dtype=np.int64),
        target_pieces=tuple(tokenizer.convert_ids_to_tokens(ids)),
        target_words=tuple(word_groups(tokenizer, ids)),
        text=tokenizer.decode(ids, skip_special_tokens=True),
        logprobs=np.asarray([item.logprob for item in written]),
        top_k=tuple(item.top_k for item in written),
        cross=cross,
        decoder_self=own,
        encoder_self=stream._encoder_self,
        beam_ancestry=stream._ancestry,
        finish_reason=reason,
        seconds=seconds,
        first_token_seconds=stream._first_token or seconds,
        start_piece=stream.start_piece,
        settings=stream.settings(),
    )


def _stacked(stream: GenerationStream, written: list[Written]) -> tuple[np.ndarray | None, np.ndarray]:
    """cross [L, H, T, S] (None for a decoder alone) and decoder_self [L, H, T, P - 1 + T]."""
    joint, past = stream.model.config.is_encoder_decoder, stream.plan.prompt_length - 1
    config = stream.model.config.decoder if joint else stream.model.config
    shape = (config.num_hidden_layers, config.num_attention_heads, len(written))
    cross = np.zeros((*shape, len(stream.source_ids)), dtype=np.float16) if joint else None
    own = np.zeros((*shape, past + len(written)), dtype=np.float16)
    for index, item in enumerate(written):
        if joint:
            cross[:, :, index] = item.cross
        own[:, :, index, : past + index + 1] = item.own
    return cross, own
