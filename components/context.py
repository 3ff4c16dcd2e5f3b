"""What the tabs share: start options, checkpoints, the visitors' sessions, the example of the first paint."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

from bertgen import GenerationTrace, hub
from bertgen.machine import resolve_device
from components.models.checkpoint import Checkpoint
from components.models.downloads import origin_of
from components.models.registry import Loaded, Registry
from components.refusal import Refusal
from components.runs.run import Run
from components.runs.settings import RunSettings
from components.session import Sessions
from components.settings import Settings, SettingsError, hub_id_parts
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
        if settings.checkpoint_id:
            settings = _open_from_hub(settings, registry)
        elif settings.checkpoint is not None:
            registry.open(settings.checkpoint, first=True)
    except (ValueError, OSError) as error:
        raise SettingsError(str(error)) from error

    # 2) A first run, which also says whether a model can run here at all.
    ctx = AppContext(settings, registry)
    try:
        _run_example(ctx)
    except Refusal as error:  # such as one that --model-memory has no room for
        raise SettingsError(str(error)) from error
    return ctx


def _open_from_hub(settings: Settings, registry: Registry) -> Settings:
    """Opens the Hub id given at the start, downloaded first where it is not there yet; the settings name
    its folder then. Raises ``OSError`` (of ``bertgen.hub``) and ``ValueError`` with the reason.
    """
    # The operator's own choice: neither --allow-hub nor --hub-names has a say in it.
    name, revision = hub_id_parts(settings.checkpoint_id)
    plan = hub.plan_download(name, revision=revision)
    if plan.missing_bytes:
        print(f"app.py: downloading {plan.missing_bytes / 1e6:,.0f} MB of {name}", file=sys.stderr)
    folder = hub.download(plan)
    registry.open(folder, first=True, origin=origin_of(plan), hub_id=name)
    return replace(settings, checkpoint=Path(folder))


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
