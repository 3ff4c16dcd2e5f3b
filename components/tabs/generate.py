"""Generate: what does it write, and how sure is it?"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from components.context import AppContext
from components.registry import Checkpoint
from components.runs import message_value
from components.validation import (
    MAX_BEAMS,
    MAX_NEW_TOKENS,
    MAX_SEED,
    RunSettings,
    check_choice,
    check_settings,
    check_text,
    refuses_politely,
)
from components.widgets.player import live_map, player

QUESTION = "What does it write, and how sure is it?"
CHIP = 26
STOP_SECONDS = 3.0
_LOG = logging.getLogger(__name__)
_BEGIN = "(...values) => { BX.player.begin(); return values; }"

MODES = {"Greedy": "greedy", "Sample": "sample", "Beam search": "beam"}
INFO = {
    "mode": {
        "greedy": "Takes the most probable token at every step. Always the same answer.",
        "sample": "Draws every token at random, by its probability. Another seed, another answer.",
        "beam": "Follows several drafts at once and keeps the one that is most probable as a whole.",
    },
    "num_beams": "How many drafts it keeps; 1 is greedy.",
    "temperature": "Below 1 it plays safe, above 1 it gets bold; 1 is the model as trained.",
    "top_k": "Only the k most probable tokens may be drawn; 0 turns the filter off.",
    "top_p": "Only the most probable tokens that make up this share may be drawn; 1 turns the filter off.",
    "max_new_tokens": "Where it ends at the latest.",
    "seed": "The start of the dice: same seed, same text, same answer.",
}
USED_BY = {
    "num_beams": "beam",
    "temperature": "sample",
    "top_k": "sample",
    "top_p": "sample",
    "seed": "sample",
}
USED_IN = {"beam": "beam search", "sample": "sampling"}


@dataclass(frozen=True, eq=False)
class GenerateTab:
    """The parts that other tabs wire to: ``run`` and ``chosen`` are the events that end in a new run."""

    task: gr.Radio
    checkpoint: gr.Dropdown
    examples: gr.Dataset
    text: gr.Textbox
    player: gr.HTML
    runs: tuple[Any, ...]


def task_choices(ctx: AppContext) -> list[tuple[str, str]]:
    """(title, key) of the tasks that have a checkpoint."""
    return [(title, key) for key, title in ctx.registry.tasks().items()]


def picker_choices(ctx: AppContext, task: str) -> list[tuple[str, str]]:
    """(label, name) of a task's checkpoints."""
    return [(checkpoint.label, checkpoint.name) for checkpoint in ctx.registry.checkpoints(task)]


def example_samples(checkpoint: Checkpoint | None) -> tuple[list[list[str]], list[str]]:
    """A checkpoint's example texts as rows of the examples' dataset, and their chips' labels."""
    texts = checkpoint.examples if checkpoint else ()
    return [[text] for text in texts], [_chip(text) for text in texts]


