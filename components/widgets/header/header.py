"""The page's head line, which the tabs share: its name, and the switch between light and dark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from components.widgets.gradio import widget

HERE = Path(__file__).resolve().parent


def header(**kwargs: Any) -> gr.HTML:
    """It holds no value; its styles are the page's own (``assets/css/page.css``)."""
    return widget(HERE, **kwargs)
