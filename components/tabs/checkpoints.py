"""Checkpoints: who is writing?"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

import gradio as gr

from components.context import AppContext
from components.models import advice
from components.models.card import card_html
from components.models.checkpoint import BASE, TASKS, Checkpoint
from components.models.reports import FIND_JS, opened_html, refusal_html, report_html
from components.models.sizes import size
from components.strings import t, t_html
from components.tabs import generate
from components.texts.parts import LONG
from components.validation import check_folder, refuses_politely
from components.widgets.gradio import question


@dataclass(frozen=True, eq=False)
class CheckpointsTab:
    """``choose`` makes the checkpoint that ``picker`` names the one in Generate. ``left`` has room for other
    ways to open one; the rest is what changes with the picker."""

    left: gr.Column
    picker: gr.Radio
    choose: gr.Button
    facts: gr.HTML
    card: gr.HTML
    fold: gr.Accordion
    report: gr.HTML

    @property
    def shown(self) -> list[Any]:
        """What shows a checkpoint, in the order of ``on_show``."""
        return [self.facts, self.card, self.choose, self.fold, self.report]


def facts(checkpoint: Checkpoint) -> list[tuple[str, str]]:
    """What is known of a checkpoint before it is loaded, as (name, value) pairs for people."""
    # 1) What its files and its profile say; where they are silent, that they are.
    task, parameters = t("fact.no_task"), t("fact.parameters_untold")
    if checkpoint.runnable:
        task = t(f"task.{checkpoint.task}")
    if checkpoint.parameters:
        parameters = f"{checkpoint.parameters:,}"
    rows = [("task", task), ("parameters", parameters), ("on_disk", size(checkpoint.nbytes))]

    # 2) How long texts may be, and what becomes of longer ones.
    if checkpoint.runnable:
        longer = t(f"text.long.{LONG[checkpoint.task]}")
        source = t("fact.source_tokens", count=checkpoint.longest_source, longer=longer)
        target = t("fact.tokens", count=checkpoint.longest_target)
        rows += [("longest_source", source), ("longest_target", target)]
    rows += [("licence", checkpoint.licence), ("origin", checkpoint.origin)]
    return [(t(f"fact.{name}"), value) for name, value in rows]


def metric_rows(metrics: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """The numbers of a profile's ``metrics``, however deep, as (what, values) pairs: one row a group."""
    rows: list[tuple[str, str]] = []
    flat: list[str] = []
    for key, value in metrics.items():
        if isinstance(value, dict):  # a group of its own, under the names of those around it
            rows += metric_rows(value, " · ".join(filter(None, [prefix, str(key)])))
        elif isinstance(value, float) and abs(value) >= 1:
            # Rounded as the number is written, 58.55 to 58.6: in binary it is a little less than that.
            flat.append(f"{key} {value * (1 + 1e-12):.1f}")
        elif isinstance(value, float):
            flat.append(f"{key} {value:.3g}")
        elif isinstance(value, int | str) and not isinstance(value, bool):
            flat.append(f"{key} {value}")
    if flat:
        rows.insert(0, (prefix, " · ".join(flat)))
    return rows


def facts_html(checkpoint: Checkpoint) -> str:
    """The facts and the metrics as two description lists; every text of a file is escaped."""
    # Titles, licences and metrics come from files of strangers.
    parts = [f"<h2>{html.escape(checkpoint.title)}</h2>", _list(facts(checkpoint))]
    if rows := metric_rows(checkpoint.metrics):
        parts += [f"<h3>{t_html('checkpoints.measured')}</h3>", _list(rows)]
    return f'<div class="bx-facts">{"".join(parts)}</div>'


def _list(rows: list[tuple[str, str]]) -> str:
    lines = (f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in rows)
    return f"<dl>{''.join(lines)}</dl>"


def card_view(checkpoint: Checkpoint) -> str:
    """The model card as safe HTML, or the sentence that says that there is none."""
    return card_html(checkpoint.card() or t("checkpoints.no_card"))


def choices(ctx: AppContext, session: str | None = None) -> list[tuple[str, str]]:
    """All checkpoints that a session sees, those of one task together: (title, name)."""
    seen = ctx.registry.all(session)
    groups = {**{task: t(f"task.{task}") for task in TASKS}, BASE: t("checkpoints.base")}
    return [(f"{title}: {c.label}", c.name) for task, title in groups.items() for c in seen if c.task == task]


# ---- what happens


def on_show(ctx: AppContext, name: Any, session: str | None = None) -> tuple[Any, ...]:
    """Another card: facts, model card, button, and the load report when the model is in memory."""
    checkpoint = ctx.registry.describe(name, session)
    # The report is shown where the model is in memory; else opening the fold loads it.
    loaded = ctx.registry.peek(checkpoint)
    report, fold = "", {"open": False}
    if loaded is not None:
        report, fold = report_html(loaded), {}
    return (
        facts_html(checkpoint),
        card_view(checkpoint),
        gr.update(interactive=checkpoint.runnable),
        gr.update(visible=checkpoint.runnable, **fold),
        report,
    )


