"""The page: its head, its tabs in their order, its queue, and what ``launch`` needs to know."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported

import gradio as gr
from starlette.middleware import Middleware

from components import gate, limits, theme, vendor
from components.api import add_api
from components.context import AppContext, build_context
from components.settings import Settings
from components.tabs import attention, checkpoints, generate, hub, returning
from components.validation import refuses_politely
from components.widgets.explorer import explorer
from components.widgets.player import player

TITLE = "BertGen Explorer"
QUEUE_SIZE = 64

HEADER = """<div class="bx-brand"><strong>BertGen Explorer</strong>
<button type="button" class="bx-theme" aria-label="Light or dark" title="Light or dark">
<svg viewBox="0 0 16 16" width="17" height="17" aria-hidden="true">
<path d="M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm0 1.5v11a5.5 5.5 0 0 1 0-11z"/></svg>
</button></div>"""
THEME_JS = """
    let kept = null;
    try { kept = localStorage.getItem('bx-theme'); } catch (refused) { kept = null; }
    const asked = new URL(location.href).searchParams.get('__theme');
    const set = (dark) => document.body.classList.toggle('dark', dark);
    if (!asked && kept) set(kept === 'dark');
    element.querySelector('.bx-theme').addEventListener('click', () => {
        const dark = !document.body.classList.contains('dark');
        set(dark);
        try { localStorage.setItem('bx-theme', dark ? 'dark' : 'light'); } catch (refused) { kept = null; }
    });
"""


def build_app(settings: Settings) -> gr.Blocks:
    """The whole page, ready to launch with ``launch_options(settings)``.

    Raises ``SettingsError`` when the device or the checkpoint folder cannot be used.
    """
    return build_page(build_context(settings))


def build_page(ctx: AppContext) -> gr.Blocks:
    """The page around a context: header, tabs, the public endpoint, the queue."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as demo:
        gr.HTML(HEADER, js_on_load=THEME_JS, elem_id="bx-header", apply_default_css=False)
        with gr.Tabs(elem_id="bx-tabs") as tabs:
            with gr.Tab("Generate", id="generate", elem_id="bx-tab-generate"):
                generate_tab = generate.build(ctx)
            with gr.Tab("Attention", id="attention", elem_id="bx-tab-attention"):
                gr.HTML(f'<p class="bx-question">{attention.QUESTION}</p>', apply_default_css=False)
                attention.build(ctx)
            with gr.Tab("Checkpoints", id="checkpoints", elem_id="bx-tab-checkpoints"):
                checkpoints_tab = checkpoints.build(ctx)
                if ctx.settings.allow_hub:
                    with checkpoints_tab.left:
                        hub.build(ctx, checkpoints_tab)
        add_api(ctx)
        _wire(ctx, demo, tabs, generate_tab, checkpoints_tab)
        returning.build(ctx, demo, checkpoints_tab, generate_tab)
    return demo.queue(max_size=QUEUE_SIZE, default_concurrency_limit=ctx.settings.concurrency, api_open=False)


def _wire(
    ctx: AppContext,
    demo: gr.Blocks,
    tabs: gr.Tabs,
    generate_tab: generate.GenerateTab,
    checkpoints_tab: checkpoints.CheckpointsTab,
) -> None:
    """What reaches from one tab into another."""

    def choose(name, text, second, request: gr.Request):
        follow = checkpoints.on_choose(ctx, name, text, second, request.session_hash)
        return gr.Tabs(selected="generate"), *follow

    def opened(task, request: gr.Request):
        return generate.on_opened(ctx, task, request.session_hash)

    def leave(request: gr.Request):
        ctx.forget(request.session_hash)

    instant = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    generate_tab.player.open_run(
        lambda: gr.Tabs(selected="attention"), None, tabs, api_name="look", **instant
    )
    chosen = [tabs, *generate_tab.follows]
    checkpoints_tab.choose.click(
        refuses_politely(choose),
        [checkpoints_tab.picker, *generate_tab.boxes],
        chosen,
        api_name="choose",
        **instant,
    )
    # A checkpoint that was just opened is a choice in Generate too, and its task may be new there.
    checkpoints_tab.picker.change(
        opened, generate_tab.task, [generate_tab.task, generate_tab.checkpoint], api_name="opened", **instant
    )
    demo.unload(leave)


def launch_options(settings: Settings) -> dict[str, Any]:
    """The keywords of ``demo.launch``: where to listen, how it looks, what of Gradio's stays off."""
    gate.install()
    door = gate.door_for(settings.host, settings.allowed_hosts, settings.space_host)
    return {
        "server_name": settings.host,
        "server_port": settings.port,
        "theme": theme.theme(),
        "css": theme.css(*player.STYLES, *explorer.STYLES),
        "app_kwargs": {
            "routes": vendor.routes(),
            "middleware": [Middleware(gate.Gate, door=door)],
            "max_body_size": limits.MAX_BODY,
        },
        "state_session_capacity": limits.MAX_SESSIONS,
        "footer_links": ["api"],
        "run_history": False,
        "enable_monitoring": False,
        "max_file_size": "1mb",
        "ssr_mode": False,
        "share": False,
        "pwa": False,
        "mcp_server": False,
    }
