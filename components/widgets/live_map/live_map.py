"""The live cross-attention: no value of its own, it shows what the player of the same view publishes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from components.widgets.gradio import widget

HERE = Path(__file__).resolve().parent


def live_map(**kwargs: Any) -> gr.HTML:
    """The map beside the words."""
    return widget(HERE, **kwargs)
