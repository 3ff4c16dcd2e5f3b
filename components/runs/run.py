"""One press of Run: a checked request becomes model runs, and those become what the player draws.

A ``Run`` yields cumulative JSON-able values (Gradio sends only what changed), at most about eight a second:

    {"id", "state", "segments": [{"source", "steps", "shape", "draft", "finish", "run", "cut"}],
     "notes", "stats", "message", "play"}

``state`` is one of ``streaming``, ``finished``, ``stopped``, ``error``, ``idle``. A segment is one model run:
the whole text, or one sentence of a longer one. Its ``steps`` are JSON texts, one a token, since Gradio
wraps every list and dictionary of a value in a proxy, which costs seconds for thousands. Of a step, ``p`` is
the piece, ``t`` the text it adds, ``l`` its natural-log probability, ``k`` the alternatives as (piece,
log-probability), ``x`` 1 for a special token and ``a`` the attention [L, H, S] as base64 of little-endian
uint16, value * 65535.
"""

from __future__ import annotations

import base64
import json
import math
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from bertgen import BeamStep, GenerationTrace, TokenStep, stream_generate
from bertgen.tokenizers import StreamDecoder
from components.runs.doubts import REPEATED_SAID, STRANGE_SAID, repeats, strange_letters, unsure
from components.texts.parts import parts_of, unchanged
from components.runs.pieces import readable, readable_trace
from components.models.registry import Loaded
from components.texts.sentences import Part
from components.validation import MAX_NEW_TOKENS, RunSettings

UPDATE_SECONDS = 0.12  # redrawing more often starves the browser: a click on Stop would wait
# Attention rows a step sends at most; larger models send the mean over layers and heads while streaming.
LIVE_WEIGHTS = 16_384
KeepTrace = Callable[[GenerationTrace], str]


