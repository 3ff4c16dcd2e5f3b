"""One press of Run: a checked request becomes model runs, and those become what the player draws.

``bertgen.serving`` does the running. Here stands what a page adds to it: a long text cut into parts, notes
and warnings, and the values of ``components/views/contract.py``, cumulative (Gradio sends only what changed).
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

from bertgen import GenerationTrace
from bertgen.serving import Answer, ServedRun, ServiceRequest
from components.models.registry import Loaded
from components.runs.settings import MAX_NEW_TOKENS, RunSettings
from components.runs.tokens import LineWriter, TokenReader, live_rows, start_of
from components.runs.warnings import repeats, strange_letters, unsure
from components.strings import t
from components.texts.parts import parts_of, unchanged
from components.texts.sentences import Part
from components.views.contract import VERSION, PlayerValue, RunHead, Stats, StreamedRun, to_json
from components.views.lines import Lines
from components.views.packing import finite

KeepTrace = Callable[[GenerationTrace, Lines], str]


class Segment:
    """One model run of a press of Run: the whole text, or one sentence of a longer one."""

    def __init__(self, part: Part, answer: Answer, source: TokenReader, target: TokenReader) -> None:
        self.part, self.answer = part, answer
        self.surfaces = source.surfaces(answer.source_ids, answer.source_pieces)
        self.source = source.source_line(answer.source_ids, answer.source_pieces)
        self.start = start_of(target, answer.start_piece)
        self.run_id: str | None = None
        self._writer = LineWriter(target)
        head = RunHead(VERSION, self.source, self.start, part.cut)
        self._value: StreamedRun = {
            "head": to_json(head),
            "tokens": [],
            "shape": None,
            "draft": None,
            "finish": None,
            "run": None,
        }

    def value(self) -> StreamedRun:
        """As the player gets it; the list of tokens is a new one every time."""
        # 1) The steps that came since the last value.
        tokens = self._value["tokens"]
        for step in self.answer.steps[len(tokens) :]:
            if step.cross is not None and self._value["shape"] is None:
                self._value["shape"] = list(live_rows(step.cross).shape)
            tokens.append(to_json(self._writer.write(step)))

        # 2) How far it is.
        draft = self.answer.draft
        self._value["draft"] = None
        if draft is not None:
            self._value["draft"] = {"step": draft.index + 1, "text": draft.text, "score": finite(draft.score)}
        if self.answer.trace is not None:
            self._value["finish"] = self.answer.trace.finish_reason
        self._value["run"] = self.run_id
        return {**self._value, "tokens": list(tokens)}

    def lines(self) -> Lines:
        """How the tokens of the finished run read."""
        self.value()
        target = self._writer.line(self.answer.trace.target_words)
        return Lines(self.source, target, self.start, self.part.cut)


class Run:
    """A text on its way through a checkpoint. ``play()`` runs it; ``value()`` is its picture at any time.

    ``keep(trace, lines)`` stores a finished (or stopped) trace and gives its id; None runs without attention.
    The run ends itself after ``seconds``; closing the generator that ``play()`` returns stops it and keeps
    what there is. A run that is over holds its model no longer. Raises ``ValueError`` on a text that is too
    long for its task.
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
        checkpoint = loaded.checkpoint
        self.task, self.positions, self.keep = checkpoint.task, loaded.positions, keep
        self.settings = replace(settings, max_new_tokens=min(settings.max_new_tokens, loaded.positions))
        self.id = secrets.token_urlsafe(8)
        self.state = "streaming"
        self.segments: list[Segment] = []
        self.done = threading.Event()
        self._seconds = seconds
        self._about = {
            "device": loaded.device,
            "dtype": loaded.dtype,
            "model": checkpoint.title,
            "checkpoint": checkpoint.name,
            "most": min(MAX_NEW_TOKENS, loaded.positions),
        }

        # 1) What is run: the text's parts, as the model was trained to read them.
        self._parts, notes = parts_of(text, self.task, checkpoint.longest_source, loaded.count)
        texts = tuple(loaded.prepare(part.text) for part in self._parts)
        self.notes: list[str] = [*loaded.warnings, *notes, *_prepared(texts[0], self._parts[0].text)]

        # 2) How it is run.
        config = loaded.model.current_generation_config()
        self._no_repeat = config.no_repeat_ngram_size or 0
        self._readers = (TokenReader(loaded.tokenizer), TokenReader(loaded.target_tokenizer))
        request = ServiceRequest(
            texts,
            self.settings.generation_config(config),
            seed=settings.seed,
            capture=keep is not None,
            seconds=seconds,
            threads=loaded.threads,
        )
        self._served = ServedRun(loaded.model, loaded.tokenizer, request)

    def play(self) -> Iterator[PlayerValue]:
        """Runs all parts, one after the other; yields ``value()`` when there is something new to draw."""
        for _ in self._advance():
            yield self.value()

    def texts(self) -> Iterator[str]:
        """As ``play``, for those who want nothing but the text so far."""
        for _ in self._advance():
            yield self.text

    def _advance(self) -> Iterator[None]:
        """Yields when there is something new; also when the visitor stops or leaves what there is is kept."""
        try:
            with closing(self._served.updates()) as updates:
                for _ in updates:
                    self._take_in()
                    yield
        finally:
            self._served.close()  # where the generator was closed before its first update
            self._take_in()
            self.done.set()

    def _take_in(self) -> None:
        """Opens a segment for an answer that began, keeps the trace of one that ended, notes the end."""
        # 1) Answers that began.
        for answer in self._served.answers[len(self.segments) :]:
            self.segments.append(Segment(self._parts[len(self.segments)], answer, *self._readers))

        # 2) Answers that ended. Without attention nothing is kept.
        for segment in self.segments:
            trace = segment.answer.trace
            if self.keep is None or segment.run_id or trace is None or not trace.target_pieces:
                continue
            segment.run_id = self.keep(trace, segment.lines())

        # 3) The end of all, noted once.
        if self.state != "streaming" or self._served.state == "running":
            return
        self.state = self._served.state
        if self._served.out_of_time:
            self.notes.append(t("run.out_of_time", seconds=f"{self._seconds:g}"))
        if self.state == "finished":
            self._note_output()

    def _note_output(self) -> None:
        """What is to be said of the finished answer."""
        full = any(segment.answer.trace.finish_reason == "length" for segment in self.segments)
        if full and self.settings.max_new_tokens == self.positions:
            self.notes.append(t("run.no_more_positions", positions=self.positions))
        if self.settings.mode == "greedy" and self._no_repeat and self._passed_over():
            self.notes.append(t("run.no_repeats", size=self._no_repeat))
        warning = self._warning(full)
        if warning:
            self.notes.append(warning)

    def _passed_over(self) -> bool:
        """Whether a more probable token than the written one was."""
        steps = [step for segment in self.segments for step in segment.answer.steps]
        return any(logprob > step.logprob for step in steps for _, _, logprob in step.top_k[:1])

    def _warning(self, full: bool) -> str:
        """Why the answer should not be trusted, or that it is no other text; '' where nothing is wrong."""
        answers = [segment.answer for segment in self.segments]
        if strange_letters([surface for segment in self.segments for surface in segment.surfaces]):
            return t("warning.strange")
        if any(repeats([step.piece for step in answer.steps], answer.source_pieces) for answer in answers):
            return t("warning.repeats")
        if full or any(segment.part.cut for segment in self.segments):
            return ""  # an answer to something else than the text
        texts = ["".join(step.text for step in answer.steps) for answer in answers]
        same = unchanged(
            self.task, [(part.text, text) for part, text in zip(self._parts, texts, strict=True)]
        )
        if same or self.settings.mode == "sample":
            return same
        return unsure(self.task, [step.logprob for answer in answers for step in answer.steps])

    @property
    def text(self) -> str:
        """What has been written so far, the answers joined by one space."""
        return self._served.text

    # `play` is false for the example of the first paint, which stands there finished.
    def value(self, *, play: bool = True) -> PlayerValue:
        """What the player draws; a new dictionary every time, since Gradio compares it with the last."""
        return {
            "version": VERSION,
            "id": self.id,
            "state": self.state,
            "segments": [segment.value() for segment in self.segments],
            "parts": len(self._parts),
            "notes": list(self.notes),
            "stats": self._stats(),
            "message": "",
            "play": play,
        }

    def _stats(self) -> Stats:
        first = self._served.first_token_seconds
        if first is not None:
            first = round(first, 5)
        return {
            "seconds": round(self._served.seconds, 5),
            "first": first,
            **self._about,
            "settings": self.settings.summary(),
            "how": self.settings.short(),
            "beams": self.settings.beams,
            "limit": self.settings.max_new_tokens,
        }


def message_value(state: str, message: str) -> PlayerValue:
    """A value without a run: ``error`` or ``idle`` and the sentence to show; what stood there stays."""
    return {
        "version": VERSION,
        "id": secrets.token_urlsafe(8),
        "state": state,
        "segments": [],
        "message": message,
        "play": False,
    }


def _prepared(prepared: str, text: str) -> list[str]:
    """That the model reads something else than was typed, where it does; white space is no difference."""
    if prepared.split() == text.split():
        return []
    return [t("run.prepared", text=prepared[:300])]
