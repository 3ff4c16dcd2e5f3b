"""The player of a run: its words as they are written. Its value is the contract's ``PlayerValue``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from components.widgets.gradio import scripts, widget

HERE = Path(__file__).resolve().parent
SCRIPTS = scripts(HERE, "text", "player", "view")


def player(value: dict[str, Any] | None = None, **kwargs: Any) -> gr.HTML:
    """The words of a run. Its event ``open_run`` carries ``run``, the id of the run to open in Attention."""
    return widget(HERE, value, parts=SCRIPTS, events=("open_run",), **kwargs)