class Run:
    """A text on its way through a checkpoint. ``play()`` runs it; ``value()`` is its picture at any time.

    ``keep(trace)`` stores a finished (or stopped) trace and gives its id; None runs without attention. The
    run ends itself after ``seconds``; closing the generator that ``play()`` returns stops it and keeps what
    there is. A run that is over holds its model no longer. Raises ``ValueError`` on a text that is too long
    for its task.
    """

    def __init__(
        self,
        loaded: Loaded,
        text: str,
        settings: RunSettings,
        *,
        keep: KeepTrace | None,
        seconds: float = 90.0,
    ) -> None:
        longest = min(settings.max_new_tokens, loaded.positions)
        checkpoint = loaded.checkpoint
        self.loaded: Loaded | None = loaded
        self.task, self.positions = checkpoint.task, loaded.positions
        self.settings, self.keep = replace(settings, max_new_tokens=longest), keep
        self.id = secrets.token_urlsafe(8)
        self.state = "streaming"
        self._parts, notes = parts_of(text, self.task, checkpoint.longest_source, loaded.count)
        self.notes: list[str] = [*loaded.warnings, *notes, *_prepared(loaded, self._parts[0].text)]
        self._about = {
            "device": loaded.device,
            "dtype": loaded.dtype,
            "model": checkpoint.title,
            "checkpoint": checkpoint.name,
            "most": min(MAX_NEW_TOKENS, self.positions),
        }
        self.segments: list[dict[str, Any]] = []
        self._texts: list[str] = []
        self._written: list[list[tuple[str, float]]] = []  # pieces and log-probabilities, part by part
        self._passed_over = False  # whether a more probable token than the written one was
        self.done = threading.Event()
        self._seconds, self._started = seconds, time.monotonic()
        self._spent, self._first = 0.0, None
        self._generator = torch.Generator(device=loaded.device).manual_seed(settings.seed)

    def play(self) -> Iterator[dict[str, Any]]:
        """Runs all parts, one after the other; yields ``value()`` when there is something new to draw."""
        shown = 0.0
        try:
            for part in self._parts:
                with closing(self._play_part(part)) as steps:
                    for _ in steps:
                        if time.monotonic() - shown >= UPDATE_SECONDS:
                            shown = time.monotonic()
                            yield self.value()
                if self.state != "streaming":
                    break
            if self.state == "streaming":
                self.state = "finished"
                self._note_output()
        finally:  # also when the visitor stops or leaves: the generator is closed where it yields
            if self.state == "streaming":
                self.state = "stopped"
            self.loaded = None
            self.done.set()
        yield self.value()

    def _play_part(self, part: Part) -> Iterator[None]:
        stream = stream_generate(
            self.loaded.model,
            self.loaded.tokenizer,
            self.loaded.prepare(part.text),
            self.settings.generation_config(self.loaded.model.current_generation_config()),
            generator=self._generator,
            capture=self.keep is not None,
        )
        segment, before = self._open_segment(part, stream.source_pieces), self._spent
        steps = iter(stream)
        try:
            while (step := self._timed(steps)) is not None:
                self._take(segment, step)
                yield
                if time.monotonic() - self._started > self._seconds:
                    self._out_of_time()
                    break
        finally:
            stream.close()
            self._close_segment(segment, stream.trace, before)

    def _timed(self, steps: Iterator[TokenStep | BeamStep]) -> TokenStep | BeamStep | None:
        """The next step, its time added to the model's; what showing a step takes is not counted."""
        started = time.monotonic()
        step = next(steps, None)
        self._spent += time.monotonic() - started
        return step

    def _out_of_time(self) -> None:
        self.state = "stopped"
        self.notes.append(
            f"Stopped: a run may take {self._seconds:g} s here. Try a shorter text or fewer beams."
        )

    def _open_segment(self, part: Part, pieces: tuple[str, ...]) -> dict[str, Any]:
        segment: dict[str, Any] = {
            "source": readable(self.loaded.tokenizer, pieces),
            "steps": [],
            "shape": None,
            "draft": None,
            "finish": None,
            "run": None,
            "cut": part.cut,
        }
        self.segments.append(segment)
        self._texts.append("")
        self._written.append([])
        return segment

    def _take(self, segment: dict[str, Any], step: TokenStep | BeamStep) -> None:
        if isinstance(step, BeamStep):
            segment["draft"] = {"step": step.index + 1, "text": step.text, "score": _finite(step.score)}
            return
        if self._first is None:
            self._first = self._spent
        segment["draft"] = None
        if step.cross is not None and segment["shape"] is None:
            segment["shape"] = list(_live(step.cross).shape)
        tokenizer = self.loaded.target_tokenizer
        others = readable(tokenizer, [piece for _, piece, _ in step.top_k])
        data = {
            "p": readable(tokenizer, [step.piece])[0],
            "t": step.text,
            "l": _finite(step.logprob),
            "k": [[p, _finite(logprob)] for p, (_, _, logprob) in zip(others, step.top_k, strict=True)],
            "x": int(step.token_id in self.loaded.special_ids),
            "a": "" if step.cross is None else _u16(_live(step.cross)),
        }
        segment["steps"].append(json.dumps(data, ensure_ascii=False, separators=(",", ":")))
        self._texts[-1] += step.text
        self._written[-1].append((step.piece, step.logprob))
        self._passed_over |= any(logprob > step.logprob for _, _, logprob in step.top_k[:1])

    def _close_segment(self, segment: dict[str, Any], trace: GenerationTrace, before: float) -> None:
        segment["finish"] = trace.finish_reason
        self._spent = before + trace.seconds
        if len(self.segments) == 1 and trace.first_token_seconds:
            self._first = trace.first_token_seconds
        if segment["draft"] and len(trace.target_pieces) > len(segment["steps"]):
            self._adopt(segment, trace)  # a beam search that was stopped: its best draft is kept
        if self.keep is not None and len(trace.target_pieces):
            segment["run"] = self.keep(
                readable_trace(trace, self.loaded.tokenizer, self.loaded.target_tokenizer)
            )

    def _adopt(self, segment: dict[str, Any], trace: GenerationTrace) -> None:
        """Writes a stopped beam search's best draft into the segment, as steps."""
        texts = _texts(self.loaded, trace)
        for index, text in enumerate(texts):
            step = TokenStep(
                index=index,
                token_id=int(trace.target_ids[index]),
                piece=trace.target_pieces[index],
                text=text,
                logprob=float(trace.logprobs[index]),
                top_k=trace.top_k[index],
                cross=None if trace.cross is None else trace.cross[:, :, index],
            )
            self._take(segment, step)

    def _note_output(self) -> None:
        full = any(segment["finish"] == "length" for segment in self.segments)
        if full and self.settings.max_new_tokens == self.positions:
            self.notes.append(f"The model has {self.positions} positions: it cannot write a longer text.")
        size = self.loaded.model.current_generation_config().no_repeat_ngram_size
        if self.settings.mode == "greedy" and self._passed_over and size:
            self.notes.append(
                f"This checkpoint writes no {size} tokens in a row twice: where its first choice would have, "
                "the next best was taken."
            )
        if doubt := self._doubt():
            self.notes.append(doubt)

    def _doubt(self) -> str:
        """Why the answer should not be trusted, or that it is no other text; '' where nothing is wrong."""
        if strange_letters([piece for segment in self.segments for piece in segment["source"]]):
            return STRANGE_SAID
        if any(repeats([piece for piece, _ in written]) for written in self._written):
            return REPEATED_SAID
        if any(segment["cut"] or segment["finish"] == "length" for segment in self.segments):
            return ""  # an answer to something else than the text
        sources = [part.text for part in self._parts]
        same = unchanged(self.task, list(zip(sources, self._texts, strict=False)))
        if same or self.settings.mode == "sample":
            return same
        return unsure(self.task, [logprob for written in self._written for _, logprob in written])

    @property
    def text(self) -> str:
        """What has been written so far, the answers joined by one space."""
        drafts = [segment["draft"]["text"] if segment["draft"] else "" for segment in self.segments]
        joined = (text.strip() or draft.strip() for text, draft in zip(self._texts, drafts, strict=True))
        return " ".join(text for text in joined if text)

    def value(self, *, play: bool = True) -> dict[str, Any]:
        """What the player draws; a new dictionary every time, since Gradio compares it with the last."""
        return {
            "id": self.id,
            "state": self.state,
            "segments": [{**segment, "steps": list(segment["steps"])} for segment in self.segments],
            "parts": len(self._parts),
            "notes": list(self.notes),
            "stats": {
                "seconds": round(self._spent, 5),
                "first": None if self._first is None else round(self._first, 5),
                **self._about,
                "settings": self.settings.summary(),
                "beams": self.settings.num_beams if self.settings.mode == "beam" else 1,
                "limit": self.settings.max_new_tokens,
            },
            "message": "",
            "play": play,
        }


