"""The player of the Generate tab: the words of a run and, beside them, its growing cross-attention.

Two ``gr.HTML`` with fixed templates; ``player()`` receives the values that ``components/runs.py`` makes,
``live_map()`` has none of its own: both belong to the one ``BX.player`` of the page.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from components.vendor import asset_url

HERE = Path(__file__).resolve().parent
SCRIPTS = tuple(
    HERE / name for name in ("shared.js", "player_map.js", "player_text.js", "player.js", "player_view.js")
)
STYLES = (HERE / "player.css",)

_COPY = '<svg viewBox="0 0 16 16" width="15" height="15" aria-hidden="true"><path fill-rule="evenodd" d="{}"/></svg>'
_COPY_PATH = "M5 1h8a1 1 0 0 1 1 1v9h-1.5V2.5H5V1zM3 4h7a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1H3a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1zm.5 1.5v8h6v-8h-6z"  # noqa: E501

TEXT_TEMPLATE = f"""<section class="bxp" data-state="idle" aria-label="The run">
<div class="bxp-notes" hidden></div>
<div class="bxp-line"><span class="bxp-tag">source</span>
<div class="bxp-words bxp-source" role="group" aria-label="Source tokens; touch one to see which output looked at it"></div></div>
<div class="bxp-line"><span class="bxp-tag">output</span>
<div class="bxp-words bxp-output" role="group" aria-label="Output tokens; touch one to see its alternatives"></div>
<button type="button" class="bxp-copy" aria-label="Copy the output" title="Copy the output">{_COPY.format(_COPY_PATH)}</button></div>
<div class="bxp-inspect" aria-label="The most probable tokens at this place"></div>
<div class="bxp-transport"><button type="button" class="bxp-play" aria-label="Play" disabled></button>
<input type="range" class="bxp-scrub" min="0" max="0" value="0" step="1" aria-label="Token shown" disabled>
<span class="bxp-count"></span>
<div class="bxp-pace" role="radiogroup" aria-label="Pace">
<button type="button" role="radio" data-pace="readable" title="About 8 tokens a second">readable</button>
<button type="button" role="radio" data-pace="live" title="Whatever the server sends, at once">as it comes</button>
<button type="button" role="radio" data-pace="step" title="One token at a press of the button or the space bar">step by step</button>
</div></div>
<div class="bxp-foot"><span class="bxp-status">Write a sentence and press Run.</span>
<span class="bxp-stats"></span>
<button type="button" class="bxp-open" hidden>Open in Attention →</button></div>
<div class="bxp-live" aria-live="polite"></div>
</section>"""

MAP_TEMPLATE = """<section class="bxm" aria-label="Live cross-attention">
<header class="bxm-head-line"><h3>Cross-attention <small>where each token looked</small></h3>
<label>layer <select class="bxm-layer" aria-label="Layer"></select></label>
<label>head <select class="bxm-head" aria-label="Head"></select></label></header>
<div class="bxm-parts" hidden></div>
<p class="bxm-empty">The map grows here, one row for each token that is written.</p>
<div class="bxm-scroll" hidden>
<div class="bxm-corner"><small>read</small> → <b>wrote</b></div>
<div class="bxm-cols" aria-hidden="true"></div>
<div class="bxm-rows" aria-hidden="true"></div>
<canvas class="bxm-canvas" tabindex="0" role="img" aria-label="Attention map: arrow keys walk its cells"></canvas>
</div>
<p class="bxm-say" aria-live="polite"></p>
<div class="bxm-legend"><span>0 %</span><i class="bxm-ramp"></i><span>100 % of the attention of one row</span></div>
</section>"""


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
