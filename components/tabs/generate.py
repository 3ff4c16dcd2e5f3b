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
from components.runs.settings import check_settings
from components.strings import t
from components.tabs.decoding import settings_fold
from components.texts.parts import joined
from components.validation import NeedsTwo, check_choice, check_source, refuses_politely
from components.widgets.gradio import question, tells
from components.widgets.live_map.live_map import live_map
from components.widgets.player.player import player

CHIP = 21
HINTED = ("fuse", "summarize")  # tasks whose box has a hint of its own
STOP_SECONDS = 3.0
_LOG = logging.getLogger(__name__)
_INSTANT = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
_BEGIN = tells("begin", passes=True)


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
    rows: tuple[tuple[str, str], ...] = ()
    if checkpoint is not None:
        rows = checkpoint.examples
    return [list(row) for row in rows], [_chip(joined(*row)) for row in rows]


def _chip(text: str) -> str:
    text = " ".join(text.split())
    if len(text) <= CHIP:
        return text
    return text[: CHIP - 1].rsplit(" ", 1)[0] + " …"


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
        yield message_value("idle", t("generate.empty"))
        return
    try:
        # 1) Everything is checked before a model is touched.
        checked = check_settings(*settings)
        task = check_choice("task", task, ctx.registry.tasks(session))
        if task != "fuse":
            second = None  # the second box is hidden, whatever still stands in it
        source = check_source(text, second, task)
        found = ctx.registry.describe(checkpoint, session)
        if found.task != task:
            raise Refusal("refuse.other_task", name=repr(found.name))

        # 2) The run holds the model until its last value is drawn.
        with ctx.registry.use(found) as loaded:
            run = ctx.start_run(loaded, source, checked, session)
            yield from run.play()
            ctx.end_run(run, session)
    except NeedsTwo as hint:
        yield message_value("idle", hint.why)
    except ValueError as error:
        yield message_value("error", t("generate.refused", why=str(error)[:600]))
    except (RuntimeError, MemoryError, IndexError):
        # Out of memory, a kernel or an embedding that is not there.
        _LOG.exception("a run failed")
        yield message_value("error", t("generate.failed"))


def on_stop(ctx: AppContext, session: str | None) -> Any:
    """Stop: Gradio cancels the event itself; this waits for the run to close and shows what it kept."""
    # Gradio closes the run's generator in another thread; what it kept is complete once `done` is set.
    run = ctx.sessions.look(session).current
    if run is None or not run.done.wait(STOP_SECONDS):
        return gr.skip()
    if run.state != "stopped" or not run.segments:
        return gr.skip()
    ctx.end_run(run, session)
    return run.value()


def on_task(
    ctx: AppContext, task: Any, text: Any = "", second: Any = "", session: str | None = None
) -> tuple[Any, ...]:
    """Another task: its checkpoints, its examples and its boxes; own words in them stay."""
    task = check_choice("task", task, ctx.registry.tasks(session))
    # The task's own picker shows it already: its update, the first, is left out.
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
    # What the browser says is chosen may be anything; without a known task there is no list to renew.
    if not isinstance(task, str) or task not in [key for _, key in tasks]:
        return gr.update(choices=tasks), gr.skip()
    return gr.update(choices=tasks), gr.update(choices=picker_choices(ctx, task, session))


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
    # An update without a value leaves a box's own words as they are.
    first, second = {}, {}
    if samples and fill:
        first, second = ({"value": text} for text in samples[0])
    return (
        gr.update(choices=task_choices(ctx, session), value=checkpoint.task),
        gr.update(choices=picker_choices(ctx, checkpoint.task, session), value=checkpoint.name),
        gr.update(samples=samples, sample_labels=labels),
        gr.update(placeholder=_hint(checkpoint.task), **first),
        gr.update(visible=checkpoint.task == "fuse", **second),
    )


def _hint(task: str | None) -> str:
    if task in HINTED:
        return t(f"generate.hint.{task}")
    return t("generate.hint.sentence")


# ---- how it looks


def build(ctx: AppContext) -> GenerateTab:
    """Lays out the tab in the current ``gr.Tab`` and wires what happens within it."""
    question("generate.question")
    with gr.Row(elem_id="bx-generate", equal_height=False):
        with gr.Column(scale=5, min_width=320, elem_id="bx-left"):
            parts = _source(ctx)
            with gr.Row(elem_id="bx-actions"):
                run = gr.Button(t("generate.run"), variant="primary", elem_id="bx-run")
                stop = gr.Button(t("generate.stop"), elem_id="bx-stop")
            # The player writes here why nothing was run: its own lines may be far below.
            gr.HTML('<p aria-hidden="true"></p>', elem_id="bx-said", apply_default_css=False)
            settings = settings_fold()
            queue = gr.HTML("", elem_id="bx-queue", apply_default_css=False)
            play = player(ctx.example, elem_id="bx-player")
        with gr.Column(scale=6, min_width=320, elem_id="bx-right"):
            live_map(elem_id="bx-map")
    # The tab hands its parts on: other tabs choose a checkpoint here, or open a run from here.
    tab = GenerateTab(*parts, play)
    return _wire(ctx, tab, run, stop, queue, settings)


def _source(ctx: AppContext) -> tuple[gr.Radio, gr.Dropdown, gr.Dataset, gr.Textbox, gr.Textbox]:
    """What runs on what: task, checkpoint, examples, text, second text."""
    # A page without a checkpoint shows empty pickers until a visitor opens one.
    first = ctx.first_checkpoint()
    first_task, first_name, first_choices = None, None, []
    if first is not None:
        first_task, first_name = first.task, first.name
        first_choices = picker_choices(ctx, first.task)
    task = gr.Radio(
        task_choices(ctx),
        value=first_task,
        label=t("generate.task"),
        show_label=False,
        container=False,
        elem_id="bx-task",
        elem_classes="bx-segmented",
    )
    checkpoint = gr.Dropdown(
        first_choices,
        value=first_name,
        label=t("generate.checkpoint"),
        elem_id="bx-checkpoint",
        filterable=False,
    )
    box = {"show_label": False, "container": False, "lines": 1, "max_lines": 6}
    text = gr.Textbox(
        ctx.example_texts[0],
        label=t("generate.text"),
        placeholder=_hint(first_task),
        elem_id="bx-text",
        **box,
    )
    second = gr.Textbox(
        ctx.example_texts[1],
        label=t("generate.second"),
        placeholder=t("generate.hint.second"),
        visible=first_task == "fuse",
        elem_id="bx-second",
        **box,
    )
    samples, labels = example_samples(first)
    examples = gr.Dataset(
        components=[gr.Textbox(visible=False, render=False), gr.Textbox(visible=False, render=False)],
        samples=samples,
        sample_labels=labels,
        samples_per_page=24,
        label=t("generate.examples"),
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
        if isinstance(sample, list | tuple) and len(sample) == 2:
            return tuple(sample)
        return gr.skip(), gr.skip()

    # All that runs a model shares one queue; the place in it is shown beside the button, not over the player.
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
    # An example fills the boxes at once, and then runs like a press of Run.
    picked = tab.examples.click(pick_example, tab.examples, tab.boxes, js=_BEGIN, api_name="pick", **_INSTANT)
    picked_run = picked.success(run_text, api_name="run_example", **running)
    for event in (pressed, picked_run):
        event.failure(None, None, None, js=tells("fail"), api_visibility="private")
    stop.click(
        stop_run, None, tab.player, js=tells("stop"), api_name="stop",
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
        js=tells("choose", passes=True),
        api_name="checkpoint",
        **_INSTANT,
    )
