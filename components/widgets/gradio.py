"""Owns how a widget becomes a ``gr.HTML``; ``gradio.js`` is its twin in the browser.

A gr.HTML's template is evaluated as code, so templates are fixed files of ours and no text of a visitor ever
enters one: what changes travels in ``value``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from components.vendor import asset_url

HERE = Path(__file__).resolve().parent
# What every widget stands on, in the order in which the browser must run it.
SHARED = tuple(HERE / f"{name}.js" for name in ("shared", "state", "gradio"))


def widget(
    name: str,
    value: Any = None,
    *,
    template: str,
    scripts: Sequence[Path],
    events: Sequence[str] = (),
    view: str = "page",
    **kwargs: Any,
) -> gr.HTML:
    """The widget that ``BX.widgets[name]`` makes, in a fixed ``template`` of one element.

    ``scripts`` begin with ``SHARED`` and run in their order. ``events`` are the names it may send: each is then a
    method of what is returned (``.select(handler, ...)``). Widgets that name the same ``view`` share its state.
    """
    # gr.HTML offers an event only if its quoted name stands in this text.
    sent = ", ".join(f"'{event}'" for event in events)
    return gr.HTML(
        value,
        html_template=template,
        js_on_load=f"BX.gradio.mount('{name}', element, {{ props, watch, trigger }}, '{view}'); // sends {sent}",
        head="".join(f'<script src="{asset_url(path)}"></script>' for path in scripts),
        apply_default_css=False,
        **kwargs,
    )


def tells(moment: str, *, view: str = "page", passes: bool = False) -> str:
    """The ``js=`` of an event that tells the page's widgets of a ``moment`` ("begin", "stop", ...).

    With ``passes`` the event's inputs go on to its handler, and the first of them is told.
    """
    if passes:
        return f"(...values) => {{ BX.view('{view}').tell('{moment}', values[0]); return values; }}"
    return f"() => {{ BX.view('{view}').tell('{moment}'); return []; }}"
