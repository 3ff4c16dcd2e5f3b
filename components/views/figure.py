"""The large attention map as a Plotly figure, and the skeleton that the page's explorer fills.

Axes are numbers with tick text, so that two equal words stay two rows; labels are escaped, since Plotly
reads them as HTML and would swallow ``</s>``.
"""

from __future__ import annotations

import functools
import html
import math
from typing import Any

import plotly.graph_objects as go

from components.strings import t
from components.views.maps import Pick, View
from components.views.palette import colorscale

INK = {
    False: {"text": "#3d4148", "line": "#d9dbe0", "background": "#ffffff"},
    True: {"text": "#c9ccd3", "line": "#363a43", "background": "#16181d"},
}
FONT_SIZE = 12  # never below 11


def where(layer: Pick, head: Pick) -> str:
    """The place in words: ``layer 3 head 2`` (counted from 1), ``layer 3 (mean of heads)``."""
    form = "both"
    if isinstance(layer, int) and isinstance(head, int):
        form = "one"
    elif isinstance(layer, int):
        form = "layer"
    elif isinstance(head, int):
        form = "head"
    elif layer == head:
        form = "same"
    return t(f"map.where.{form}", layer=_pick_name(layer), head=_pick_name(head))


def _pick_name(pick: Pick) -> str:
    """A layer or head in words: counted from 1, or what stands for all of them."""
    if isinstance(pick, int):
        return str(pick + 1)
    return t(f"map.pick.{pick}")


def percent(weight: float) -> str:
    """0.6234 as ``62 %``, small shares as ``0.4 %`` or ``<0.1 %`` (no-break spaces)."""
    value = 100 * weight
    if value == 0:
        return "0\u00a0%"
    if value < 0.1:
        return "<0.1\u00a0%"
    if value < 1:
        return f"{value:.1f}\u00a0%"
    return f"{math.floor(value + 0.5)}\u00a0%"  # Python's own rounding takes halves to the even side


def sentence(kind: str, row: tuple[str, str], column: str, weight: float, place: str, by: str) -> str:
    """What one cell says, as plain text."""
    name = kind
    if by == "read" and kind != "encoder_self":  # an encoder's rows read and write the same
        name = f"{kind}_read"
    read, wrote = row
    values = {"row": wrote, "read": read, "wrote": wrote, "column": column}
    return t(f"map.says.{name}", where=place, weight=percent(weight), **values)


def _axis(labels: list[str], count: int, dark: bool, **extra: Any) -> dict[str, Any]:
    """A numeric axis with one tick a token; ``count`` cells wide, no lines of its own."""
    return {
        "tickmode": "array",
        "tickvals": list(range(len(labels))),
        "ticktext": labels,
        "range": [-0.5, count - 0.5],
        "showgrid": False,
        "zeroline": False,
        "ticks": "outside",
        "ticklen": 5,
        "tickcolor": "rgba(0,0,0,0)",
        "automargin": False,
        "tickfont": {"size": FONT_SIZE, "color": INK[dark]["text"]},
        **extra,
    }


def _layout(rows: list[str], columns: list[str], dark: bool) -> dict[str, Any]:
    """The map's layout without a template (Plotly's own would add 7 kB a figure)."""
    # The first token stands at the top: an axis from its last value to its first.
    y_axis = _axis(rows, len(rows), dark)
    y_axis["range"] = [len(rows) - 0.5, -0.5]
    return {
        "template": None,
        "margin": {"l": 120, "r": 8, "t": 84, "b": 8},
        "xaxis": _axis(columns, len(columns), dark, side="top", tickangle=-45),
        "yaxis": y_axis,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "dragmode": "zoom",
        "hovermode": "closest",
        "showlegend": False,
        "font": {"size": FONT_SIZE, "color": INK[dark]["text"]},
    }


def row_label(row: tuple[str, str], shift: bool, muted: str) -> str:
    """A row's tick text, escaped: ``read → wrote``, what was read printed pale."""
    read, wrote = (html.escape(text, quote=False) for text in row)
    return f'<span style="color:{muted}">{read} →</span> {wrote}' if shift else wrote


def attention_figure(
    view: View,
    kind: str = "cross",
    layer: Pick = "mean",
    head: Pick = "mean",
    *,
    by: str = "wrote",
    dark: bool = False,
) -> go.Figure:
    """A finished figure of one map, for notebooks and exports: fixed scale 0..1, a sentence a cell."""
    # 1) A sentence a cell, none where no query may look. Plotly reads labels as HTML: all are escaped.
    place = where(layer, head)
    texts: list[list[str]] = []
    for row, line in zip(view.rows, view.z, strict=True):
        texts.append([])
        for column, weight in zip(view.columns, line, strict=True):
            text = ""
            if not math.isnan(weight):
                text = sentence(kind, row, column, float(weight), place, by)
            texts[-1].append(html.escape(text, quote=False))

    # 2) The axes, the title above them, the cells.
    rows = [row_label(row, kind != "encoder_self", INK[dark]["text"]) for row in view.rows]
    layout = _layout(rows, [html.escape(label, quote=False) for label in view.columns], dark)
    title = t("map.title", kind=t(f"map.kind.{kind}"), where=place)
    layout["title"] = {"text": title, "x": 0, "xanchor": "left"}
    layout["margin"]["t"] += 40
    figure = go.Figure(_trace(view.z, dark, customdata=texts, hovertemplate="%{customdata}<extra></extra>"))
    return figure.update_layout(layout)


def _trace(z: Any, dark: bool, **extra: Any) -> go.Heatmap:
    """The heatmap trace: weights 0..1, blank where NaN, a hair of page colour between the cells."""
    return go.Heatmap(
        z=z, zmin=0, zmax=1, colorscale=colorscale(dark), showscale=False, xgap=1, ygap=1, **extra
    )


@functools.cache
def explorer_figure() -> dict[str, Any]:
    """What the browser's explorer fills: per theme a figure without cells.

    ``light`` and ``dark`` are ``{"data": [heatmap], "layout": ...}``; ``ink`` the colours for
    labels.
    """
    # The browser knows both themes at once, since turning the page dark asks no server.
    themes = {}
    for theme, dark in (("light", False), ("dark", True)):
        figure = go.Figure(_trace(None, dark, hoverinfo="none"))
        themes[theme] = {
            "data": [figure.data[0].to_plotly_json()],
            "layout": {key: value for key, value in _layout([], [], dark).items() if value is not None},
            "ink": INK[dark],
        }
    return themes
