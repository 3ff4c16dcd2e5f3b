"""The decoding settings of Generate: folded, each with its effect in one line, greyed where it has none."""

from __future__ import annotations

from typing import Any

import gradio as gr

from components.runs.settings import (
    MAX_BEAMS,
    MAX_NEW_TOKENS,
    MAX_SEED,
    MODES,
    RunSettings,
    check_settings,
)
from components.strings import t
from components.validation import check_choice, refuses_politely

# The one mode that uses a setting; what stands in no mode's list is used by all.
USED_BY = {
    "num_beams": "beam",
    "temperature": "sample",
    "top_k": "sample",
    "top_p": "sample",
    "seed": "sample",
}


def on_mode(mode: Any) -> tuple[Any, ...]:
    """The mode changed: what it does not use is greyed, with why. The order is that of ``USED_BY``."""
    mode = check_choice("mode", mode, MODES)
    # The mode's own line first: it says what the mode does.
    updates = [gr.update(info=t(f"decoding.about.{mode}"))]
    for name, needed in USED_BY.items():
        updates.append(gr.update(interactive=needed == mode, info=_line(name, needed == mode)))
    return tuple(updates)


def on_settings(*settings: Any) -> Any:
    """A setting changed: the fold's title says what is in force."""
    return gr.update(label=t("decoding.fold", settings=check_settings(*settings).summary()))


def settings_fold() -> list[Any]:
    """The decoding settings, folded, in the order of ``check_settings``' arguments."""
    # 1) The settings as they stand when the page opens.
    start = RunSettings()
    with gr.Accordion(
        t("decoding.fold", settings=start.summary()), open=False, elem_id="bx-decoding"
    ) as fold:
        mode = gr.Radio(
            [(t(f"decoding.mode.{key}"), key) for key in MODES],
            value=start.mode,
            label=t("decoding.mode"),
            info=t(f"decoding.about.{start.mode}"),
            elem_id="bx-mode",
            elem_classes="bx-segmented",
        )
        with gr.Row(elem_classes="bx-pair"):
            beams = _slider("num_beams", 1, MAX_BEAMS, 1)
            length = _slider("max_new_tokens", 1, MAX_NEW_TOKENS, 1)
        with gr.Row(elem_classes="bx-pair"):
            temperature = _slider("temperature", 0.1, 2, 0.05)
            top_k = _slider("top_k", 0, 200, 1)
        with gr.Row(elem_classes="bx-pair"):
            top_p = _slider("top_p", 0.05, 1, 0.05)
            seed = gr.Number(start.seed, minimum=0, maximum=MAX_SEED, precision=0, **_shown("seed"))

    # 2) Another mode greys others of them; any change renews the fold's title.
    settings = [mode, beams, temperature, top_k, top_p, length, seed]
    greyed = [mode, beams, temperature, top_k, top_p, seed]
    instant = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    mode.change(refuses_politely(on_mode), mode, greyed, api_name="mode", **instant)
    sliders = (beams, temperature, top_k, top_p, length)
    changes = [mode.change, seed.change, *(slider.change for slider in sliders)]
    last = {"trigger_mode": "always_last", **instant}  # of a slider on the move
    gr.on(changes, refuses_politely(on_settings), settings, fold, api_name="settings", **last)
    return settings


def _slider(name: str, low: float, high: float, step: float) -> gr.Slider:
    return gr.Slider(low, high, getattr(RunSettings, name), step=step, **_shown(name))


def _shown(name: str) -> dict[str, Any]:
    """How a setting looks in the mode that the page opens with: label, line, greyed or not, element's id."""
    used = USED_BY.get(name, RunSettings.mode) == RunSettings.mode
    element = {"num_beams": "beams", "max_new_tokens": "length"}.get(name, name.replace("_", "-"))
    return {
        "label": t(f"decoding.{name}"),
        "info": _line(name, used),
        "interactive": used,
        "elem_id": f"bx-{element}",
    }


def _line(name: str, used: bool) -> str:
    if used:
        return t(f"decoding.about.{name}")
    return t(f"decoding.unused.{USED_BY[name]}")
