"""Gradio's own parts in the page's colours: every one of them is a variable of ``assets/css/base.css``."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

ASSETS = Path(__file__).resolve().parents[1] / "assets"
STYLES = tuple(ASSETS / "css" / f"{name}.css" for name in ("base", "gradio", "page"))

_FONT = (
    "system-ui",
    "-apple-system",
    "Segoe UI",
    "Roboto",
    "Noto Sans",
    "Helvetica Neue",
    "Arial",
    "sans-serif",
)
_MONO = ("ui-monospace", "SF Mono", "Cascadia Mono", "Noto Sans Mono", "DejaVu Sans Mono", "monospace")
# Gradio paints these before our styles are there, so they are colours and not variables.
_PAGE = {"body_background_fill": ("#fbfbfa", "#101215"), "body_text_color": ("#1a1d23", "#e7e9ec")}
# Our own variables, which know light from dark by themselves: Gradio is given the same name for both.
_BOTH = {
    "background_fill_primary": "var(--bx-surface)",
    "background_fill_secondary": "var(--bx-raised)",
    "block_background_fill": "transparent",
    "block_border_width": "0px",
    "block_label_text_color": "var(--bx-muted)",
    "block_title_text_color": "var(--bx-fg)",
    "block_info_text_color": "var(--bx-muted)",
    "body_text_color_subdued": "var(--bx-muted)",
    "border_color_primary": "var(--bx-line)",
    "border_color_accent": "var(--bx-accent)",
    "color_accent_soft": "var(--bx-accent-soft)",
    "link_text_color": "var(--bx-accent)",
    "link_text_color_active": "var(--bx-accent)",
    "link_text_color_hover": "var(--bx-accent)",
    "link_text_color_visited": "var(--bx-accent)",
    "input_background_fill": "var(--bx-surface)",
    "input_background_fill_focus": "var(--bx-surface)",
    "input_border_color": "var(--bx-line-strong)",
    "input_border_color_focus": "var(--bx-accent)",
    "input_placeholder_color": "var(--bx-muted)",
    "button_primary_background_fill": "var(--bx-accent)",
    "button_primary_background_fill_hover": "var(--bx-accent)",
    "button_primary_text_color": "var(--bx-accent-fg)",
    "button_primary_border_color": "var(--bx-accent)",
    "button_secondary_background_fill": "var(--bx-surface)",
    "button_secondary_background_fill_hover": "var(--bx-raised)",
    "button_secondary_text_color": "var(--bx-fg)",
    "button_secondary_border_color": "var(--bx-line-strong)",
    "slider_color": "var(--bx-accent)",
    "panel_background_fill": "transparent",
}
# Sizes and shadows, which light and dark share.
_ONCE = {
    "block_padding": "0px",
    "input_border_width": "1px",
    "button_border_width": "1px",
    "block_shadow": "none",
    "block_label_shadow": "none",
    "input_shadow": "none",
    "input_shadow_focus": "0 0 0 3px rgba(var(--bx-accent-rgb), 0.18)",
    "button_primary_shadow": "none",
    "button_secondary_shadow": "none",
    "layout_gap": "14px",
    "form_gap_width": "0px",
    "color_accent": "var(--bx-accent)",
    "prose_header_text_weight": "600",
    "block_title_text_weight": "500",
    "block_title_text_size": "*text_md",
    "block_info_text_size": "*text_sm",
}


def theme() -> gr.themes.Base:
    """The theme of ``launch(theme=...)``: system fonts (nothing is fetched), our colours, light and dark."""
    size = gr.themes.Size(
        xxs="10px", xs="11.5px", sm="13px", md="14.5px", lg="16px", xl="20px", xxl="26px", name="text_bx"
    )
    values = dict(_ONCE)
    # Gradio names the dark value of a variable by an ending.
    for name, value in _BOTH.items():
        values |= {name: value, f"{name}_dark": value}
    for name, (light, dark) in _PAGE.items():
        values |= {name: light, f"{name}_dark": dark}
    base = gr.themes.Base(font=_FONT, font_mono=_MONO, text_size=size, radius_size=gr.themes.sizes.radius_md)
    return base.set(**values)


def css(*more: Path) -> str:
    """The page's styles in one string, which Gradio puts in place before it draws anything."""
    return "\n".join(path.read_text(encoding="utf-8") for path in (*STYLES, *more))
