"""The view state of the browser: one store that widgets share, and what of it a link may hold."""

from __future__ import annotations

import json

import pytest

from components.widgets.gradio import SHARED
from tests.e2e.test_attention import BOX, HOOK, choose, drawn, open_attention

AT_THE_START = {
    "run": "", "map": "cross", "layer": None, "head": None, "measure": "raw", "unit": "words",
    "rows": "wrote", "scale": "fixed", "hideSpecial": False, "selected": None, "compare": None, "step": None,
}  # fmt: skip


@pytest.fixture
def blank(browser):
    """An empty page with the shared scripts only: no server, no Gradio."""
    page = browser.new_page()
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    for script in SHARED:
        page.add_script_tag(path=script)
    yield page
    page.close()
    assert not faults


def public(page) -> dict:
    """The fields that a link may hold."""
    state = page.evaluate("BX.view().state")
    return {field: state[field] for field in AT_THE_START}


def test_watchers_are_told_once_what_changed(blank):
    told = blank.evaluate(
        """() => {
            const told = [];
            const end = BX.view().watch((state, changed) => told.push([state.layer, [...changed].sort()]));
            BX.view().set({ layer: 2, head: 'max' });
            BX.view().set({ layer: 2, head: 'max' });
            end();
            BX.view().set({ layer: 0 });
            return told;
        }"""
    )
    assert told == [[2, ["head", "layer"]]]


def test_a_page_has_one_state_and_others_by_name(blank):
    blank.evaluate("BX.view().set({ map: 'encoder_self' })")
    maps = blank.evaluate("[BX.view('page').state.map, BX.view('other').state.map]")
    assert maps == ["encoder_self", "cross"]
    assert blank.evaluate("BX.view() === BX.view('page')")


def test_every_map_keeps_its_layer_and_head(blank):
    blank.evaluate(
        """() => {
            const view = BX.view();
            view.set({ layer: 1, head: 3 });
            view.choose('encoder_self', 'mean', 0);
            view.set({ map: 'decoder_self' });
        }"""
    )
    assert (public(blank)["layer"], public(blank)["head"]) == (None, None)
    blank.evaluate("BX.view().set({ map: 'encoder_self' })")
    assert (public(blank)["layer"], public(blank)["head"]) == ("mean", 0)
    blank.evaluate("BX.view().set({ map: 'cross' })")
    assert (public(blank)["layer"], public(blank)["head"]) == (1, 3)


def test_another_run_has_nothing_selected(blank):
    blank.evaluate("BX.view().set({ run: 'a', selected: { line: 'source', words: [1] } })")
    assert public(blank)["selected"] == {"line": "source", "words": [1]}
    blank.evaluate("BX.view().set({ run: 'a' })")
    assert public(blank)["selected"] == {"line": "source", "words": [1]}
    blank.evaluate("BX.view().set({ run: 'b' })")
    assert public(blank)["selected"] is None


def test_a_field_that_is_not_there_is_a_mistake(blank):
    said = blank.evaluate("() => { try { BX.view().set({ lair: 1 }); } catch (e) { return e.message; } }")
    assert said == "the view state has no field lair"


def test_moments_are_heard_and_gone(blank):
    heard = blank.evaluate(
        """() => {
            const heard = [];
            BX.view().tell('begin');
            const end = BX.view().hear('begin', (data) => heard.push(data));
            BX.view().tell('begin', 'text');
            end();
            BX.view().tell('begin', 'again');
            return heard;
        }"""
    )
    assert heard == ["text"]


FULL = {
    "run": "aB-_9", "map": "decoder_self", "layer": 0, "head": "max", "measure": "value_zeroing",
    "unit": "pieces", "rows": "read", "scale": "log", "hideSpecial": True,
    "selected": {"line": "source", "words": [0, 4]},
    "compare": {"run": "x", "map": "cross", "layer": "mean", "head": 3, "measure": "norm"}, "step": 7,
}  # fmt: skip


SOME = [{}, {"layer": "mean"}, {"selected": {"line": "output", "words": []}}, FULL]


@pytest.mark.parametrize("plain", SOME)
def test_there_and_back_through_a_plain_object(blank, plain):
    blank.evaluate("BX.view().set({ scale: 'row', picks: { cross: { layer: 5, head: 5 } }, step: 3 })")
    blank.evaluate("(plain) => BX.view().restore(JSON.parse(plain))", json.dumps(plain))
    assert public(blank) == {**AT_THE_START, **plain}
    assert blank.evaluate("BX.view().plain()") == plain
    copied = "BX.view().plain().selected !== BX.view().state.selected || BX.view().state.selected === null"
    assert blank.evaluate(copied), "a link's object is a copy"