def on_report(ctx: AppContext, name: Any, session: str | None = None) -> str:
    """The load report's fold was opened: loads the checkpoint when it is not in memory."""
    with ctx.registry.use(ctx.registry.describe(name, session)) as loaded:
        return report_html(loaded)


def on_choose(
    ctx: AppContext, name: Any, text: Any = "", second: Any = "", session: str | None = None
) -> tuple[Any, ...]:
    """The shown checkpoint becomes the one in Generate, whose boxes are ``text`` and ``second``."""
    checkpoint = ctx.registry.describe(name, session)
    if not checkpoint.runnable:
        raise advice.no_writer(checkpoint.name)
    return generate.on_chosen(ctx, checkpoint, text, second, session)


def on_open(ctx: AppContext, folder: Any, session: str | None = None) -> tuple[Any, ...]:
    """Opens a folder of this machine for a session. Raises ``ValueError`` with the reason in plain words."""
    # "" and not None: a folder opened without a session must not become everybody's.
    loaded = ctx.registry.open(check_folder(ctx.settings, folder), session=session or "")
    return after_opening(ctx, loaded, session)


def after_opening(ctx: AppContext, loaded: Any, session: str | None) -> tuple[Any, ...]:
    """What the page shows of a checkpoint that has just been opened: the picker, a line, and its card."""
    # As for any card; but the load report stands open where there is something to be warned of.
    name = loaded.checkpoint.name
    facts_view, card, button, _, _ = on_show(ctx, name, session)
    fold = gr.update(visible=True, open=bool(loaded.warnings))
    return (
        gr.update(choices=choices(ctx, session), value=name),
        opened_html(loaded),
        *(facts_view, card, button, fold, report_html(loaded)),
    )


def refused(error: ValueError) -> tuple[Any, ...]:
    """The same outputs when nothing was opened: the line says why, the rest stays."""
    return gr.skip(), refusal_html(error), *(gr.skip() for _ in range(5))


# ---- how it looks


def build(ctx: AppContext) -> CheckpointsTab:
    """Lays out the tab in the current ``gr.Tab``."""
    # A page without a checkpoint shows an empty card until a visitor opens one.
    first = ctx.first_checkpoint()
    first_name, first_facts, first_card = None, "", ""
    if first is not None:
        first_name, first_facts, first_card = first.name, facts_html(first), card_view(first)
    question("checkpoints.question")
    with gr.Row(elem_id="bx-checkpoints", equal_height=False):
        with gr.Column(scale=4, min_width=320) as left:
            picker = gr.Radio(
                choices(ctx),
                value=first_name,
                label=t("checkpoints.list"),
                elem_id="bx-cards",
                elem_classes="bx-cards",
            )
            choose = gr.Button(t("checkpoints.choose"), variant="primary", elem_id="bx-choose")
            opener = None
            if ctx.settings.allow_folders:
                opener = _open_folder()
        with gr.Column(scale=7, min_width=320):
            facts_view = gr.HTML(first_facts, elem_id="bx-facts", apply_default_css=False)
            look = {"elem_id": "bx-report-fold", "elem_classes": "bx-fold"}
            with gr.Accordion(t("checkpoints.report"), open=False, visible=bool(first), **look) as fold:
                report = gr.HTML("", js_on_load=FIND_JS, elem_id="bx-report", apply_default_css=False)
            with gr.Accordion(t("checkpoints.card"), open=True, elem_id="bx-card", elem_classes="bx-fold"):
                card = gr.HTML(first_card, elem_id="bx-card-text", apply_default_css=False)
    tab = CheckpointsTab(left, picker, choose, facts_view, card, fold, report)
    _wire(ctx, tab, opener)
    return tab


def _open_folder() -> tuple[gr.Textbox, gr.Button, gr.HTML]:
    folder = gr.Textbox(
        label=t("checkpoints.folder"),
        info=t("checkpoints.folder_info"),
        placeholder=t("checkpoints.folder_hint"),
        max_lines=1,
        elem_id="bx-folder",
    )
    button = gr.Button(t("checkpoints.open"), elem_id="bx-open")
    return folder, button, gr.HTML("", elem_id="bx-opened", apply_default_css=False)


def _wire(ctx: AppContext, tab: CheckpointsTab, opener: tuple[gr.Textbox, gr.Button, gr.HTML] | None) -> None:
    def show(name, request: gr.Request):
        return on_show(ctx, name, request.session_hash)

    def report(name, request: gr.Request):
        return on_report(ctx, name, request.session_hash)

    instant = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    loading = {"api_visibility": "private", "show_progress": "minimal", "concurrency_id": "model"}
    tab.picker.input(refuses_politely(show), tab.picker, tab.shown, api_name="card", **instant)
    tab.fold.expand(refuses_politely(report), tab.picker, tab.report, api_name="report", **loading)
    if opener is None:
        return
    folder, button, line = opener

    def open_folder(path, request: gr.Request):
        try:
            return on_open(ctx, path, request.session_hash)
        except ValueError as error:
            return refused(error)

    gr.on(
        [button.click, folder.submit],
        open_folder,
        folder,
        [tab.picker, line, *tab.shown],
        api_name="open_folder",
        show_progress_on=line,
        **loading,
    )
