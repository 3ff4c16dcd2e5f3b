"""Owns how a widget becomes a ``gr.HTML``; ``gradio.js`` is its twin in the browser.

A gr.HTML's template is evaluated as code, so templates are fixed files of ours and no text of a visitor ever
enters one: what changes travels in ``value``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from components.strings import script, t_html
from components.vendor import asset_url, text_url

HERE = Path(__file__).resolve().parent
# What every widget stands on, in the order in which the browser must run it.
SHARED = tuple(HERE / f"{name}.js" for name in ("shared", "state", "gradio"))


def scripts(folder: Path, *parts: str) -> tuple[Path, ...]:
    """The scripts of a widget's folder by their names, in the order in which they run, after ``SHARED``."""
    return (*SHARED, *(folder / f"{part}.js" for part in parts))


def styles() -> list[Path]:
    """Every ``.css`` of the widgets' folders; each widget's classes have a prefix of its own."""
    return sorted(HERE.glob("*/*.css"))


def widget(
    folder: Path,
    value: Any = None,
    *,
    template: str | None = None,
    parts: Sequence[Path] | None = None,
    events: Sequence[str] = (),
    view: str = "page",
    **kwargs: Any,
) -> gr.HTML:
    """The widget whose folder this is; ``NAME.js`` registers its factory as ``BX.widgets.NAME``.

    ``template`` is fixed HTML of one element, ``NAME.html`` unless given; ``parts`` are its scripts,
    ``SHARED`` and ``NAME.js`` unless given. ``events`` are the names it may send: each is then a method of
    what is returned (``.select(handler, ...)``). Widgets that name the same ``view`` share its state.
    """
    name = folder.name
    if template is None:
        template = (folder / f"{name}.html").read_text(encoding="utf-8")
    if parts is None:
        parts = scripts(folder, name)
    urls = [text_url("strings.js", script()), *map(asset_url, parts)]
    # gr.HTML offers an event only if its quoted name stands in this text.
    sent = ", ".join(f"'{event}'" for event in events)
    inside = "{ props, watch, trigger }"
    return gr.HTML(
        value,
        html_template=template,
        js_on_load=f"BX.gradio.mount('{name}', element, {inside}, '{view}'); // sends {sent}",
        head="".join(f'<script src="{url}"></script>' for url in urls),
        apply_default_css=False,
        **kwargs,
    )


def question(key: str) -> gr.HTML:
    """The question that a tab answers, in small type under its name."""
    return gr.HTML(f'<p class="bx-question">{t_html(key)}</p>', apply_default_css=False)


def tells(moment: str, *, view: str = "page", passes: bool = False) -> str:
    """The ``js=`` of an event that tells the page's widgets of a ``moment`` ("begin", "stop", ...).

    With ``passes`` the event's inputs go on to its handler, and the first of them is told.
    """
    if passes:
        return f"(...values) => {{ BX.view('{view}').tell('{moment}', values[0]); return values; }}"
    return f"() => {{ BX.view('{view}').tell('{moment}'); return []; }}"
