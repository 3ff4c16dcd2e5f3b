"""The player of the Generate tab: the words of a run and, beside them, its growing cross-attention.

Two ``gr.HTML`` with fixed templates; ``player()`` receives the values that ``components/runs/run.py`` makes,
``live_map()`` has none of its own: both belong to the one ``BX.player`` of the page.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from components.vendor import asset_url

HERE = Path(__file__).resolve().parent
WIDGETS = HERE.parent
SCRIPTS = (
    WIDGETS / "shared.js",
    WIDGETS / "live_map" / "live_map.js",
    HERE / "text.js",
    HERE / "player.js",
    HERE / "view.js",
)
STYLES = (WIDGETS / "live_map" / "live_map.css", HERE / "player.css")

# Fixed: a gr.HTML template is evaluated as code in the browser, so no text of a visitor may ever enter it.
TEXT_TEMPLATE = (HERE / "player.html").read_text(encoding="utf-8")
MAP_TEMPLATE = (WIDGETS / "live_map" / "live_map.html").read_text(encoding="utf-8")


def scripts_head() -> str:
    """The script tags that a widget of the player needs, in their order."""
    return "".join(f'<script src="{asset_url(path)}"></script>' for path in SCRIPTS)


def player(value: dict[str, Any] | None = None, **kwargs: Any) -> gr.HTML:
    """The words of a run. Its event ``open_run`` carries ``run``, the id of the run to open in Attention."""
    return gr.HTML(
        value,
        html_template=TEXT_TEMPLATE,
        js_on_load="""
            const open = (data) => trigger('open_run', data);
            BX.player.mountText(element, (name, data) => open(data));
            watch('value', () => BX.player.take(props.value));
            BX.player.take(props.value);
        """,
        head=scripts_head(),
        apply_default_css=False,
        **kwargs,
    )


def live_map(**kwargs: Any) -> gr.HTML:
    """The map beside the words."""
    return gr.HTML(
        None,
        html_template=MAP_TEMPLATE,
        js_on_load="BX.player.mountMap(element);",
        head=scripts_head(),
        apply_default_css=False,
        **kwargs,
    )
