"""Every embedded checkpoint through the page: what it writes is what transformers 4.37.2 writes with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from components.models.checkpoint import TASKS
from tests.e2e.test_generate import PLAYER, output_text, wait_for_state

ROOT = Path(__file__).parent.parent.parent
PROFILES = {
    path.parent.name: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(ROOT.glob("assets/checkpoints/*/profile.json"))
}


def expected(name: str) -> dict:
    path = ROOT / "tests" / "golden" / "embedded" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))["runs"][0]


@pytest.mark.parametrize("name", PROFILES)
def test_its_first_example_reads_as_the_reference_has_it(page, name):
    task, golden = PROFILES[name]["task"], expected(name)
    page.locator(".bxp-pace button", has_text="as it comes").click()
    page.locator("#bx-task label", has_text=TASKS[task]).click()
    page.wait_for_function(
        "(start) => document.querySelector('#bx-text textarea').value.startsWith(start)",
        arg=golden["text"][:12],
    )
    assert page.locator("#bx-second").is_visible() == (task == "fuse")
    page.click("#bx-run")
    page.wait_for_function(
        f"(start) => {PLAYER}.state === 'finished' && "
        "BX.player.heads[0].source.tokens.map((token) => token.piece).join('').replaceAll('▁', ' ').trim()"
        ".startsWith(start)",
        arg=golden["text"][:12],
    )
    wait_for_state(page, "finished")
    # A piece that is a gap alone is drawn as ␣.
    assert output_text(page).replace("␣", "") == golden["greedy"]["text"]
    assert golden["greedy"]["text"] != golden["text"]
