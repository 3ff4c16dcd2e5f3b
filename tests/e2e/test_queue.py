"""A page that everybody wants at once: the place in the queue, and a queue that is full."""

from __future__ import annotations

import re
import threading
import time

import pytest
from gradio_client import Client

from components.context import build_context
from components.page import build_page, launch_options
from components.settings import Settings
from tests.e2e import conftest
from tests.e2e.conftest import PATIENCE, watch
from tests.e2e.test_generate import run, wait_for_state
from tests.ui.conftest import save_checkpoint


class Gate:
    """Holds a model before it reads a text, so that a run lasts exactly as long as a test wants."""

    def __init__(self, model) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()
        self.opened.set()
        model.encoder.register_forward_pre_hook(self._pass)

    def _pass(self, *_) -> None:
        self.entered.set()
        assert self.opened.wait(PATIENCE / 1000), "the test did not open the gate"

    def close(self) -> None:
        self.entered.clear()
        self.opened.clear()


@pytest.fixture
def short_queue(monkeypatch):
    """One waits, the next is refused: that refusal alone may stand in the console."""
    monkeypatch.setattr("components.page.QUEUE_SIZE", 1)
    monkeypatch.setattr(conftest, "ALLOWED", (*conftest.ALLOWED, re.compile(r"\b503\b|Queue is full")))


@pytest.fixture
def busy(browser, make_model, tokenizer, tmp_path):
    """(page, client, gate) of a page whose model runs one text at a time."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    save_checkpoint(folder, make_model(eos_bias=-50.0), tokenizer, longest_source=12)
    settings = Settings(checkpoint=folder, concurrency=1, device="cpu")
    context = build_context(settings)
    demo = build_page(context)
    _, url, _ = demo.launch(
        **{**launch_options(settings), "server_port": None}, prevent_thread_lock=True, quiet=True
    )
    faults: list[str] = []
    window = browser.new_context()
    opened = window.new_page()
    opened.set_default_timeout(PATIENCE)
    watch(opened, url, faults)
    opened.goto(url)
    opened.wait_for_function("+document.querySelector('.bxp')?.dataset.total > 0")
    gate = Gate(context.registry.get("tiny").model)
    yield opened, Client(url, verbose=False), gate
    gate.opened.set()
    window.close()
    demo.close()
    assert not faults


def test_the_place_in_the_queue_is_shown(busy):
    page, client, gate = busy
    gate.close()
    job = client.submit(text="the cat", api_name="/generate")
    assert gate.entered.wait(PATIENCE / 1000)
    run(page, "the cat")
    page.wait_for_function("/place \\d+ of \\d+ in the queue/.test(BX.player.statusEl.innerText)")
    gate.opened.set()
    wait_for_state(page, "finished")
    assert job.result(timeout=PATIENCE / 1000)


def test_a_full_queue_says_so_keeps_the_text_and_takes_the_next_try(short_queue, busy):
    page, client, gate = busy
    gate.close()
    jobs = [client.submit(text="the cat", api_name="/generate")]
    assert gate.entered.wait(PATIENCE / 1000)
    jobs.append(client.submit(text="the dog", api_name="/generate"))
    deadline = time.monotonic() + PATIENCE / 1000
    while jobs[1].status().rank is None and time.monotonic() < deadline:
        time.sleep(0.05)
    run(page, "the cat sat")
    wait_for_state(page, "error")
    assert "too many are waiting" in page.inner_text("#bx-said")
    assert page.locator("#bx-text textarea").input_value() == "the cat sat"
    gate.opened.set()
    for job in jobs:
        assert job.result(timeout=PATIENCE / 1000)
    page.locator("#bx-run").click()
    wait_for_state(page, "finished")
