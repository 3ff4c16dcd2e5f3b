"""Generate: what does it write, and how sure is it?"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from components.context import AppContext
from components.models.checkpoint import Checkpoint
from components.refusal import Refusal
from components.runs.run import message_value
from components.tabs.decoding import settings_fold
from components.texts.parts import joined
from components.validation import NeedsTwo, check_choice, check_settings, check_source, refuses_politely
from components.widgets.player.player import live_map, player

QUESTION = "What does it write, and how sure is it?"
CHIP = 21
HINTS = {"fuse": "The first sentence", "summarize": "Paste a paragraph; Enter runs it"}
STOP_SECONDS = 3.0
_LOG = logging.getLogger(__name__)
_INSTANT = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
_BEGIN = "(...values) => { BX.player.begin(); return values; }"


@dataclass(frozen=True, eq=False)
class GenerateTab:
    """The parts that other tabs wire to; ``runs`` are the events that end in a new run."""

    task: gr.Radio
    checkpoint: gr.Dropdown
    examples: gr.Dataset
    text: gr.Textbox
    second: gr.Textbox
    player: gr.HTML
    runs: tuple[Any, ...] = ()

    @property
    def boxes(self) -> list[Any]:
        """Where the text stands, and the second one of two."""
        return [self.text, self.second]

    @property
    def follows(self) -> list[Any]:
        """What changes with the checkpoint, in the order of ``on_chosen``."""
        return [self.task, self.checkpoint, self.examples, *self.boxes]


def task_choices(ctx: AppContext, session: str | None = None) -> list[tuple[str, str]]:
    """(title, key) of the tasks that have a checkpoint."""
    return [(title, key) for key, title in ctx.registry.tasks(session).items()]


def picker_choices(ctx: AppContext, task: str, session: str | None = None) -> list[tuple[str, str]]:
    """(label, name) of a task's checkpoints."""
    return [(checkpoint.label, checkpoint.name) for checkpoint in ctx.registry.checkpoints(task, session)]


def example_samples(checkpoint: Checkpoint | None) -> tuple[list[list[str]], list[str]]:
    """A checkpoint's examples as rows (text, second text) of the dataset, and their chips' labels."""
    rows = checkpoint.examples if checkpoint else ()
    return [list(row) for row in rows], [_chip(joined(*row)) for row in rows]


