"""Checkpoints: who is writing?"""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from components.context import AppContext
from components.registry import TASKS, Checkpoint, Loaded
from components.validation import refuses_politely

QUESTION = "Who is writing?"
MAX_PATH = 1000
MAX_REPORT = 20_000


@dataclass(frozen=True, eq=False)
class CheckpointsTab:
    """``chosen`` is the button that makes the shown checkpoint the one in Generate; ``picker`` names it."""

    picker: gr.Radio
    choose: gr.Button


def facts(checkpoint: Checkpoint) -> list[tuple[str, str]]:
    """What is known of a checkpoint before it is loaded, as (name, value) pairs for people."""
    rows = [
        ("Task", TASKS[checkpoint.task]),
        ("Parameters", f"{checkpoint.parameters:,}" if checkpoint.parameters else "not stated by the files"),
        ("Weights on disk", f"{checkpoint.nbytes / 1e6:.1f} MB"),
        ("Longest source", f"{checkpoint.longest_source} tokens; longer texts are run sentence by sentence"),
        ("Longest target", f"{checkpoint.longest_target} tokens"),
        ("Licence", checkpoint.licence),
        ("Where from", "embedded in this page" if checkpoint.embedded else str(checkpoint.folder)),
    ]
    return rows


def metric_rows(metrics: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """The numbers of a profile's ``metrics``, however deep, as (what, value) pairs."""
    rows: list[tuple[str, str]] = []
    for key, value in metrics.items():
        name = f"{prefix} · {key}" if prefix else str(key)
        if isinstance(value, dict):
            rows += metric_rows(value, name)
        elif isinstance(value, float):
            rows.append((name, f"{value:.1f}" if abs(value) >= 1 else f"{value:.3g}"))
        elif isinstance(value, int | str) and not isinstance(value, bool):
            rows.append((name, str(value)))
    return rows


def facts_html(checkpoint: Checkpoint) -> str:
    """The facts and the metrics as two description lists; every text of a file is escaped."""
    parts = [f"<h2>{html.escape(checkpoint.title)}</h2>", _list(facts(checkpoint))]
    if rows := metric_rows(checkpoint.metrics):
        parts += ["<h3>Measured</h3>", _list(rows)]
    return f'<div class="bx-facts">{"".join(parts)}</div>'


def _list(rows: list[tuple[str, str]]) -> str:
    lines = (f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in rows)
    return f"<dl>{''.join(lines)}</dl>"


def card_markdown(checkpoint: Checkpoint) -> str:
    """The model card, or the sentence that says that there is none."""
    return checkpoint.card() or "This folder has no model card (README.md)."


def report_html(loaded: Loaded) -> str:
    """What loading a folder did: a sentence, and the report by key behind it."""
    checkpoint = loaded.checkpoint
    report = loaded.report[:MAX_REPORT]
    summary = (
        f"<p><b>{html.escape(checkpoint.title)}</b> is open: {len(loaded.tokenizer):,} tokens of vocabulary, "
        f"on {html.escape(loaded.device)} as {html.escape(loaded.dtype)}. It stands in the list above.</p>"
    )
    details = f"<pre>{html.escape(report)}</pre>" if report else ""
    return f'<div class="bx-report">{summary}{details}</div>'


def refusal_html(error: ValueError) -> str:
    """Why a folder was not opened, where its report would stand."""
    return (
        f'<div class="bx-report bx-refused" role="alert">Not opened: {html.escape(str(error)[:2000])}.</div>'
    )


def choices(ctx: AppContext) -> list[tuple[str, str]]:
    """All checkpoints, those of one task together: (title, name)."""
    found = [c for task in ctx.registry.tasks() for c in ctx.registry.checkpoints(task)]
    return [(f"{TASKS[c.task]}: {c.label}", c.name) for c in found]


# ---- what happens


def on_show(ctx: AppContext, name: Any) -> tuple[str, str]:
    """Another card: its facts and the model card."""
    checkpoint = ctx.registry.describe(name)
    return facts_html(checkpoint), card_markdown(checkpoint)


def on_open(ctx: AppContext, folder: Any) -> tuple[Any, str, str, str]:
    """Opens a folder of this machine. Raises ``ValueError`` in plain words when it cannot be opened."""
    if not ctx.settings.allow_folders:
        raise ValueError("this page does not open folders; its operator can start it with --allow-folders")
    if not isinstance(folder, str) or not folder.strip():
        raise ValueError("no folder given; type the path of a folder that holds config.json and the weights")
    if len(folder) > MAX_PATH or "\0" in folder:
        raise ValueError(f"a path of {len(folder):,} characters cannot be one; type the folder's own path")
    loaded = ctx.registry.open(Path(folder.strip()))
    name = loaded.checkpoint.name
    return gr.update(choices=choices(ctx), value=name), report_html(loaded), *on_show(ctx, name)


def on_arrive(ctx: AppContext) -> Any:
    """A visitor opens the page: the checkpoints that are there now."""
    return gr.update(choices=choices(ctx))


# ---- how it looks


def build(ctx: AppContext) -> CheckpointsTab:
    """Lays out the tab in the current ``gr.Tab``."""
    first = ctx.first_checkpoint()
    gr.HTML(f'<p class="bx-question">{QUESTION}</p>', apply_default_css=False)
    with gr.Row(elem_id="bx-checkpoints", equal_height=False):
        with gr.Column(scale=4, min_width=320):
            picker = gr.Radio(
                choices(ctx),
                value=first.name if first else None,
                label="On this page",
                elem_id="bx-cards",
                elem_classes="bx-cards",
            )
            choose = gr.Button("Use it in Generate", variant="primary", elem_id="bx-choose")
            report = _open_folder(ctx) if ctx.settings.allow_folders else None
        with gr.Column(scale=7, min_width=320):
            facts_view = gr.HTML(
                facts_html(first) if first else "", elem_id="bx-facts", apply_default_css=False
            )
            with gr.Accordion("Model card", open=True, elem_id="bx-card"):
                card = gr.Markdown(card_markdown(first) if first else "", elem_id="bx-card-text")

    def show(name):
        return on_show(ctx, name)

    instant = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    picker.input(refuses_politely(show), picker, [facts_view, card], api_name="card", **instant)
    if report is not None:
        _wire_open(ctx, picker, report, facts_view, card)
    return CheckpointsTab(picker, choose)


def _open_folder(ctx: AppContext) -> tuple[gr.Textbox, gr.Button, gr.HTML]:
    folder = gr.Textbox(
        label="Open a folder of this machine",
        info="One written by save_pretrained: config.json, weights, tokenizer files.",
        placeholder="/path/to/checkpoint",
        max_lines=1,
        elem_id="bx-folder",
    )
    button = gr.Button("Open folder", elem_id="bx-open")
    return folder, button, gr.HTML("", elem_id="bx-report", apply_default_css=False)


def _wire_open(ctx: AppContext, picker: gr.Radio, parts: Any, facts_view: gr.HTML, card: gr.Markdown) -> None:
    folder, button, report = parts

    def open_folder(path):
        try:
            return on_open(ctx, path)
        except ValueError as error:
            return gr.skip(), refusal_html(error), gr.skip(), gr.skip()

    gr.on(
        [button.click, folder.submit],
        open_folder,
        folder,
        [picker, report, facts_view, card],
        api_name="open_folder",
        api_visibility="private",
        show_progress="minimal",
        show_progress_on=report,
        concurrency_id="model",
    )
