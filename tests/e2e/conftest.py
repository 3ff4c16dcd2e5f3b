"""The real page in headless Chromium: one server for all tests, a fresh browser page for each.

A console error, an error of the page's scripts or a request to anywhere else fails the test. Screenshots go
to tests/output/.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.hub_server import HubServer
from tests.install_chromium import find

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "tests" / "output"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 60_000  # ms; nothing here measures time, a slow machine only takes longer
DESKTOP, PHONE = {"width": 1366, "height": 768}, {"width": 390, "height": 844}
# Gradio itself writes a refused value to the console.
ALLOWED = (re.compile(r"ValidationError|gr\.Error"),)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(item.fspath).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.e2e)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def small_hub():
    """A Hub on the loopback interface, which the page takes for the real one."""
    with HubServer() as hub:
        yield hub


@pytest.fixture(scope="session")
def server(tmp_path_factory, small_hub):
    """The page's address, served by ``python app.py`` as a user starts it."""
    port = free_port()
    folder = tmp_path_factory.mktemp("server")
    log = folder / "server.log"
    hub = {"HF_ENDPOINT": small_hub.url, "HF_HOME": str(folder / "hf_home"), "HF_HUB_OFFLINE": "0"}
    environment = {**os.environ, **hub, "BERTGEN_PORT": str(port), "PYTHONUNBUFFERED": "1"}
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    url = f"http://127.0.0.1:{port}/"
    try:
        _wait_for(url, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(url: str, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"the page ended with code {process.returncode}:\n{log.read_text()}")
        try:
            urllib.request.urlopen(url, timeout=5).read()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    pytest.fail(f"the page did not answer:\n{log.read_text()}")


@pytest.fixture(scope="session")
def browser(server):
    """Chromium, started after the server."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find(), args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser, server, request):
    """``open_page(viewport=DESKTOP, theme="light")`` gives a page on which the example run is drawn."""
    opened, faults = [], []

    def open_one(viewport=DESKTOP, theme="light", query="", **context_options):
        context = browser.new_context(viewport=viewport, **context_options)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        watch(page, server, faults)
        page.goto(f"{server}?__theme={theme}{query}")
        page.wait_for_function("+document.querySelector('.bxp')?.dataset.total > 0")
        page.wait_for_function("+document.querySelector('.bxm')?.dataset.rows > 0")
        opened.append((context, page))
        return page

    yield open_one
    OUTPUT.mkdir(exist_ok=True)
    for number, (context, page) in enumerate(opened):
        name = re.sub(r"\W+", "-", request.node.name).strip("-")
        page.screenshot(path=OUTPUT / f"{name}{number or ''}.png")
        context.close()
    assert not faults, "\n".join(faults)


def watch(page, server: str, faults: list[str]) -> None:
    """Collects what must not happen on a page."""

    def console(message):
        if message.type == "error" and not any(allowed.search(message.text) for allowed in ALLOWED):
            faults.append(f"console: {message.text}")

    def asked(outgoing):
        if not outgoing.url.startswith((server, "data:", "blob:")):
            faults.append(f"outside request: {outgoing.url}")

    page.on("console", console)
    page.on("pageerror", lambda error: faults.append(f"script error: {error}"))
    page.on("request", asked)


@pytest.fixture
def page(open_page):
    """The page on a desktop, light."""
    return open_page()
