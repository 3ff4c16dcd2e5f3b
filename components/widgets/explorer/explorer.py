"""The attention explorer. Its value is the contract's ``ExplorerValue``.

Picking layers, heads, kinds and scales happens in the browser; the event ``select`` asks for a run that is
not there yet, or for single maps of one: ``{"run": id or "", "known": [ids], "slices": [names]}``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from components.vendor import asset_url
from components.widgets.gradio import scripts, widget

HERE = Path(__file__).resolve().parent
PLOTLY = HERE.parents[2] / "assets" / "vendor" / "plotly-cartesian-4.1.1.min.js"
# In the order of what they use: arithmetic, then pictures, then what joins them.
DATA = ("data", "runs", "selection")
PICTURES = ("mosaic", "pan", "ruler", "map", "touch", "text", "controls")
SCRIPTS = scripts(HERE, *DATA, *PICTURES, "explorer")


def explorer(value: dict[str, Any] | None = None, **kwargs: Any) -> gr.HTML:
    """The whole Attention tab's picture. Plotly is fetched when it is first shown, not with the page."""
    template = f'<div class="bxa" data-plotly="{asset_url(PLOTLY)}"></div>'
    return widget(HERE, value, template=template, parts=SCRIPTS, events=("select",), **kwargs)
