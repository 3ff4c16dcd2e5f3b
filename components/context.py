"""What the tabs share: start options, checkpoints, the visitors' runs, the example of the first paint."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from bertgen.hub import HubPlan
from bertgen.machine import resolve_device
from components.models.checkpoint import Checkpoint
from components.models.downloads import Download
from components.models.registry import Loaded, Registry
from components.refusal import Refusal
from components.runs.run import Run
from components.session import TraceStore
from components.settings import Settings, SettingsError
from components.texts.parts import joined
from components.validation import RunSettings

SESSIONS = 512
FALLBACK_EXAMPLE = ("The cat is sleeping on the sofa.", "")


Kept = TypeVar("Kept")


class PerSession(Generic[Kept]):
    """The newest thing of a kind of every browser session, such as the run that Stop has to find. Bounded."""

    def __init__(self, limit: int = SESSIONS) -> None:
        self._limit, self._lock = limit, threading.Lock()
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def put(self, session: str | None, thing: Kept) -> None:
        with self._lock:
            self._kept[session or ""] = thing
            self._kept.move_to_end(session or "")
            while len(self._kept) > self._limit:
                self._kept.popitem(last=False)

    def get(self, session: str | None) -> Kept | None:
        with self._lock:
            return self._kept.get(session or "")

    def drop(self, session: str | None) -> None:
        with self._lock:
            self._kept.pop(session or "", None)


@dataclass(eq=False)
class AppContext:
    """Handed to every tab's ``build(ctx)``; tabs meet only here."""

    settings: Settings
    registry: Registry
    traces: TraceStore = field(default_factory=TraceStore)
    runs: PerSession[Run] = field(default_factory=PerSession)
    plans: PerSession[HubPlan] = field(default_factory=PerSession)
    downloads: PerSession[Download] = field(default_factory=PerSession)
    example: dict[str, Any] | None = None
    example_texts: tuple[str, str] = ("", "")

    def forget(self, session: str | None) -> None:
        """Frees what a visitor held; called when the browser's page is gone."""
        self.traces.drop(session)
        for kept in (self.runs, self.plans, self.downloads):
            kept.drop(session)
        self.registry.forget(session)

    def start_run(self, loaded: Loaded, text: str, settings: RunSettings, session: str | None) -> Run:
        """A run whose traces go to the session's store."""
        checkpoint, warnings = loaded.checkpoint, loaded.warnings

        def keep(trace: Any) -> str:
            about = {"checkpoint": checkpoint.name, "task": checkpoint.task, "warnings": warnings}
            return self.traces.put(session, trace, **about)

        run = Run(loaded, text, settings, keep=keep, seconds=self.settings.run_seconds)
        self.runs.put(session, run)
        return run

    def first_checkpoint(self) -> Checkpoint | None:
        """What the page opens with: the folder given at the start, else the first task's own."""
        opened = self.settings.checkpoint
        for checkpoint in self.registry.checkpoints():
            if opened is not None and checkpoint.folder == opened.resolve():
                return checkpoint
        tasks = list(self.registry.tasks())
        return self.registry.default(tasks[0]) if tasks else None


def build_context(settings: Settings) -> AppContext:
    """Finds the checkpoints, opens the one given at the start and runs the example of the first paint.

    Raises ``SettingsError`` when the device is not there or the given folder cannot be loaded.
    """
    try:
        device = resolve_device(settings.device)
    except ValueError as error:
        raise SettingsError(str(error)) from error
    registry = Registry(device, settings.dtype, memory=settings.model_memory)
    if settings.checkpoint is not None:
        try:
            registry.open(settings.checkpoint, first=True)
        except ValueError as error:
            raise SettingsError(str(error)) from error
    ctx = AppContext(settings, registry)
    try:
        _run_example(ctx)
    except Refusal as error:  # such as one that --model-memory has no room for
        raise SettingsError(str(error)) from error
    return ctx


def _run_example(ctx: AppContext) -> None:
    """A real run for the first paint, shared with every visitor. A page without a checkpoint has none."""
    checkpoint = ctx.first_checkpoint()
    if checkpoint is None:
        return
    ctx.example_texts = checkpoint.examples[0] if checkpoint.examples else FALLBACK_EXAMPLE
    text = joined(*ctx.example_texts)

    def share(trace: Any) -> str:
        return ctx.traces.share(trace, checkpoint=checkpoint.name, task=checkpoint.task)

    with ctx.registry.use(checkpoint) as loaded:
        for _ in Run(loaded, text, RunSettings(max_new_tokens=2), keep=None).play():
            pass  # the first steps of a process also load kernels: their speed is not the model's
        run = Run(loaded, text, RunSettings(), keep=share, seconds=20.0)
        for _ in run.play():
            pass
    ctx.example = run.value(play=False)
