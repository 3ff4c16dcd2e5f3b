"""Who serves the page, and where: whatever the way, it is styled, behind its gate, and within its limits."""

from __future__ import annotations

import socket

import gradio as gr
import httpx
import pytest
from fastapi import FastAPI
from gradio import networking
from starlette.testclient import TestClient

from components.context import AppContext
from components.launching import NOTEBOOKS, launch_options
from components.limits import MAX_SESSIONS
from components.models.registry import Registry
from components.page import build_page
from components.settings import Settings
from components.surroundings import local_url
from components.vendor import asset_url
from components.widgets.player.player import SCRIPTS


@pytest.fixture
def launch(checkpoints):
    """``launch(settings, **given)`` serves a page as ``from app import demo; demo.launch(**given)`` does."""
    pages = []

    def serve(settings: Settings | None = None, **given):
        ctx = AppContext(settings or Settings(), Registry("cpu", "float32", checkpoints))
        demo = build_page(ctx)
        pages.append(demo)
        demo.launch(prevent_thread_lock=True, quiet=True, **given)
        return demo, ctx

    yield serve
    for demo in pages:
        demo.close()


def ask(demo, path: str = "", host: str = "", **kwargs) -> httpx.Response:
    """A request to a served page, past every proxy."""
    headers = kwargs.pop("headers", {})
    if host:
        headers["host"] = host
    with httpx.Client(trust_env=False) as client:
        return client.get(demo.local_url + path, headers=headers, **kwargs)


def check_page(get) -> None:
    """The look, the scripts, the gate: by ``get(path, host)``."""
    page = get("", "localhost")
    assert page.status_code == 200
    assert "frame-ancestors 'self'" in page.headers["content-security-policy"]
    config = get("config", "localhost").json()
    assert "--bx-surface" in config["css"]
    assert config["footer_links"] == ["api"]
    assert get("theme.css", "localhost").text.count("var(--bx-surface)") > 0
    assert get(asset_url(SCRIPTS[0]), "localhost").status_code == 200
    assert get("", "evil.example").status_code == 421
    assert get("gradio_api/upload", "localhost").status_code == 403


def test_launch_without_a_word_gives_the_whole_page(launch):
    demo, _ = launch()
    check_page(lambda path, host: ask(demo, path, host))
    assert demo.state_session_capacity == MAX_SESSIONS
    assert demo.max_file_size == 2**20
    assert demo.run_history is False


def test_a_second_launch_finds_a_port_of_its_own_and_keeps_its_look(launch):
    first, _ = launch()
    second, _ = launch()
    assert first.server_port != second.server_port
    assert "--bx-surface" in ask(second, "config").json()["css"]


def test_what_launch_is_given_wins_and_the_gate_stays(launch):
    demo, _ = launch(css=".mine {}", app_kwargs={"docs_url": "/docs"}, footer_links=[])
    config = ask(demo, "config").json()
    assert (config["css"], config["footer_links"]) == (".mine {}", [])
    assert ask(demo, "", "evil.example").status_code == 421
    assert ask(demo, asset_url(SCRIPTS[0])).status_code == 200


@pytest.mark.parametrize("path", ["/", "/explorer"])
def test_a_page_mounted_in_another_app(checkpoints, path):
    demo = build_page(AppContext(Settings(), Registry("cpu", "float32", checkpoints)))
    app = gr.mount_gradio_app(FastAPI(), demo, path)
    with TestClient(app) as client:
        root = f"http://localhost{path.rstrip('/')}/"
        check_page(lambda below, host: client.get(root + below, headers={"host": host}))
    assert demo.state_session_capacity == MAX_SESSIONS
    assert demo.run_history is False


def test_another_gradio_app_that_is_mounted_stays_as_it_is(checkpoints):
    build_page(AppContext(Settings(), Registry("cpu", "float32", checkpoints)))
    with gr.Blocks() as other:
        gr.Textbox()
    with TestClient(gr.mount_gradio_app(FastAPI(), other, "/")) as client:
        assert client.get("http://evil.example/config").json()["css"] == ""


@pytest.mark.parametrize("host", ["::1", "::"])
def test_ipv6_addresses_are_listened_on(launch, monkeypatch, host):
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind((host, 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    monkeypatch.setenv("GRADIO_SERVER_NAME", "::")
    demo, _ = launch(Settings(host=host))
    assert demo.local_url.startswith(f"http://[{host}]:")
    assert ask(demo, "", "[::1]").status_code == 200


def test_a_proxy_of_the_whole_machine_does_not_stop_the_start(launch, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    demo, _ = launch()
    assert ask(demo).status_code == 200


def test_a_password_is_asked_for(launch):
    demo, _ = launch(Settings(auth=("class", "of 2026")))
    assert ask(demo, "config").status_code == 401
    with httpx.Client(trust_env=False, base_url=demo.local_url) as client:
        assert client.post("/login", data={"username": "class", "password": "x"}).status_code == 400
        assert client.post("/login", data={"username": "class", "password": "of 2026"}).status_code == 200
        assert client.get("/config").status_code == 200


def test_a_page_below_a_path_says_so(launch):
    demo, _ = launch(Settings(root_path="/explorer"))
    assert ask(demo, "config").json()["root"].endswith("/explorer")


def test_a_public_link_is_a_name_that_the_page_answers_to(launch, monkeypatch):
    monkeypatch.setattr(networking, "setup_tunnel", lambda *_, **__: "http://abc123.gradio.live")
    demo, ctx = launch(Settings(share=True, allow_folders=False, allow_hub=False))
    assert demo.share_url == "https://abc123.gradio.live"
    assert ask(demo, "", "abc123.gradio.live").status_code == 200
    assert ask(demo, "", "other.gradio.live").status_code == 421
    assert not ctx.settings.private


@pytest.mark.parametrize("given", [{"share": True}, {"server_name": "0.0.0.0"}])
def test_a_page_made_for_one_machine_opens_nothing_for_strangers(launch, monkeypatch, given):
    monkeypatch.setattr(networking, "setup_tunnel", lambda *_, **__: "http://abc123.gradio.live")
    monkeypatch.delenv("BERTGEN_ALLOW_FOLDERS", raising=False)
    monkeypatch.setenv("BERTGEN_ALLOW_HUB", "1")
    _, ctx = launch(**given)
    assert not ctx.settings.allow_folders
    assert ctx.settings.allow_hub


def test_a_notebook_may_show_the_page_in_its_frame(monkeypatch):
    assert launch_options(Settings())["app_kwargs"]["middleware"][0].kwargs["door"].frames == ()
    monkeypatch.setattr("components.launching.utils.ipython_check", lambda: True)
    assert launch_options(Settings())["app_kwargs"]["middleware"][0].kwargs["door"].frames == NOTEBOOKS


def test_the_address_that_is_printed_can_be_opened():
    assert local_url("0.0.0.0", 7860) == "http://127.0.0.1:7860"
    assert local_url("::", 1) == "http://[::1]:1"
    assert local_url("lab", 2) == "http://lab:2"
