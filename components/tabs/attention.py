"""The Attention tab: where did it look? Any of this visitor's last runs, every layer and head."""

from __future__ import annotations

from typing import Any

import gradio as gr
import numpy as np

from components.context import AppContext
from components.views.contract import KINDS, pack_u16, packed_bytes, trace_lines, trace_payload
from components.views.figure import explorer_figure
from components.views.maps import attention_view
from components.widgets.explorer.explorer import explorer

QUESTION = "Where did it look?"
MAX_BYTES = 6_000_000  # of uint16 that one run sends to the browser whole; of a larger one, single maps
KNOWN_LIMIT = 32
SLICE_LIMIT = 6
NO_RUN = "There is no run to look at yet. Write a sentence in the Generate tab and press Run, then come back."


def build(ctx: AppContext) -> gr.HTML:
    """Lays the tab out inside the caller's ``gr.Tab`` and returns the explorer."""
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


def on_ask(ctx: AppContext, session: str | None, data: Any) -> dict[str, Any]:
    """What the browser asked for: a run by its id, or ("") the newest, or single maps of a large run.

    ``data`` is ``{"run", "known", "slices"}`` and comes from strangers: what is not understood is ignored.
    """
    data = data if isinstance(data, dict) else {}
    run, known, wanted = data.get("run"), data.get("known"), data.get("slices")
    run = run if isinstance(run, str) else ""
    known = [name for name in known if isinstance(name, str)] if isinstance(known, list) else []
    value = explorer_value(ctx, session, run, known[:KNOWN_LIMIT])
    trace = ctx.traces.get(session, run) if run and isinstance(wanted, list) else None
    if trace is not None:
        value["slices"] = dict(filter(None, (one_map(trace, item) for item in wanted[:SLICE_LIMIT])))
    return value


def explorer_value(ctx: AppContext, session: str | None, run: str, known: list[str]) -> dict[str, Any]:
    """The list of runs, and the wanted (else the newest) run unless the browser holds it."""
    runs = ctx.traces.list(session)
    chosen = next((stored for stored in runs if stored.run_id == run), runs[0] if runs else None)
    value: dict[str, Any] = {
        "runs": [{"id": stored.run_id, "label": run_label(stored)} for stored in runs],
        "run": chosen.run_id if chosen else "",
        "newest": runs[0].run_id if runs else "",
        "trace": None,
        "figure": explorer_figure(),
        "warnings": {stored.run_id: list(stored.warnings) for stored in runs if stored.warnings},
        "note": "" if runs else NO_RUN,
    }
    if chosen and chosen.run_id not in known:
        value["trace"] = trace_payload(chosen.trace, whole=packed_bytes(chosen.trace) <= MAX_BYTES)
    return value


def one_map(trace: Any, wanted: Any) -> tuple[str, dict[str, Any]] | None:
    """One map [R, C] of a run that is too large to be sent whole, by the name the browser gave it.

    ``wanted`` is ``[kind, layer, head, words, by]``; anything else gives None.
    """
    if not isinstance(wanted, list) or len(wanted) != 5:
        return None
    kind, layer, head, words, by = wanted
    if kind not in KINDS or getattr(trace, kind) is None or by not in ("wrote", "read"):
        return None
    layers, heads = getattr(trace, kind).shape[:2]
    if not (_is_pick(layer, layers) and _is_pick(head, heads) and isinstance(words, bool)):
        return None
    given = trace_lines(trace) | {kind: getattr(trace, kind)}
    view = attention_view(given, kind, layer, head, words=words, by=by)
    name = ",".join([kind, str(layer), str(head), str(words).lower(), by])
    return name, pack_u16(np.nan_to_num(view.z))


def _is_pick(value: Any, count: int) -> bool:
    """Whether a layer or head can be picked: an index below ``count``, "mean" or "max"."""
    if isinstance(value, bool):
        return False
    return value in ("mean", "max") or (isinstance(value, int) and 0 <= value < count)


def run_label(stored: Any) -> str:
    """How a run stands in the picker: its output and who wrote it."""
    text = " ".join(stored.trace.text.split()) or "(nothing written)"
    text = text if len(text) <= 56 else text[:55].rstrip() + "…"
    return f"{text}  ({stored.checkpoint})" if stored.checkpoint else text
