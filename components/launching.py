"""How the page is served, whoever serves it: ``app.py``, a notebook, ``gradio app.py``, another FastAPI app.

The look, the gate and the limits belong to the page, not to one way of starting it. So ``demo.launch()`` has
them as its defaults, and ``gr.mount_gradio_app(app, demo, path)`` gets them where Gradio makes its app.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import gradio as gr
from gradio import http_server, networking, utils
from gradio.routes import App
from starlette.middleware import Middleware

from components import gate, limits, surroundings, theme, vendor
from components.context import AppContext
from components.settings import DEFAULT_PORT, Settings, parse_settings, url_host
from components.widgets.gradio import styles

# A notebook shows the page in a frame of its own page, on another port of this machine.
NOTEBOOKS = ("http://localhost:*", "http://127.0.0.1:*", "vscode-webview:")
# Of launch's options, what is an attribute of the page where another app mounts it.
_MOUNTED = ("state_session_capacity", "footer_links", "run_history", "enable_monitoring", "ssr_mode", "pwa")


def launch_options(settings: Settings) -> dict[str, Any]:
    """The keywords of ``launch``: where to listen, how it looks, what of Gradio's stays off."""
    gate.install()
    door = gate.door_for(settings.host, settings.allowed_hosts, settings.space_host)
    if utils.ipython_check():
        door.frames = NOTEBOOKS
    return {
        "server_name": url_host(settings.host),
        "server_port": settings.port,
        "theme": theme.theme(),
        "css": theme.css(*styles()),
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
        "share": settings.share,
        "root_path": settings.root_path or None,
        "auth": settings.auth,
        "pwa": False,
        "mcp_server": False,
    }


def ready(demo: gr.Blocks, ctx: AppContext) -> gr.Blocks:
    """Gives the page its own ``launch``, and what another app needs to mount it."""

    def launch(*args: Any, **given: Any) -> Any:
        return _launch(demo, ctx, *args, **given)

    # Of this one page alone: Gradio's class stays as it is.
    demo.launch = launch
    demo.page_context = ctx
    _dress_mounted_pages()
    return demo


def _launch(demo: gr.Blocks, ctx: AppContext, *args: Any, **given: Any) -> Any:
    """``gr.Blocks.launch`` with the page's options; what is ``given`` wins, the gate always stands."""
    # 1) Where it will listen. A port that nobody named may be any free one.
    settings = _reached(ctx, given)
    options = launch_options(settings)
    if settings.port == DEFAULT_PORT:
        options["server_port"] = None
    own = options["app_kwargs"]
    options |= {name: value for name, value in given.items() if name != "app_kwargs"}
    options["app_kwargs"] = _joined(own, given.get("app_kwargs"))
    surroundings.ask_itself_directly(settings.host, os.environ)

    # 2) Gradio's server, without its advice on how to write apps.
    asked_quiet = options.pop("quiet", False)
    waits = options.pop("debug", False) or not options.pop("prevent_thread_lock", False)
    door = own["middleware"][0].kwargs["door"]
    with _link_at_the_door(door), _port_test(settings.host):
        started = gr.Blocks.launch(demo, *args, prevent_thread_lock=True, quiet=True, **options)
    if started[0] is None:  # the page is running already: gradio app.py has only read it anew
        return started

    # 3) The address, and in a script the wait until it is interrupted.
    if not asked_quiet:
        address = surroundings.local_url(settings.host, demo.server_port)
        print(f"BertGen Explorer is on {address} (Ctrl-C ends it)", flush=True)
    if waits and not hasattr(sys, "ps1") and not sys.flags.interactive:
        demo.block_thread()
    return started


def _reached(ctx: AppContext, given: dict[str, Any]) -> Settings:
    """The settings with what ``launch`` was given; strangers may open only what was allowed for them."""
    settings = ctx.settings
    # 1) The address and the link may be given to launch as well.
    host = (given.get("server_name") or settings.host).removeprefix("[").removesuffix("]")
    share = given.get("share")
    if share is None:
        share = settings.share
    reached = replace(settings, host=host, share=bool(share))
    # 2) What was allowed for a page of this machine alone was not allowed for others.
    if settings.private and not reached.private:
        public = parse_settings(["--share"])
        reached = replace(reached, allow_folders=public.allow_folders, allow_hub=public.allow_hub)
    ctx.settings = reached
    return reached


def _joined(own: dict[str, Any], given: dict[str, Any] | None) -> dict[str, Any]:
    """The page's keywords of the app and those of whoever serves it; lists are put together."""
    given = dict(given or {})
    # One gate: who hands on what launch_options() gave has it twice.
    given["middleware"] = [entry for entry in given.get("middleware", ()) if entry.cls is not gate.Gate]
    joined = {**own, **given}
    for name in ("routes", "middleware"):
        joined[name] = [*own[name], *given.get(name, ())]
    return joined


@contextmanager
def _link_at_the_door(door: gate.Door) -> Iterator[None]:
    """While Gradio starts: the name of a public link is one that the page answers to."""
    original = networking.setup_tunnel

    def setup_tunnel(*args: Any, **kwargs: Any) -> str:
        address = original(*args, **kwargs)
        door.add(address)
        return address

    networking.setup_tunnel = setup_tunnel
    try:
        yield
    finally:
        networking.setup_tunnel = original


@contextmanager
def _port_test(host: str) -> Iterator[None]:
    """While Gradio starts: it tries the port by IPv4, for which an IPv6 GRADIO_SERVER_NAME is an error."""
    original = http_server.LOCALHOST_NAME
    if ":" in host or ":" in original:
        http_server.LOCALHOST_NAME = "127.0.0.1"
    try:
        yield
    finally:
        http_server.LOCALHOST_NAME = original


def _dress_mounted_pages() -> None:
    """Lets a page that another app mounts (``gr.mount_gradio_app``) have its look and its gate too."""
    original = App.create_app
    if getattr(original, "dresses", False):
        return

    def create_app(blocks: gr.Blocks, *args: Any, **kwargs: Any) -> App:
        ctx = getattr(blocks, "page_context", None)
        # Only mounting names a parent; launch has given all of this already.
        if ctx is not None and kwargs.get("parent_app") is not None:
            kwargs["app_kwargs"] = _dress(blocks, ctx.settings, kwargs.get("app_kwargs"))
        return original(blocks, *args, **kwargs)

    create_app.dresses = True
    App.create_app = staticmethod(create_app)


def _dress(blocks: gr.Blocks, settings: Settings, given: dict[str, Any] | None) -> dict[str, Any]:
    """Sets on a mounted page what ``launch`` would have set; returns the keywords of its app."""
    options = launch_options(settings)
    # A look that the other app asked for stays.
    if not blocks.css:
        blocks.theme, blocks.css = options["theme"], options["css"]
    for name in _MOUNTED:
        setattr(blocks, name, options[name])
    blocks.auth = blocks.auth or ([settings.auth] if settings.auth else None)
    blocks.max_file_size = utils._parse_file_size(options["max_file_size"])
    blocks._set_html_css_theme_variables()
    blocks.config = blocks.get_config_file()
    return _joined(options["app_kwargs"], given)
