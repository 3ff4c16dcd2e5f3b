"""The attention explorer: a ``gr.HTML`` with a fixed template that our own scripts fill.

Its value is ``{"runs": [{"id", "label"}], "run": id, "newest": id, "trace": payload or None,
"figure": skeleton, "note": str}``. Picking layers, heads, kinds and scales happens in the browser; the event
``select`` carries ``{"run": id or "", "known": [ids]}`` and asks for a run the browser does not hold yet.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from components.vendor import asset_url

HERE = Path(__file__).resolve().parent
PLOTLY = HERE.parents[2] / "assets" / "vendor" / "plotly-cartesian-4.1.1.min.js"
PARTS = ("data", "mosaic", "pan", "map", "text", "controls", "explorer")
SCRIPTS = (HERE.parent / "shared.js", *(HERE / f"{name}.js" for name in PARTS))
STYLES = (HERE / "explorer.css",)


def explorer(value: dict[str, Any] | None = None, **kwargs: Any) -> gr.HTML:
    """The whole Attention tab's picture. Plotly is fetched when it is first shown, not with the page."""
    return gr.HTML(
        value,
        html_template=f'<div class="bxa" data-plotly="{asset_url(PLOTLY)}"></div>',
        js_on_load="""
            BX.explorer(element.querySelector('.bxa'), {
                value: () => props.value,
                watch: (fn) => watch('value', fn),
                ask: (data) => trigger('select', data),
            });
        """,
        head="".join(f'<script src="{asset_url(path)}"></script>' for path in SCRIPTS),
        apply_default_css=False,
        **kwargs,
    )
