"""Text to events: a checked request is run step by step, and says when there is something new to show.

run = ServedRun(model, tokenizer, ServiceRequest(("The cat sleeps.",)))
for _ in run.updates():        # about eight times a second, and once at the end
    print(run.text)
run.answers[0].trace           # the GenerationTrace of each text
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal

import torch

from bertgen.configs.generation import GenerationConfig
from bertgen.generation.stream import GenerationStream, stream_generate
from bertgen.machine import compute_threads
from bertgen.tokenizers import StreamDecoder
from bertgen.trace import BeamStep, GenerationTrace, TokenStep

UPDATE_SECONDS = 0.12  # redrawing more often starves a browser: a click on Stop would wait


@dataclass(frozen=True, eq=False)
class ServiceRequest:
    """What is to be run, checked by the caller.

    ``texts`` run one after the other, as the model is to read them. ``config`` None is the model's own.
    ``seed`` is for sampling; ``capture`` keeps the attention; the run ends itself after ``seconds``;
    ``threads`` is how many of the CPU's a step may use (0: as the process is set).
    """

    texts: tuple[str, ...]
    config: GenerationConfig | None = None
    seed: int = 0
    capture: bool = True
    seconds: float = math.inf
    threads: int = 0


class Answer:
    """The answer to one text, as far as it is written. ``trace`` is there once it is over."""

    def __init__(self, stream: GenerationStream) -> None:
        self.source_ids, self.source_pieces = list(stream.source_ids), stream.source_pieces
        self.start_piece = stream.start_piece
        self.steps: list[TokenStep] = []
        self.draft: BeamStep | None = None  # of a beam search that is still under way
        self.trace: GenerationTrace | None = None

    @property
    def text(self) -> str:
        """What has been written so far, of a beam search its best draft."""
        written = "".join(step.text for step in self.steps)
        if not written.strip() and self.draft is not None:
            written = self.draft.text
        return written.strip()

    def take(self, step: TokenStep | BeamStep) -> None:
        """The next step of the stream."""
        if isinstance(step, BeamStep):
            self.draft = step
            return
        self.draft = None
        self.steps.append(step)

    def end(self, trace: GenerationTrace, tokenizer: Any) -> None:
        """The stream is over. Of a beam search that was stopped the best draft becomes the answer."""
        self.trace = trace
        # Until it ends a beam search has written nothing: any of its tokens may still be given up.
        if self.draft is not None and len(trace.target_pieces) > len(self.steps):
            self.steps = steps_of(trace, tokenizer)
            self.draft = None


class ServedRun:
    """A request on its way through a model.

    ``state`` is "running", "finished" or "stopped"; ``out_of_time`` tells whether it stopped itself.
    ``seconds`` is the model's time alone, what showing a step takes is not counted; ``first_token_seconds``
    that of the first token.

    ``updates`` runs it to its end. A scheduler, which gives many runs their turns, calls ``advance`` of each
    instead, and ``close`` at the end.
    """

    def __init__(self, model: Any, tokenizer: Any, request: ServiceRequest) -> None:
        self.request = request
        self.answers: list[Answer] = []
        self.state: Literal["running", "finished", "stopped"] = "running"
        self.out_of_time = False
        self.seconds = 0.0
        self.first_token_seconds: float | None = None
        self._model, self._tokenizer = model, tokenizer
        self._stream: GenerationStream | None = None
        # One generator for all texts: with the same seed the same answers, whoever runs beside them.
        self._begun = time.monotonic()
        self._generator = torch.Generator(device=model.device).manual_seed(request.seed)

    @property
    def text(self) -> str:
        """What has been written so far, the answers joined by one space."""
        return " ".join(answer.text for answer in self.answers if answer.text)

    def updates(self) -> Iterator[None]:
        """Runs to the end; yields whenever there is something new to show. Closing it stops the run."""
        shown = 0.0
        with closing(self):
            while self.advance():
                if time.monotonic() - shown >= UPDATE_SECONDS:
                    shown = time.monotonic()
                    yield
        yield

    def advance(self) -> bool:
        """Takes one step. False once the run is over."""
        if self.state != "running":
            return False

        # 1) The next text, where none is under way.
        if self._stream is None:
            if len(self.answers) == len(self.request.texts):
                self.state = "finished"
                return False
            self._open_stream(self.request.texts[len(self.answers)])

        # 2) One step of it. What it takes to show a step is not the model's time.
        with compute_threads(self.request.threads):
            begun = time.monotonic()
            step = next(self._stream, None)
            self.seconds += time.monotonic() - begun
        if step is None:
            self._close_stream()
            return True
        if self.first_token_seconds is None and isinstance(step, TokenStep):
            self.first_token_seconds = self.seconds
        self.answers[-1].take(step)

        # 3) A run that takes too long ends itself.
        if time.monotonic() - self._begun > self.request.seconds:
            self.out_of_time = True
            self._close_stream()
            self.state = "stopped"
        return True

    def close(self) -> None:
        """Ends the run; one that is not finished is stopped, and what it wrote stays. It holds no model."""
        if self._stream is not None:
            self._close_stream()
        if self.state == "running":
            self.state = "stopped"
        self._model = self._tokenizer = None

    def _open_stream(self, text: str) -> None:
        self._stream = stream_generate(
            self._model,
            self._tokenizer,
            text,
            self.request.config,
            generator=self._generator,
            capture=self.request.capture,
        )
        self.answers.append(Answer(self._stream))

    def _close_stream(self) -> None:
        stream, self._stream = self._stream, None
        stream.close()
        self.answers[-1].end(stream.trace, stream.target_tokenizer)


def steps_of(trace: GenerationTrace, tokenizer: Any) -> list[TokenStep]:
    """The steps that a stream of a trace's tokens would give; ``tokenizer`` is that of what was written."""
    decoder = StreamDecoder(tokenizer, skip_special_tokens=True)
    texts = [decoder.put(token) for token in trace.target_ids.tolist()]
    texts[-1] += decoder.end()
    # Row t of a trace is the query that wrote token t; without capture there are none.
    rows: list[Any] = [None] * len(texts)
    if trace.cross is not None:
        rows = [trace.cross[:, :, index] for index in range(len(texts))]  # [L, H, S] a token
    return [
        TokenStep(
            index=index,
            token_id=int(trace.target_ids[index]),
            piece=trace.target_pieces[index],
            text=text,
            logprob=float(trace.logprobs[index]),
            top_k=trace.top_k[index],
            cross=rows[index],
        )
        for index, text in enumerate(texts)
    ]
