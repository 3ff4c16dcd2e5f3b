"""The browser's half of the view contract: the example that Python wrote, read by the page's own scripts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from components import strings
from components.views.contract import read_run
from components.views.maps import attention_view
from components.views.packing import unpack_u16
from components.widgets.explorer import explorer
from components.widgets.gradio import SHARED
from components.widgets.live_map import live_map
from components.widgets.player import player

EXAMPLE = Path(__file__).parents[1] / "unit" / "views" / "contract_example.json"
STATS = {
    "seconds": 0.1, "first": 0.01, "device": "cpu", "dtype": "float32", "model": "tiny", "checkpoint": "tiny",
    "most": 512, "settings": "greedy, 128 tokens", "beams": 1, "limit": 128,
}  # fmt: skip


@pytest.fixture(scope="module")
def example() -> dict:
    """{"run": JSON text of a Run, "streamed": a StreamedRun}."""
    return json.loads(EXAMPLE.read_text(encoding="utf-8"))


@pytest.fixture
def blank(browser):
    """A page with the widgets' scripts and an empty player and live map, but no Gradio."""
    page = browser.new_page()
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    templates = (player.HERE / "player.html", live_map.HERE / "live_map.html")
    page.set_content("".join(path.read_text(encoding="utf-8") for path in templates))
    page.add_script_tag(content=strings.script())
    for script in dict.fromkeys((*SHARED, live_map.HERE / "live_map.js", *player.SCRIPTS, *explorer.SCRIPTS)):
        page.add_script_tag(path=script)
    yield page
    page.close()
    assert not faults


@pytest.mark.parametrize("kind", ["encoder_self", "decoder_self", "cross"])
@pytest.mark.parametrize("words", [True, False], ids=["words", "pieces"])
@pytest.mark.parametrize("by", ["wrote", "read"])
@pytest.mark.parametrize("hide_special", [False, True], ids=["all", "no special"])
def test_every_map_is_pythons(blank, example, kind, words, by, hide_special):
    for layer, head in ((0, 1), ("mean", 2), (1, "max"), ("max", "mean")):
        view = attention_view(
            read_run(example["run"]), kind, layer, head, words=words, by=by, hide_special=hide_special
        )
        found = blank.evaluate(
            """([text, kind, layer, head, options]) =>
                BX.attention.view(BX.attention.decode(text), kind, layer, head, options)""",
            [example["run"], kind, layer, head, {"words": words, "by": by, "hideSpecial": hide_special}],
        )
        z = np.array([[np.nan if weight is None else weight for weight in row] for row in found["z"]])
        np.testing.assert_allclose(z, view.z, atol=1e-6)
        assert found["labels"] == view.columns
        assert [(pair["read"], pair["wrote"]) for pair in found["pairs"]] == view.rows
        assert found["hidden"] == pytest.approx(view.hidden, abs=1e-5)
        assert found["hiddenRows"] == view.hidden_rows


def test_the_player_shows_what_the_tokens_say(blank, example):
    value = {
        "version": 1, "id": "x", "state": "finished", "segments": [example["streamed"]], "parts": 1,
        "notes": ["a note"], "stats": STATS, "message": "", "play": False,
    }  # fmt: skip
    blank.evaluate(
        """(value) => {
            const port = { value: () => value, onValue() {}, send() {} };
            BX.widgets.player(document.querySelector('.bxp'), BX.view(), port);
            BX.widgets.live_map(document.querySelector('.bxm'), BX.view(), port);
        }""",
        value,
    )
    run = read_run(example["run"])
    for name, line in (("source", run.source), ("output", run.target)):
        nodes = blank.locator(f".bxp-{name} .bxp-t")
        shown = [token.label if token.special else token.text for token in line.tokens]
        assert [node.text_content() for node in nodes.locator(".bxp-x").all()] == shown
        special = [bool(token.special) for token in line.tokens]
        marked = blank.evaluate(f"BX.player.{name}.tokens.map((t) => t.classList.contains('special'))")
        assert marked == special
        # Tokens without a gap hang on the word before them; a special token never does.
        hung = blank.evaluate(
            f"BX.player.{name}.tokens.map((t, i, all) => i > 0 && t.parentNode === all[i - 1].parentNode)"
        )
        assert hung == [not token.gap for token in line.tokens]
    answer = "".join(json.loads(token).get("adds", "") for token in example["streamed"]["tokens"])
    assert blank.evaluate("BX.player.outputText()") == answer.strip()
    assert blank.locator(".bxm-row b").all_text_contents() == [token.label for token in run.target.tokens]
    assert blank.locator(".bxm-col").all_text_contents() == [token.label for token in run.source.tokens]
    # None of these alternatives is what was written: that stands first, once.
    assert blank.locator(".bxp-alts li.mine").count() == 1
    # Every row of the live map is the mean of the step's weights over layers and heads.
    weights = np.array(blank.evaluate("BX.view().state.growing.rows.map((row) => [...row])"))
    cross = run.maps["cross"]
    stored = unpack_u16({"shape": list(cross.shape), "u16": cross.u16})
    np.testing.assert_allclose(weights, stored.mean((0, 1)), atol=1e-6)
