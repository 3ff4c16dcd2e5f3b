"""What the tabs share: start options, checkpoints, the visitors' sessions, the example of the first paint."""

from __future__ import annotations

from dataclasses import dataclass

from bertgen import GenerationTrace
from bertgen.machine import resolve_device
from components.models.checkpoint import Checkpoint
from components.models.registry import Loaded, Registry
from components.refusal import Refusal
from components.runs.run import Run
from components.runs.settings import RunSettings
from components.session import Sessions
from components.settings import Settings, SettingsError
from components.texts.parts import joined
from components.views.contract import PlayerValue
from components.views.lines import Lines

FALLBACK_EXAMPLE = ("The cat is sleeping on the sofa.", "")
EXAMPLE_SECONDS = 20.0


@dataclass(eq=False)
class AppContext:
    """Handed to every tab's ``build(ctx)``; tabs meet only here."""

    settings: Settings
    registry: Registry
    example: PlayerValue | None = None
    example_texts: tuple[str, str] = ("", "")

    @property
    def sessions(self) -> Sessions:
        """What the visitors hold."""
        return self.registry.sessions

    def start_run(self, loaded: Loaded, text: str, settings: RunSettings, session: str | None) -> Run:
        """A run of a visitor's, whose traces go to the visitor's session."""
        # The run keeps this function, and with it all that it names: never the model.
        checkpoint, warnings = loaded.checkpoint, loaded.warnings

        def keep(trace: GenerationTrace, lines: Lines) -> str:
            return self.sessions.put(
                session,
                trace,
                lines=lines,
                checkpoint=checkpoint.name,
                task=checkpoint.task,
                warnings=warnings,
            )

        run = Run(loaded, text, settings, keep=keep, seconds=self.settings.run_seconds)
        with self.sessions.change(session) as held:
            held.current = run
        return run

    def end_run(self, run: Run, session: str | None) -> None:
        """A run is over and shown: Stop has no use for it any more."""
        with self.sessions.change(session) as held:
            if held.current is run:
                held.current = None

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
    # 1) The device, the checkpoints, the folder given at the start: an error here is the operator's to mend.
    try:
        device = resolve_device(settings.device)
        registry = Registry(device, settings.dtype, memory=settings.model_memory)
        if settings.checkpoint is not None:
            registry.open(settings.checkpoint, first=True)
    except ValueError as error:
        raise SettingsError(str(error)) from error

    # 2) A first run, which also says whether a model can run here at all.
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
    ctx.example_texts = FALLBACK_EXAMPLE
    if checkpoint.examples:
        ctx.example_texts = checkpoint.examples[0]
    text = joined(*ctx.example_texts)

    def share(trace: GenerationTrace, lines: Lines) -> str:
        return ctx.sessions.share(trace, lines=lines, checkpoint=checkpoint.name, task=checkpoint.task)

    with ctx.registry.use(checkpoint) as loaded:
        # The first steps of a process also load kernels: their speed is not the model's.
        for _ in Run(loaded, text, RunSettings(max_new_tokens=2), keep=None).texts():
            pass
        run = Run(loaded, text, RunSettings(), keep=share, seconds=EXAMPLE_SECONDS)
        for _ in run.play():
            pass
    ctx.example = run.value(play=False)
