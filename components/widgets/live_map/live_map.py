"""The live cross-attention: no value of its own, it shows what the player of the same view publishes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from components.widgets.gradio import SHARED, widget

HERE = Path(__file__).resolve().parent
SCRIPTS = (*SHARED, HERE / "live_map.js")
STYLES = (HERE / "live_map.css",)
TEMPLATE = (HERE / "live_map.html").read_text(encoding="utf-8")


def live_map(**kwargs: Any) -> gr.HTML:
    """The map beside the words."""
    return widget("liveMap", template=TEMPLATE, scripts=SCRIPTS, **kwargs)
