"""The page: its head, its tabs in their order, its queue; ``launching.py`` knows how it is served."""

from __future__ import annotations

import os

from components.limits import QUEUE_SIZE

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported

import gradio as gr

from components.api import add_api
from components.context import AppContext, build_context
from components.launching import launch_options, ready
from components.settings import Settings
from components.strings import t
from components.tabs import attention, checkpoints, generate, hub, returning
from components.validation import refuses_politely
from components.widgets.header.header import header

__all__ = ["build_app", "build_page", "launch_options"]


def build_app(settings: Settings) -> gr.Blocks:
    """The whole page, ready to ``launch()`` or to be mounted.

    Raises ``SettingsError`` when the device or the checkpoint folder cannot be used.
    """
    return build_page(build_context(settings))


def build_page(ctx: AppContext) -> gr.Blocks:
    """The page around a context: header, tabs, the public endpoint, the queue."""
    # 1) What is seen. Tabs other than the first are laid out when they are first opened.
    with gr.Blocks(title=t("page.title"), analytics_enabled=False, fill_width=True) as demo:
        header(elem_id="bx-header")
        with gr.Tabs(elem_id="bx-tabs") as tabs:
            with gr.Tab(t("page.tab.generate"), id="generate", elem_id="bx-tab-generate"):
                generate_tab = generate.build(ctx)
            with gr.Tab(t("page.tab.attention"), id="attention", elem_id="bx-tab-attention"):
                attention.build(ctx)
            with gr.Tab(t("page.tab.checkpoints"), id="checkpoints", elem_id="bx-tab-checkpoints"):
                checkpoints_tab = checkpoints.build(ctx)
                if ctx.settings.allow_hub:
                    with checkpoints_tab.left:
                        hub.build(ctx, checkpoints_tab)
        # 2) What is not: the public endpoint, and what reaches from one tab into another.
        add_api(ctx)
        _wire(ctx, demo, tabs, generate_tab, checkpoints_tab)
        returning.build(ctx, demo, checkpoints_tab, generate_tab)
    # 3) The queue, said in full: a Space would make its size 1, and elsewhere requests could pass beside it.
    demo.queue(max_size=QUEUE_SIZE, default_concurrency_limit=ctx.settings.concurrency, api_open=False)
    # 4) How it is served: the same look and gate, whoever launches it.
    return ready(demo, ctx)


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
        ctx.sessions.forget(request.session_hash)

    instant = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    # "Open in Attention" only turns the page; the explorer asks for the run when it comes into view.
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
    # The browser's page is closed, reloaded or gone: all that its visitor held is freed.
    demo.unload(leave)
