"""The attention explorer. Its value is the contract's ``ExplorerValue``; picking layers, heads, kinds and scales
happens in the browser; its event ``select`` asks for a run the browser does not hold yet, or single maps of one:
``{"run": id or "", "known": [ids], "slices": [names]}``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from components.vendor import asset_url
from components.widgets.gradio import SHARED, widget

HERE = Path(__file__).resolve().parent
PLOTLY = HERE.parents[2] / "assets" / "vendor" / "plotly-cartesian-4.1.1.min.js"
PARTS = ("data", "runs", "selection", "mosaic", "pan", "map", "text", "controls", "explorer")
SCRIPTS = (*SHARED, *(HERE / f"{name}.js" for name in PARTS))
STYLES = (HERE / "explorer.css",)


def explorer(value: dict[str, Any] | None = None, **kwargs: Any) -> gr.HTML:
    """The whole Attention tab's picture. Plotly is fetched when it is first shown, not with the page."""
    template = f'<div class="bxa" data-plotly="{asset_url(PLOTLY)}"></div>'
    return widget("explorer", value, template=template, scripts=SCRIPTS, events=("select",), **kwargs)
