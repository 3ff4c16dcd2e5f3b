"""The Attention tab: where did it look? Any of this visitor's last runs, every layer and head."""

from __future__ import annotations

from typing import Any

import gradio as gr

from components.context import AppContext
from components.figures.attention import explorer_figure
from components.figures.payload import trace_payload
from components.widgets.explorer import explorer

QUESTION = "Where did it look?"
MAX_BYTES = 6_000_000  # of uint16 that one run may send to the browser
KNOWN_LIMIT = 32
NO_RUN = "There is no run to look at yet. Write a sentence in the Generate tab and press Run, then come back."


def build(ctx: AppContext) -> gr.HTML:
    """Lays the tab out inside the caller's ``gr.Tab`` and returns the explorer."""
    view = explorer(explorer_value(ctx, None, "", []), elem_id="attention-explorer")

    def on_select(event: gr.EventData, request: gr.Request) -> Any:
        data = event._data if isinstance(event._data, dict) else {}
        return on_ask(ctx, request.session_hash, data.get("run"), data.get("known"))

    view.select(
        on_select,
        None,
        view,
        queue=False,
        show_progress="hidden",
        trigger_mode="always_last",
        api_visibility="private",
    )
    return view


def on_ask(ctx: AppContext, session: str | None, run: Any, known: Any) -> dict[str, Any]:
    """What the browser asked for: a run by its id, or ("") the newest. Arguments come from strangers."""
    wanted = run if isinstance(run, str) else ""
    held = [name for name in known if isinstance(name, str)][:KNOWN_LIMIT] if isinstance(known, list) else []
    return explorer_value(ctx, session, wanted, held)


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
        "note": "" if runs else NO_RUN,
    }
    if chosen and chosen.run_id not in known:
        value["trace"] = trace_payload(chosen.trace)
    return value


def run_label(stored: Any) -> str:
    """How a run stands in the picker: its output and who wrote it."""
    text = " ".join(stored.trace.text.split()) or "(nothing written)"
    text = text if len(text) <= 56 else text[:55].rstrip() + "…"
    return f"{text}  ({stored.checkpoint})" if stored.checkpoint else text