@pytest.mark.parametrize(
    "hostile",
    [
        "null", "7", "[]", '"cross"',
        '{"run": "../../etc", "map": "ALL!", "layer": -1, "head": 1.5, "measure": "<b>", "unit": "letters"}',
        '{"run": 3, "layer": "2", "head": true, "rows": null, "scale": {}, "hideSpecial": 1, "step": -1}',
        '{"selected": {"line": "third", "words": [1]}, "compare": [], "step": 1e9}',
        '{"selected": {"line": "source"}, "compare": "run", "layer": 1e400}',
        '{"__proto__": {"map": "encoder_self"}, "constructor": 1}',
        '{"picks": {"cross": {"layer": 9}}, "wanted": "x"}',
    ],
)  # fmt: skip
def test_what_a_link_may_not_say_is_passed_over(blank, hostile):
    blank.evaluate("(text) => BX.view().restore(JSON.parse(text))", hostile)
    assert public(blank) == AT_THE_START
    assert blank.evaluate("[BX.view().state.wanted, {}.map]") == ["", None]


def test_of_a_selection_the_good_words_are_taken(blank):
    plain = {"selected": {"line": "output", "words": [3, 1, 3, -1, 0.5, "2", None, *range(10, 2000)]}}
    blank.evaluate("(plain) => BX.view().restore(plain)", plain)
    words = public(blank)["selected"]["words"]
    assert words[:3] == [1, 3, 10]
    assert len(words) <= 512
    blank.evaluate("BX.view().restore({ compare: { run: 'x', layer: -1, more: 1 } })")
    assert public(blank)["compare"] == {"run": "x"}


def test_leaving_a_tab_and_coming_back_loses_nothing(page):
    open_attention(page)
    choose(page, "Encoder self")
    drawn(page, lambda: page.locator(".bxa-heads select").nth(0).select_option("0"))
    drawn(page, lambda: page.locator(".bxa-heads select").nth(1).select_option("1"))
    page.locator(".bxa-tokens").nth(0).locator("button").nth(1).click()
    before = page.evaluate("BX.view().plain()")
    assert before["selected"] == {"line": "source", "words": [1]}
    told = page.inner_text(".bxa-told")
    page.get_by_role("tab", name="Generate").click()
    page.locator("select.bxm-layer").select_option(label="1")
    page.get_by_role("tab", name="Attention").click()
    page.wait_for_selector(".bxa-told", state="visible")
    page.wait_for_timeout(300)
    assert page.evaluate("BX.view().plain()") == before
    assert page.inner_text(".bxa-told") == told


def test_a_second_explorer_follows_the_first(page):
    """Widgets are factories over a state: another one on the page shows the same, and answers to it."""
    open_attention(page)
    choose(page, "Decoder self")
    page.evaluate(
        f"""() => {{
            const root = BX.el('div', {{ class: 'bxa', id: 'second' }});
            root.dataset.plotly = {BOX}.dataset.plotly;
            {BOX}.parentNode.append(root);
            const onValue = (fn) => {{ window.arrives = fn; }};
            BX.explorer(root, BX.view(), {{ value: () => window.given, onValue, send() {{}} }});
        }}"""
    )
    run = page.evaluate("BX.view().state.run")
    figure = page.evaluate(f"{BOX}.bxa.figure")
    given = {
        "runs": [{"id": run, "label": "the same"}], "run": run, "newest": run, "figure": figure, "note": "",
        "trace": page.evaluate(f"JSON.stringify({HOOK}.run.payload)"),
    }  # fmt: skip
    page.evaluate("(given) => { window.given = given; window.arrives(); }", given)
    page.wait_for_selector("#second[data-drawn]")
    second = "document.getElementById('second').bxa"
    assert page.evaluate(f"{second}.state.kind") == "decoder_self"
    assert page.evaluate(f"{second}.view.z") == page.evaluate(f"{HOOK}.view.z")
    drawn(page, lambda: page.locator("#second .bxa-heads select").nth(1).select_option(index=1))
    assert page.evaluate(f"{HOOK}.view.head") == 1
    assert page.evaluate(f"{second}.view.z") == page.evaluate(f"{HOOK}.view.z")
    page.locator(".bxa .bxa-tokens").nth(0).locator("button").nth(1).click()
    assert page.evaluate(f"{second}.selected") == page.evaluate(f"{HOOK}.selected")