def _chip(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= CHIP else text[: CHIP - 1].rsplit(" ", 1)[0] + " …"


# ---- what happens


def on_run(
    ctx: AppContext,
    text: Any,
    task: Any,
    checkpoint: Any,
    settings: tuple[Any, ...],
    session: str | None,
    second: Any = "",
) -> Iterator[dict[str, Any]]:
    """A press of Run, with everything as sent: yields what the player draws.

    A refused value becomes the player's error line; the text is kept and what stood there stays.
    """
    if isinstance(text, str) and not text.strip():
        yield message_value("idle", "Write a sentence first, or choose one of the examples.")
        return
    try:
        checked = check_settings(*settings)
        task = check_choice("task", task, ctx.registry.tasks(session))
        source = check_source(text, second if task == "fuse" else None, task)
        found = ctx.registry.describe(checkpoint, session)
        if found.task != task:
            raise Refusal(f"checkpoint {found.name!r} is for another task", "choose one of this task's own")
        with ctx.registry.use(found) as loaded:
            yield from ctx.start_run(loaded, source, checked, session).play()
    except NeedsTwo as hint:
        yield message_value("idle", hint.why)
    except ValueError as error:
        yield message_value("error", f"Not run: {str(error)[:600]}.")
    except (
        RuntimeError,
        MemoryError,
        IndexError,
    ):  # out of memory, a kernel or an embedding that is not there
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


def on_task(
    ctx: AppContext, task: Any, text: Any = "", second: Any = "", session: str | None = None
) -> tuple[Any, ...]:
    """Another task: its checkpoints, its examples and its boxes; own words in them stay."""
    task = check_choice("task", task, ctx.registry.tasks(session))
    checkpoint = ctx.registry.default(task, session)
    return _following(ctx, checkpoint, session, fill=_untouched(ctx, (text, second), session))[1:]


def _untouched(ctx: AppContext, boxes: tuple[Any, Any], session: str | None) -> bool:
    """Whether the boxes hold nothing of the visitor's own: nothing at all, or an example as it was."""
    examples = (row for c in ctx.registry.checkpoints(session=session) for row in c.examples)
    return not any(boxes) or any(boxes == tuple(row) for row in examples)


def on_checkpoint(ctx: AppContext, name: Any, session: str | None = None) -> Any:
    """Another checkpoint: its examples."""
    samples, labels = example_samples(ctx.registry.describe(name, session))
    return gr.update(samples=samples, sample_labels=labels)


def on_opened(ctx: AppContext, task: Any, session: str | None = None) -> tuple[Any, Any]:
    """A checkpoint was opened elsewhere: it becomes a choice, and what is chosen stays."""
    tasks = task_choices(ctx, session)
    known = isinstance(task, str) and task in dict(map(reversed, tasks))
    return gr.update(choices=tasks), gr.update(
        choices=picker_choices(ctx, task, session)
    ) if known else gr.skip()


def on_chosen(
    ctx: AppContext, checkpoint: Checkpoint, text: Any, second: Any, session: str | None = None
) -> tuple[Any, ...]:
    """A checkpoint chosen elsewhere: task, picker, examples and boxes follow; own words in these stay."""
    return _following(ctx, checkpoint, session, fill=_untouched(ctx, (text, second), session))


def _following(
    ctx: AppContext, checkpoint: Checkpoint, session: str | None, *, fill: bool
) -> tuple[Any, ...]:
    """Updates of task, picker, examples, text and second text for a checkpoint; ``fill`` its boxes too."""
    samples, labels = example_samples(checkpoint)
    first, second = ({"value": text} for text in samples[0]) if samples and fill else ({}, {})
    return (
        gr.update(choices=task_choices(ctx, session), value=checkpoint.task),
        gr.update(choices=picker_choices(ctx, checkpoint.task, session), value=checkpoint.name),
        gr.update(samples=samples, sample_labels=labels),
        gr.update(placeholder=_hint(checkpoint.task), **first),
        gr.update(visible=checkpoint.task == "fuse", **second),
    )


def _hint(task: str) -> str:
    return HINTS.get(task, "Write a sentence; Enter runs it")


# ---- how it looks


def build(ctx: AppContext) -> GenerateTab:
    """Lays out the tab in the current ``gr.Tab`` and wires what happens within it."""
    gr.HTML(f'<p class="bx-question">{QUESTION}</p>', apply_default_css=False)
    with gr.Row(elem_id="bx-generate", equal_height=False):
        with gr.Column(scale=5, min_width=320, elem_id="bx-left"):
            parts = _source(ctx)
            with gr.Row(elem_id="bx-actions"):
                run = gr.Button("Run", variant="primary", elem_id="bx-run")
                stop = gr.Button("Stop", elem_id="bx-stop")
            settings = settings_fold()
            queue = gr.HTML("", elem_id="bx-queue", apply_default_css=False)
            play = player(ctx.example, elem_id="bx-player")
        with gr.Column(scale=6, min_width=320, elem_id="bx-right"):
            live_map(elem_id="bx-map")
    tab = GenerateTab(*parts, play)
    return _wire(ctx, tab, run, stop, queue, settings)


def _source(ctx: AppContext) -> tuple[gr.Radio, gr.Dropdown, gr.Dataset, gr.Textbox, gr.Textbox]:
    """What runs on what: task, checkpoint, examples, text, second text."""
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
    task_key = first.task if first else ""
    box = {"show_label": False, "container": False, "lines": 1, "max_lines": 6}
    text = gr.Textbox(
        ctx.example_texts[0], label="Text", placeholder=_hint(task_key), elem_id="bx-text", **box
    )
    second = gr.Textbox(
        ctx.example_texts[1],
        label="Second sentence",
        placeholder="The second sentence; Enter fuses them",
        visible=task_key == "fuse",
        elem_id="bx-second",
        **box,
    )
    samples, labels = example_samples(first)
    examples = gr.Dataset(
        components=[gr.Textbox(visible=False, render=False), gr.Textbox(visible=False, render=False)],
        samples=samples,
        sample_labels=labels,
        samples_per_page=24,
        label="Examples",
        show_label=False,
        elem_id="bx-examples",
    )
    return task, checkpoint, examples, text, second


def _wire(
    ctx: AppContext, tab: GenerateTab, run: gr.Button, stop: gr.Button, queue: gr.HTML, settings: list[Any]
) -> GenerateTab:
    """Binds the handlers to this page's context; every argument reaches them as it was sent."""

    def run_text(
        text, second, task, checkpoint, mode, beams, temperature, top_k, top_p, length, seed,
        request: gr.Request,
    ):  # fmt: skip
        values = (mode, beams, temperature, top_k, top_p, length, seed)
        yield from on_run(ctx, text, task, checkpoint, values, request.session_hash, second)

    def stop_run(request: gr.Request):
        return on_stop(ctx, request.session_hash)

    def pick_example(sample):
        fits = isinstance(sample, list | tuple) and len(sample) == 2
        return tuple(sample) if fits else (gr.skip(), gr.skip())

    running = {
        "inputs": [*tab.boxes, tab.task, tab.checkpoint, *settings],
        "outputs": tab.player,
        "show_progress": "minimal",
        "show_progress_on": queue,
        "concurrency_id": "model",
        "concurrency_limit": ctx.settings.concurrency,
        "api_visibility": "private",
    }
    pressed = gr.on(
        [run.click, tab.text.submit, tab.second.submit], run_text, js=_BEGIN, api_name="run", **running
    )
    picked = tab.examples.click(pick_example, tab.examples, tab.boxes, js=_BEGIN, api_name="pick", **_INSTANT)
    picked_run = picked.success(run_text, api_name="run_example", **running)
    for event in (pressed, picked_run):
        event.failure(None, None, None, js="() => { BX.player.fail(); }", api_visibility="private")
    stop.click(
        stop_run, None, tab.player, js="() => { BX.player.stop(); return []; }", api_name="stop",
        cancels=[pressed, picked_run], **_INSTANT,
    )  # fmt: skip
    _wire_pickers(ctx, tab)
    return replace(tab, runs=(pressed, picked_run))


def _wire_pickers(ctx: AppContext, tab: GenerateTab) -> None:
    def choose_task(task, text, second, request: gr.Request):
        return on_task(ctx, task, text, second, request.session_hash)

    def choose_checkpoint(name, request: gr.Request):
        return on_checkpoint(ctx, name, request.session_hash)

    tab.task.input(
        refuses_politely(choose_task), [tab.task, *tab.boxes], tab.follows[1:], api_name="task", **_INSTANT
    )
    tab.checkpoint.change(
        refuses_politely(choose_checkpoint),
        tab.checkpoint,
        tab.examples,
        js="(name) => { BX.player.choose(name); return [name]; }",
        api_name="checkpoint",
        **_INSTANT,
    )