def message_value(state: str, message: str) -> dict[str, Any]:
    """A value without a run: ``error`` or ``idle`` and the sentence to show; what stood there stays."""
    return {"id": secrets.token_urlsafe(8), "state": state, "segments": [], "message": message, "play": False}


def _prepared(loaded: Loaded, text: str) -> list[str]:
    """That the model reads something else than was typed, where it does; white space is no difference."""
    prepared = loaded.prepare(text)
    return (
        []
        if prepared.split() == text.split()
        else [f"As this checkpoint was trained, it is given: {prepared[:300]}"]
    )


def _texts(loaded: Loaded, trace: GenerationTrace) -> list[str]:
    """What each token adds to the text, as in a stream of the same tokens."""
    decoder = StreamDecoder(loaded.target_tokenizer, skip_special_tokens=True)
    texts = [decoder.put(token) for token in trace.target_ids.tolist()]
    texts[-1] += decoder.end()
    return texts


def _live(cross: np.ndarray) -> np.ndarray:
    """The rows [L, H, S] of a step, or their mean [1, 1, S] where they would be too many for every step."""
    if cross.size <= LIVE_WEIGHTS:
        return cross
    return cross.astype(np.float32).mean(axis=(0, 1), keepdims=True)


def _u16(weights: np.ndarray) -> str:
    scaled = np.rint(np.clip(weights.astype(np.float32), 0, 1) * 65535).astype("<u2")
    return base64.b64encode(scaled.tobytes()).decode("ascii")


def _finite(number: float) -> float | None:
    return round(float(number), 4) if math.isfinite(number) else None