def _chip(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= CHIP else text[: CHIP - 1].rsplit(" ", 1)[0] + " …"


# ---- what happens


def on_run(
    ctx: AppContext, text: Any, task: Any, checkpoint: Any, settings: tuple[Any, ...], session: str | None
) -> Iterator[dict[str, Any]]:
    """A press of Run, with everything as sent: yields what the player draws.

    A refused value becomes the player's error line; the text is kept and what stood there stays.
    """
    if isinstance(text, str) and not text.strip():
        yield message_value("idle", "Write a sentence first, or choose one of the examples.")
        return
    try:
        checked = check_settings(*settings)
        checked_text = check_text(text)
        found = ctx.registry.describe(checkpoint)
        if found.task != check_choice("task", task, ctx.registry.tasks()):
            raise ValueError(f"checkpoint {found.name!r} is for another task; choose one of this task's own")
        run = ctx.start_run(ctx.registry.get(found.name), checked_text, checked, session)
    except ValueError as error:
        yield message_value("error", f"Not run: {str(error)[:600]}.")
        return
    try:
        yield from run.play()
    except (RuntimeError, MemoryError):  # the device's own: out of memory, a kernel that is not there
        _LOG.exception("a run failed")
        yield message_value(
            "error",
            "The model could not finish: the device ran out of memory or gave an error. Try a shorter text.",
        )


def on_stop(ctx: AppContext, session: str | None) -> Any:
    """Stop: Gradio cancels the event itself; this waits for the run to close and shows what it kept."""
    run = ctx.runs.get(session)
    if run is None or not run.done.wait(STOP_SECONDS) or run.state != "stopped" or not run.segments:
        return gr.skip()
    return run.value()


def on_mode(mode: Any) -> tuple[Any, ...]:
    """The mode changed: what it does not use is greyed, with why. The order is that of ``USED_BY``."""
    mode = check_choice("mode", mode, tuple(MODES.values()))
    updates = [gr.update(info=INFO["mode"][mode])]
    for name, needed in USED_BY.items():
        updates.append(gr.update(interactive=needed == mode, info=_line(name, needed == mode)))
    return tuple(updates)


def on_settings(*settings: Any) -> Any:
    """A setting changed: the fold's title says what is in force."""
    return gr.update(label=f"Decoding: {check_settings(*settings).summary()}")


def on_task(ctx: AppContext, task: Any) -> tuple[Any, Any]:
    """Another task: its checkpoints and its examples."""
    task = check_choice("task", task, ctx.registry.tasks())
    checkpoint = ctx.registry.default(task)
    samples, labels = example_samples(checkpoint)
    return (
        gr.update(choices=picker_choices(ctx, task), value=checkpoint.name),
        gr.update(samples=samples, sample_labels=labels),
    )


def on_checkpoint(ctx: AppContext, name: Any) -> Any:
    """Another checkpoint: its examples."""
    samples, labels = example_samples(ctx.registry.describe(name))
    return gr.update(samples=samples, sample_labels=labels)


def on_chosen(ctx: AppContext, checkpoint: Checkpoint) -> tuple[Any, Any, Any]:
    """A checkpoint chosen elsewhere: task, picker and examples follow."""
    samples, labels = example_samples(checkpoint)
    return (
        gr.update(choices=task_choices(ctx), value=checkpoint.task),
        gr.update(choices=picker_choices(ctx, checkpoint.task), value=checkpoint.name),
        gr.update(samples=samples, sample_labels=labels),
    )


def on_arrive(ctx: AppContext) -> tuple[Any, Any]:
    """A visitor opens the page: the tasks and checkpoints that are there now."""
    first = ctx.first_checkpoint()
    choices = picker_choices(ctx, first.task) if first else []
    return gr.update(choices=task_choices(ctx)), gr.update(choices=choices)


# ---- how it looks


def build(ctx: AppContext) -> GenerateTab:
    """Lays out the tab in the current ``gr.Tab`` and wires what happens within it."""
    gr.HTML(f'<p class="bx-question">{QUESTION}</p>', apply_default_css=False)
    with gr.Row(elem_id="bx-generate", equal_height=False):
        with gr.Column(scale=5, min_width=320, elem_id="bx-left"):
            task, checkpoint, text, examples = _source(ctx)
            with gr.Row(elem_id="bx-actions"):
                run = gr.Button("Run", variant="primary", elem_id="bx-run")
                stop = gr.Button("Stop", elem_id="bx-stop")
            settings = _settings_fold()
            queue = gr.HTML("", elem_id="bx-queue", apply_default_css=False)
            play = player(ctx.example, elem_id="bx-player")
        with gr.Column(scale=6, min_width=320, elem_id="bx-right"):
            live_map(elem_id="bx-map")
    tab = GenerateTab(task, checkpoint, examples, text, play, ())
    return _wire(ctx, tab, run, stop, queue, settings)


def _source(ctx: AppContext) -> tuple[gr.Radio, gr.Dropdown, gr.Textbox, gr.Dataset]:
    """What runs on what: task, checkpoint, text, examples."""
    first = ctx.first_checkpoint()
    task = gr.Radio(
        task_choices(ctx),
        value=first.task if first else None,
        label="Task",
        show_label=False,
        container=False,
        elem_id="bx-task",
        elem_classes="bx-segmented",
    )
    checkpoint = gr.Dropdown(
        picker_choices(ctx, first.task) if first else [],
        value=first.name if first else None,
        label="Checkpoint",
        elem_id="bx-checkpoint",
        filterable=False,
    )
    text = gr.Textbox(
        ctx.example_text,
        label="Text",
        show_label=False,
        container=False,
        lines=1,
        max_lines=6,
        placeholder="Write a sentence; Enter runs it",
        elem_id="bx-text",
    )
    samples, labels = example_samples(first)
    examples = gr.Dataset(
        components=[gr.Textbox(visible=False, render=False)],
        samples=samples,
        sample_labels=labels,
        samples_per_page=24,
        label="Examples",
        show_label=False,
        elem_id="bx-examples",
    )
    return task, checkpoint, text, examples


def _settings_fold() -> list[Any]:
    """The decoding settings, folded, in the order of ``check_settings``' arguments."""
    start = RunSettings()
    with gr.Accordion(f"Decoding: {start.summary()}", open=False, elem_id="bx-decoding") as fold:
        mode = gr.Radio(
            list(MODES.items()),
            value=start.mode,
            label="Mode",
            info=INFO["mode"][start.mode],
            elem_id="bx-mode",
            elem_classes="bx-segmented",
        )
        with gr.Row(elem_classes="bx-pair"):
            beams = _slider("num_beams", "Beams", 1, MAX_BEAMS, 1)
            length = _slider("max_new_tokens", "Max new tokens", 1, MAX_NEW_TOKENS, 1)
        with gr.Row(elem_classes="bx-pair"):
            temperature = _slider("temperature", "Temperature", 0.1, 2, 0.05)
            top_k = _slider("top_k", "Top-k", 0, 200, 1)
        with gr.Row(elem_classes="bx-pair"):
            top_p = _slider("top_p", "Top-p", 0.05, 1, 0.05)
            seed = gr.Number(
                start.seed, label="Seed", minimum=0, maximum=MAX_SEED, precision=0, **_shown("seed")
            )
    settings = [mode, beams, temperature, top_k, top_p, length, seed]
    greyed = [mode, beams, temperature, top_k, top_p, seed]
    instant = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    mode.change(refuses_politely(on_mode), mode, greyed, api_name="mode", **instant)
    sliders = (beams, temperature, top_k, top_p, length)
    changes = [mode.change, seed.change, *(slider.release for slider in sliders)]
    gr.on(changes, refuses_politely(on_settings), settings, fold, api_name="settings", **instant)
    return settings


def _slider(name: str, label: str, low: float, high: float, step: float) -> gr.Slider:
    return gr.Slider(low, high, getattr(RunSettings, name), step=step, label=label, **_shown(name))


def _shown(name: str) -> dict[str, Any]:
    """How a setting looks in the mode that the page opens with: its line, greyed or not, its element's id."""
    used = USED_BY.get(name, RunSettings.mode) == RunSettings.mode
    element = {"num_beams": "beams", "max_new_tokens": "length"}.get(name, name.replace("_", "-"))
    return {"info": _line(name, used), "interactive": used, "elem_id": f"bx-{element}"}


def _line(name: str, used: bool) -> str:
    return INFO[name] if used else f"No effect here: only {USED_IN[USED_BY[name]]} uses it."


def _wire(
    ctx: AppContext, tab: GenerateTab, run: gr.Button, stop: gr.Button, queue: gr.HTML, settings: list[Any]
) -> GenerateTab:
    """Binds the handlers to this page's context; every argument reaches them as it was sent."""

    def run_text(
        text, task, checkpoint, mode, beams, temperature, top_k, top_p, length, seed, request: gr.Request
    ):
        values = (mode, beams, temperature, top_k, top_p, length, seed)
        yield from on_run(ctx, text, task, checkpoint, values, request.session_hash)

    def stop_run(request: gr.Request):
        return on_stop(ctx, request.session_hash)

    def pick_example(sample):
        return sample[0] if isinstance(sample, list | tuple) and sample else gr.skip()

    def choose_task(task):
        return on_task(ctx, task)

    def choose_checkpoint(name):
        return on_checkpoint(ctx, name)

    instant = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    running = {
        "inputs": [tab.text, tab.task, tab.checkpoint, *settings],
        "outputs": tab.player,
        "show_progress": "minimal",
        "show_progress_on": queue,
        "concurrency_id": "model",
        "concurrency_limit": ctx.settings.concurrency,
        "api_visibility": "private",
    }
    pressed = gr.on([run.click, tab.text.submit], run_text, js=_BEGIN, api_name="run", **running)
    picked = tab.examples.click(pick_example, tab.examples, tab.text, js=_BEGIN, api_name="pick", **instant)
    picked_run = picked.success(run_text, api_name="run_example", **running)
    for event in (pressed, picked_run):
        event.failure(None, None, None, js="() => { BX.player.fail(); }", api_visibility="private")
    stop.click(
        stop_run, None, tab.player, js="() => { BX.player.stop(); return []; }", api_name="stop",
        cancels=[pressed, picked_run], **instant,
    )  # fmt: skip
    tab.task.input(
        refuses_politely(choose_task), tab.task, [tab.checkpoint, tab.examples], api_name="task", **instant
    )
    tab.checkpoint.change(
        refuses_politely(choose_checkpoint), tab.checkpoint, tab.examples, api_name="checkpoint", **instant
    )
    return replace(tab, runs=(pressed, picked_run))
