"""The Attention tab: where did it look? Any of this visitor's last runs, every layer and head."""

from __future__ import annotations

from typing import Any

import gradio as gr
import numpy as np

from components.context import AppContext
from components.limits import KNOWN_LIMIT, MAX_BYTES, SLICE_LIMIT
from components.session import StoredRun
from components.strings import t
from components.views.contract import VERSION, ExplorerValue, Packed, to_json
from components.views.figure import explorer_figure
from components.views.finished import finished_run, packed_bytes
from components.views.maps import attention_view
from components.views.packing import pack_u16
from components.widgets.explorer.explorer import explorer
from components.widgets.gradio import question

LABEL = 56  # letters of a run's name in the list


def build(ctx: AppContext) -> gr.HTML:
    """Lays the tab out inside the caller's ``gr.Tab`` and returns the explorer."""
    question("attention.question")
    view = explorer(explorer_value(ctx, None, "", []), elem_id="attention-explorer")

    def on_select(event: gr.EventData, request: gr.Request) -> Any:
        return on_ask(ctx, request.session_hash, event._data)

    view.select(
        on_select,
        None,
        view,
        queue=False,
        show_progress="hidden",
        trigger_mode="multiple",
        api_visibility="private",
    )
    return view


def on_ask(ctx: AppContext, session: str | None, data: Any) -> ExplorerValue:
    """What the browser asked for: a run by its id, or ("") the newest, or single maps of a large run.

    ``data`` is ``{"run", "known", "slices"}`` and comes from strangers: what is not understood is ignored.
    """
    # 1) Whatever was sent becomes a run's id, ids that the browser holds, and a list.
    if not isinstance(data, dict):
        data = {}
    run, known, wanted = data.get("run"), data.get("known"), data.get("slices")
    if not isinstance(run, str):
        run = ""
    if not isinstance(known, list):
        known = []
    known = [name for name in known if isinstance(name, str)]

    # 2) The list of runs, and a run where the browser has none of that id.
    value = explorer_value(ctx, session, run, known[:KNOWN_LIMIT])

    # 3) Single maps, as the visitor looks at them.
    stored = ctx.sessions.stored(session, run)
    if stored is not None and isinstance(wanted, list):
        found = (one_map(stored, item) for item in wanted[:SLICE_LIMIT])
        value["slices"] = dict(filter(None, found))
    return value


def explorer_value(ctx: AppContext, session: str | None, run: str, known: list[str]) -> ExplorerValue:
    """The list of runs, and the wanted (else the newest) run unless the browser holds it."""
    runs = ctx.sessions.runs(session)
    value: ExplorerValue = {
        "version": VERSION,
        "runs": [{"id": stored.run_id, "label": run_label(stored)} for stored in runs],
        "run": "",
        "newest": "",
        "trace": None,
        "figure": explorer_figure(),
        "warnings": {stored.run_id: list(stored.warnings) for stored in runs if stored.warnings},
        "note": "",
    }
    if not runs:
        value["note"] = t("attention.no_run")
        return value
    chosen = next((stored for stored in runs if stored.run_id == run), runs[0])
    value["run"], value["newest"] = chosen.run_id, runs[0].run_id
    if chosen.run_id not in known:
        value["trace"] = run_json(chosen)
    return value


def run_json(stored: StoredRun) -> str:
    """The JSON text of a run: with all its weights, or (of a large one) with small pictures of them."""
    amount = "whole" if packed_bytes(stored.trace) <= MAX_BYTES else "tiles"
    return to_json(finished_run(stored.trace, stored.lines, amount=amount))


def one_map(stored: StoredRun, wanted: Any) -> tuple[str, Packed] | None:
    """One map [R, C] of a run that is too large to be sent whole, by the name the browser gave it.

    ``wanted`` is ``[kind, layer, head, words, by]``; anything else gives None.
    """
    if not isinstance(wanted, list) or len(wanted) != 5:
        return None
    # 1) Every part is checked: the list comes from a stranger.
    kind, layer, head, words, by = wanted
    if not isinstance(kind, str) or kind not in stored.trace.maps or by not in ("wrote", "read"):
        return None
    weights = stored.trace.maps[kind].weights  # [L, H, R, C]
    if not (_is_pick(layer, weights.shape[0]) and _is_pick(head, weights.shape[1])):
        return None
    if not isinstance(words, bool):
        return None

    # 2) The map as the browser would make it of a smaller run. Blank cells are 0 on the wire; it knows them.
    run = finished_run(stored.trace, stored.lines, amount="none")
    if kind not in run.maps:
        return None
    view = attention_view(run, kind, layer, head, words=words, by=by, weights=weights)
    name = ",".join([kind, str(layer), str(head), str(words).lower(), by])
    return name, pack_u16(np.nan_to_num(view.z))


def _is_pick(value: Any, count: int) -> bool:
    """Whether a layer or head can be picked: an index below ``count``, "mean" or "max"."""
    if isinstance(value, bool):  # an int to Python
        return False
    return value in ("mean", "max") or (isinstance(value, int) and 0 <= value < count)


def run_label(stored: StoredRun) -> str:
    """How a run stands in the picker: its output and who wrote it."""
    text = " ".join(stored.trace.text.split()) or t("attention.nothing_written")
    if len(text) > LABEL:
        text = text[: LABEL - 1].rstrip() + "…"
    if stored.checkpoint:
        text += f"  ({stored.checkpoint})"
    return text
