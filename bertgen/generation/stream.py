"""One text in, a stream of written tokens out, and a ``GenerationTrace`` of the whole at the end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from bertgen.configs.generation import GenerationConfig
from bertgen.errors import Trouble
from bertgen.generation.beam import BeamSearch
from bertgen.generation.engines import choose
from bertgen.generation.engines.base import EngineOutput
from bertgen.generation.interventions import Interventions, intervene
from bertgen.generation.pipeline import build_processors, build_warpers
from bertgen.generation.request import encode_source, make_request
from bertgen.generation.search import Choice, Rules, TokenSearch, advance
from bertgen.generation.trace_builder import BeamRecord, Written, build_trace, written_token
from bertgen.tokenizers import StreamDecoder
from bertgen.trace import BeamAncestry, BeamStep, GenerationTrace, TokenStep

# The settings that shape each way to search.
_SHAPING_SETTINGS = {
    "greedy": ("max_length",),
    "sample": ("max_length", "temperature", "top_k", "top_p"),
    "beam": ("max_length", "num_beams", "length_penalty", "early_stopping"),
}


def stream_generate(
    model: Any,
    tokenizer: Any,
    text: str,
    generation_config: GenerationConfig | None = None,
    *,
    generator: torch.Generator | None = None,
    capture: bool = True,
    interventions: Interventions | None = None,
    prefix: Sequence[int] | None = None,
) -> GenerationStream:
    """Writes the answer to one text token by token.

    Iterate the stream for ``TokenStep``s (a beam search gives a ``BeamStep`` a step while it runs and then
    the winner's ``TokenStep``s). ``generator`` seeds sampling; None is torch's global generator.
    ``capture=False`` leaves the attention out. ``interventions`` scale heads and mask source pieces.
    ``prefix``: target ids, without the start token, that the output (of beams: every draft) begins with.
    Raises ``ValueError`` on an empty text or settings that do not fit.
    """
    return GenerationStream(
        model, tokenizer, text, generation_config, generator, capture, interventions, prefix
    )


def trace_generate(
    model: Any,
    tokenizer: Any,
    text: str,
    generation_config: GenerationConfig | None = None,
    *,
    generator: torch.Generator | None = None,
    capture: bool = True,
    interventions: Interventions | None = None,
    prefix: Sequence[int] | None = None,
) -> GenerationTrace:
    """Runs ``stream_generate`` to its end and returns the trace."""
    stream = stream_generate(
        model,
        tokenizer,
        text,
        generation_config,
        generator=generator,
        capture=capture,
        interventions=interventions,
        prefix=prefix,
    )
    for _ in stream:
        pass
    return stream.trace


class GenerationStream(Iterator[TokenStep | BeamStep]):
    """What ``stream_generate`` returns. ``source_pieces`` and ``start_piece`` are known before the first
    step; ``trace`` once the stream is over, also after an early ``close()``: then it holds what there was.

    Each ``next`` is one turn of the search, complete in itself: the next one may be run by another thread.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        text: str,
        generation_config: GenerationConfig | None,
        generator: torch.Generator | None,
        capture: bool,
        interventions: Interventions | None = None,
        prefix: Sequence[int] | None = None,
    ) -> None:
        if not isinstance(text, str):
            raise Trouble("generation.no_text", got=type(text).__name__)
        # 1) The text as ids, and as pieces for whoever shows it while it is read.
        source_ids = tokenizer.encode_text(text)
        if not source_ids:
            raise Trouble("generation.empty")
        self.source_ids = source_ids
        self.source_pieces: tuple[str, ...] = tuple(tokenizer.convert_ids_to_tokens(source_ids))
        # 2) Where the two sides have vocabularies of their own, what is written is in the decoder's.
        self.model, self.tokenizer = model, tokenizer
        self.target_tokenizer = getattr(tokenizer, "decoder_tokenizer", None) or tokenizer
        self._decoder = StreamDecoder(self.target_tokenizer, skip_special_tokens=True)
        # 3) The request. One text has no padding.
        inputs = torch.tensor([source_ids], device=model.device)
        settings = {"output_attentions": capture, "num_return_sequences": 1}
        settings["attention_mask"] = torch.ones_like(inputs)
        request = make_request(model, inputs, generation_config, settings)
        self.request = intervene(model, request, interventions, prefix)
        self.interventions = interventions
        prompt = self.request.prompt[0].tolist()
        self.start_piece: str = self.target_tokenizer.convert_ids_to_tokens(prompt)[0]
        self._generator = generator
        # 4) What the run will leave behind.
        self.trace: GenerationTrace | None = None
        self._search: TokenSearch | BeamSearch | None = None
        self._written: list[Written] = []
        self._encoder_self: np.ndarray | None = None
        self._beams: BeamRecord | None = None
        self._winner: Iterator[Written] | None = None
        self._ancestry: BeamAncestry | None = None
        self._started: float | None = None
        self._first_token: float | None = None

    def __next__(self) -> TokenStep | BeamStep:
        if self.trace is not None:
            raise StopIteration
        if self._started is None:
            self._started = time.perf_counter()
        # The mode is entered for this turn alone: it belongs to a thread, and a stream to none.
        with torch.inference_mode():
            # 1) At first: read the source and begin a run and a search.
            if self._search is None:
                self._begin()
            # 2) While the search runs, each step shows a token, or the beams' best draft so far.
            if not self._search.done:
                output, choice = advance(self._engine, self._state, self._search)
                if self._beams is not None:
                    return self._show_draft(output, choice)
                return self._show(written_token(self.target_tokenizer, output, choice))
            # 3) Beams show their winner's tokens after the search.
            if self._beams is not None:
                written = self._next_of_winner()
                if written is not None:
                    return self._show(written)
        # 4) All is shown.
        self._finish(None)
        raise StopIteration

    def close(self) -> None:
        """Ends the run here; what was written (of beams: the best draft) becomes the trace."""
        if self.trace is None:
            self._finish("stopped")

    def _show_draft(self, output: EngineOutput, choice: Choice) -> BeamStep:
        """A step of the beams, as the best draft after it."""
        self._beams.add(output, choice)
        draft = self._search.draft()
        decoder = StreamDecoder(self.target_tokenizer, skip_special_tokens=True)
        new = draft.ids[self._search.prompt_length :]  # a last character that is not whole stays out
        text = "".join(decoder.put(token) for token in new)
        return BeamStep(len(self._beams.steps) - 1, text, draft.score)

    def _next_of_winner(self) -> Written | None:
        """The next token of the beams' best hypothesis; None after its last."""
        if self._winner is None:
            hypothesis = self._beams.winner()
            self._ancestry = self._beams.ancestry(hypothesis)
            path = self._beams.path(hypothesis)
            self._tokens_left = len(path)
            self._winner = iter(path)
        written = next(self._winner, None)
        if written is not None:
            self._tokens_left -= 1
        return written

    def _begin(self) -> None:
        """Runs the encoder, begins a run of the engine over its states, and a search of the asked kind."""
        request, config = self.request, self.request.config
        source = encode_source(self.model, request)
        if config.output_attentions and source is not None:
            layers = torch.stack([layer[0] for layer in source.attentions])  # [L, H, S, S]
            self._encoder_self = layers.to(torch.float16).cpu().numpy()
        self._engine, self._state = choose.begin(self.model, request, source, beams=config.num_beams)
        processors, warpers = build_processors(request), build_warpers(request)
        rules = Rules(processors, warpers, config.do_sample, self._generator)
        if config.num_beams > 1:
            self._search = BeamSearch(request, rules)
            self._beams = BeamRecord(self.target_tokenizer, self._search)
        else:
            self._search = TokenSearch(request, rules)
        self._tokens_left = 0  # of a winner that is being shown

    def _show(self, written: Written) -> TokenStep:
        """A written token as a step; the last one also gives the text that was held back."""
        if self._first_token is None:
            self._first_token = time.perf_counter() - self._started
        self._written.append(written)
        text = self._decoder.put(written.token_id)
        if self._search.done and self._tokens_left == 0:
            text += self._decoder.end()
        return TokenStep(
            len(self._written) - 1,
            written.token_id,
            self.target_tokenizer.convert_ids_to_tokens([written.token_id])[0],
            text,
            written.logprob,
            written.top_k,
            written.cross,
            written.decoder_self,
        )

    def _finish(self, reason: str | None) -> None:
        """Makes the trace; without a ``reason`` it follows from the last token."""
        # Closed while the beams ran: their best draft is what was written.
        if self._beams is not None and self._beams.steps and self._winner is None:
            draft = self._search.draft()
            self._written = self._beams.path(draft)
            self._ancestry = self._beams.ancestry(draft)
        if reason is None:
            reason = "length"
            if self._written and self._written[-1].token_id in self.request.eos:
                reason = "eos"
        seconds = 0.0
        if self._started is not None:
            seconds = time.perf_counter() - self._started
        self.trace = build_trace(
            self.model,
            (self.tokenizer, self.target_tokenizer),
            self.request,
            self.source_ids,
            self._written,
            self._encoder_self,
            beam_ancestry=self._ancestry,
            finish_reason=reason,
            seconds=seconds,
            first_token_seconds=self._first_token or seconds,
            start_piece=self.start_piece,
            settings=self.settings(),
            forced=min(len(self.request.prefix), len(self._written)),
            interventions=self.interventions,
        )

    def settings(self) -> dict[str, Any]:
        """The settings that shaped the run, as plain values."""
        config = self.request.config
        mode = "greedy"
        if config.num_beams > 1:
            mode = "beam"
        elif config.do_sample:
            mode = "sample"
        settings = {"mode": mode, **{name: getattr(config, name) for name in _SHAPING_SETTINGS[mode]}}
        if self._generator is not None:
            settings["seed"] = self._generator.initial_seed()
        return settings
