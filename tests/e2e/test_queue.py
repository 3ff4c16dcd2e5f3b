"""A page that everybody wants at once: the place in the queue."""

from __future__ import annotations

import re

import pytest
from gradio_client import Client

from components import page as page_module
from components.context import build_context
from components.page import build_page, launch_options
from components.settings import Settings
from tests.e2e.conftest import PATIENCE, watch
from tests.e2e.test_generate import run, wait_for_state
from tests.ui.conftest import save_checkpoint

# Twenty-four runs of ninety-six tokens each with eight beams: seconds, on any machine.
ENDLESS = {"text": "the cat sat on the mat. " * 24, "mode": "beam", "num_beams": 8, "api_name": "/generate"}


@pytest.fixture
def busy(browser, make_model, tokenizer, tmp_path, monkeypatch, request):
    """(page, client) of a page whose model runs one text at a time and whose queue holds one more."""
    monkeypatch.setattr(page_module, "QUEUE_SIZE", 1)
    folder = tmp_path / "endless"
    folder.mkdir()
    save_checkpoint(folder, make_model(eos_bias=-50.0), tokenizer, longest_source=12)
    settings = Settings(checkpoint=folder, concurrency=1, device="cpu")
    demo = build_page(build_context(settings))
    _, url, _ = demo.launch(
        **{**launch_options(settings), "server_port": None}, prevent_thread_lock=True, quiet=True
    )
    faults: list[str] = []
    context = browser.new_context()
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE)
    watch(opened, url, faults)
    opened.goto(url)
    opened.wait_for_function("+document.querySelector('.bxp')?.dataset.total > 0")
    yield opened, Client(url, verbose=False)
    context.close()
    demo.close()
    full = re.compile("503|Queue is full|queue is full")
    assert not [fault for fault in faults if not full.search(fault)]


def test_the_place_in_the_queue_is_shown(busy):
    page, client = busy
    job = client.submit(**ENDLESS)
    while not job.outputs():
        page.wait_for_timeout(100)
    run(page, "the cat")
    page.wait_for_function("/place \\d+ of \\d+ in the queue/.test(BX.player.statusEl.innerText)")
    job.cancel()
    wait_for_state(page, "finished")
