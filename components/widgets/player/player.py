"""The player of a run: its words as they are written. Its value is the contract's ``PlayerValue``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from components.widgets.gradio import SHARED, widget

HERE = Path(__file__).resolve().parent
SCRIPTS = (*SHARED, *(HERE / f"{name}.js" for name in ("text", "player", "view")))
STYLES = (HERE / "player.css",)
TEMPLATE = (HERE / "player.html").read_text(encoding="utf-8")


def player(value: dict[str, Any] | None = None, **kwargs: Any) -> gr.HTML:
    """The words of a run. Its event ``open_run`` carries ``run``, the id of the run to open in Attention."""
    return widget("player", value, template=TEMPLATE, scripts=SCRIPTS, events=("open_run",), **kwargs)
