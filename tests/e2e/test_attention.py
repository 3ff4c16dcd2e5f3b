"""The Attention tab in a real browser: what it shows are the trace's own numbers, without asking again."""

from __future__ import annotations

import numpy as np
import pytest

from components.views.contract import read_run
from components.views.maps import attention_view
from tests.e2e.conftest import DESKTOP, PHONE

BOX = "document.querySelector('.bxa')"
HOOK = f"{BOX}.bxa"
CELL = f"""([r, c]) => {{
    const plot = {HOOK}.map.plot, box = plot.getBoundingClientRect();
    const {{xaxis, yaxis}} = plot._fullLayout;
    return [box.left + xaxis._offset + xaxis.d2p(c), box.top + yaxis._offset + yaxis.d2p(r)];
}}"""
REPEATED = "The cat sees the dog and the dog sees the cat."


def open_attention(page):
    page.get_by_role("tab", name="Attention").click()
    page.wait_for_selector(".bxa[data-drawn]")


def drawn(page, act):
    """Does something and waits until the map has been drawn after it."""
    before = page.evaluate(f"+{BOX}.dataset.drawn")
    act()
    page.wait_for_function(f"+{BOX}.dataset.drawn > {before}")


def choose(page, name):
    """Ticks one of the radio buttons by its text."""
    field = page.locator(".bxa-seg label", has_text=name).first
    drawn(page, lambda: field.click())


def write(page, text, word):
    """Runs a text and waits until it is written; ``word`` stands in it and not in the example."""
    page.fill("#bx-text textarea", text)
    page.click("#bx-run")
    page.wait_for_function(f"document.querySelector('.bxp-source').textContent.includes('{word}')")
    page.wait_for_function("document.querySelector('.bxp').dataset.state === 'finished'")


def same_as_python(page, **options):
    """The map on the page against Python's view of the very payload that the page holds."""
    state = page.evaluate(
        f"({{kind: {HOOK}.state.kind, layer: {HOOK}.view.layer, head: {HOOK}.view.head,"
        f" words: {HOOK}.state.words, by: {HOOK}.state.by, hide_special: {HOOK}.state.hideSpecial}})"
    )
    assert {key: state[key] for key in options} == options
    run = read_run(page.evaluate(f"JSON.stringify({HOOK}.run.payload)"))
    view = attention_view(run, state.pop("kind"), state.pop("layer"), state.pop("head"), **state)
    z = page.evaluate(f"{HOOK}.view.z")
    found = np.array([[np.nan if weight is None else weight for weight in row] for row in z])
    np.testing.assert_allclose(found, view.z, atol=1e-6)
    assert page.evaluate(f"{HOOK}.view.labels") == view.columns
    pairs = page.evaluate(f"{HOOK}.view.pairs.map((pair) => [pair.read, pair.wrote])")
    assert [tuple(pair) for pair in pairs] == view.rows
    assert page.evaluate(f"{HOOK}.view.hidden") == pytest.approx(view.hidden, abs=1e-5)
    return view


def test_every_kind_unit_and_pick_is_pythons(page):
    open_attention(page)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    view = same_as_python(page, kind="cross", words=True, by="wrote")
    np.testing.assert_allclose(view.z.sum(-1), 1, atol=4e-3)
    for kind in ("Decoder self", "Encoder self", "Cross"):
        choose(page, kind)
        same_as_python(page, words=True)
    choose(page, "pieces")
    choose(page, "piece read")
    same_as_python(page, kind="cross", words=False, by="read")
    for layer, head in (("0", "max"), ("mean", "0"), ("max", "mean")):
        drawn(page, lambda value=layer: page.locator(".bxa-heads select").nth(0).select_option(value))
        drawn(page, lambda value=head: page.locator(".bxa-heads select").nth(1).select_option(value))
        same_as_python(page, kind="cross", words=False)
    for scale in ("row", "map", "log", "fixed"):
        drawn(page, lambda value=scale: page.locator(".bxa-options select").select_option(value))
        z = page.evaluate(f"{HOOK}.map.plot.data[0].z")
        top = np.nanmax(np.array(z, dtype=float), axis=1)
        assert (top <= 1 + 1e-6).all()
        if scale == "row":
            np.testing.assert_allclose(top, 1, atol=1e-6)
    same_as_python(page)
    assert not asked, "changing the view must not ask the server"


def test_a_tile_of_the_overview_opens_in_the_map(page):
    open_attention(page)
    box = page.locator(".bxa-mosaic").bounding_box()
    x, y, width, height = page.evaluate(f"{HOOK}.mosaic.corner(0, 1)")
    before = page.evaluate("window.scrollY")
    at = (box["x"] + x + width / 2, box["y"] + y + height / 2)
    drawn(page, lambda: page.mouse.click(*at, delay=40))
    assert page.locator(".bxa-mosaic").get_attribute("data-chosen") == "0,1"
    assert "layer 1 head 2" in page.inner_text(".bxa-large h3")
    assert "raw" in page.inner_text(".bxa-large h3")
    same_as_python(page)
    page.locator(".bxa-mosaic").focus()
    drawn(page, lambda: page.keyboard.press("ArrowDown"))
    assert "layer 2 head 2" in page.inner_text(".bxa-large h3")
    assert page.evaluate("window.scrollY") == before, "the page must not move"


def test_repeated_words_stay_apart_and_the_new_run_is_chosen(page):
    write(page, REPEATED, "dog")
    page.get_by_role("button", name="Open in Attention").click()
    page.wait_for_selector(".bxa[data-drawn]")
    words = page.evaluate(f"{HOOK}.view.labels")
    assert words.count("the") >= 3
    ticks = page.evaluate(f"[...{HOOK}.map.plot.querySelectorAll('.xtick text')].map((t) => t.textContent)")
    assert ticks == words
    rows = page.evaluate(f"[...{HOOK}.map.plot.querySelectorAll('.ytick text')].map((t) => t.textContent)")
    assert rows[-1].endswith("</s>"), "the end token must be readable"
    assert rows[0].startswith("<s>")
    options = page.locator(".bxa-run option")
    assert options.count() >= 2
    drawn(page, lambda: page.locator(".bxa-run select").select_option(index=1))
    assert page.evaluate(f"{HOOK}.view.labels") != words


def test_hiding_special_tokens_tells_their_mass(page):
    open_attention(page)
    choose(page, "Decoder self")
    assert page.evaluate(f"{HOOK}.view.z[0][1]") is None, "what comes later is blank"
    drawn(page, lambda: page.get_by_label("hide special tokens").check())
    view = same_as_python(page, kind="decoder_self", hide_special=True)
    assert view.hidden > 0
    assert f"{max(1, round(100 * view.hidden))}" in page.inner_text(".bxa-note")
    assert "hidden" in page.inner_text(".bxa-note")
    kept = np.nansum(view.z, axis=-1).mean()
    assert kept + view.hidden == pytest.approx(1, abs=4e-3)
    assert "<s>" not in view.columns


def test_touching_words_tints_both_lines(page):
    open_attention(page)
    output = page.locator(".bxa-tokens").nth(1).locator("button")
    if page.locator(".bxa-saying button").is_visible():
        page.locator(".bxa-saying button").click()
    output.nth(2).click()
    assert output.nth(2).get_attribute("aria-pressed") == "true"
    told = page.inner_text(".bxa-told")
    assert told.startswith("Writing")
    assert "(cross, layer" in told
    weights = page.evaluate(f"{HOOK}.views.cross.z[1]")
    strongest = int(np.argmax(weights))
    source = page.locator(".bxa-tokens").nth(0).locator("button")
    assert f"{round(100 * weights[strongest])}" in source.nth(strongest).inner_text()
    output.nth(1).click()
    assert "(mean)" in page.inner_text(".bxa-told")
    source.nth(0).click()
    assert page.inner_text(".bxa-told").startswith("Reading")
    assert output.nth(2).get_attribute("aria-pressed") == "false"


def test_arrow_keys_walk_the_cells_and_speak(page):
    open_attention(page)
    page.get_by_role("button", name="clear").click()  # Enter on a word that is chosen would let go of it
    page.locator(".bxa-stage").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    spoken = page.inner_text(".bxa [aria-live]")
    weight, column = page.evaluate(f"[{HOOK}.view.z[1][1], {HOOK}.view.labels[1]]")
    wrote = page.evaluate(f"{HOOK}.view.pairs[1].wrote")
    assert spoken.startswith(f"writing {wrote}, ")
    assert spoken.endswith(f"at {column}")
    assert weight >= 0
    page.keyboard.press("Enter")
    assert wrote in page.inner_text(".bxa-told")


def test_hover_zoom_and_double_click(page):
    open_attention(page)
    page.mouse.move(*page.evaluate(CELL, [1, 1]))
    page.wait_for_selector(".bxa-map .bxa-tip:not([hidden])")
    assert "looks" in page.inner_text(".bxa-map .bxa-tip")
    selected = page.evaluate(f"{HOOK}.selected")
    start, end = page.evaluate(CELL, [1, 1]), page.evaluate(CELL, [4, 4])
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=6)
    page.mouse.up()
    width = f"{HOOK}.map.plot._fullLayout.xaxis.range[1] - {HOOK}.map.plot._fullLayout.xaxis.range[0]"
    page.wait_for_function(f"{width} < 4.5")
    page.mouse.dblclick(*page.evaluate(CELL, [2, 2]))
    page.wait_for_function(f"{width} > 5")
    assert page.evaluate(f"{HOOK}.selected") == selected, "a double click zooms out, it selects nothing"


def test_dark_and_light_redraw(page):
    open_attention(page)
    scale = f"{HOOK}.map.plot._fullData[0].colorscale[0][1]"
    dark = page.evaluate("document.body.classList.contains('dark')")
    first = page.evaluate(scale)
    drawn(page, lambda: page.evaluate("document.body.classList.toggle('dark')"))
    assert page.evaluate(scale) != first
    drawn(page, lambda: page.evaluate("document.body.classList.toggle('dark')"))
    assert page.evaluate("document.body.classList.contains('dark')") == dark
    assert page.evaluate(scale) == first


def test_on_a_phone_nothing_scrolls_sideways(page):
    page.set_viewport_size({"width": 390, "height": 844})
    open_attention(page)
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box = page.locator(".bxa-stage").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    size = page.evaluate(
        f"Math.min(...[...{BOX}.querySelectorAll('.xtick text, .ytick text')]"
        ".map((t) => parseFloat(getComputedStyle(t).fontSize)))"
    )
    assert size >= 11


def test_a_finger_chooses_words_and_cells(open_page):
    page = open_page(viewport=PHONE, has_touch=True, is_mobile=True)
    page.get_by_role("tab", name="Attention").tap()
    page.wait_for_selector(".bxa[data-drawn]")
    page.locator(".bxa-tokens").nth(0).locator("button").nth(1).tap()
    assert page.inner_text(".bxa-told").startswith("Reading")
    page.locator(".bxa-stage").scroll_into_view_if_needed()
    page.touchscreen.tap(*page.evaluate(CELL, [1, 1]))
    page.wait_for_selector(".bxa-map .bxa-tip:not([hidden])")
    assert page.inner_text(".bxa-told").startswith("Writing")
    small = page.evaluate(
        f"[...{BOX}.querySelectorAll('button, select, summary, .bxa-seg label')]"
        ".filter((node) => node.offsetParent && node.getBoundingClientRect().height < 40)"
        ".map((node) => node.textContent)"
    )
    assert not small, "too small for a finger"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_table_holds_what_the_map_shows(page):
    open_attention(page)
    page.get_by_text("the same as a table").click()
    rows = page.locator(".bxa-table tbody tr")
    rows.first.wait_for()
    assert rows.count() == page.evaluate(f"{HOOK}.view.z.length")
    weights = page.evaluate(f"{HOOK}.view.z[0]")
    labels = page.evaluate(f"{HOOK}.view.labels")
    assert labels[int(np.argmax(weights))] in rows.nth(0).inner_text()
    page.get_by_role("button", name="where it looked, not why").click()
    assert "not why" in page.inner_text(".bxa-honesty")


LONG = (
    "The old man who lives in the small house near the river told my brother that the weather would be "
    "bad tomorrow, that the train to the old town would be late, that nobody would sell any coffee at the "
    "station, and that it would be better to stay at home with a good book."
)


def test_a_long_map_scrolls_and_keeps_its_labels(page):
    page.locator(".bxp-pace button", has_text="as it comes").click()
    page.fill("#bx-text textarea", LONG)
    page.click("#bx-run")
    page.wait_for_function(
        "document.querySelector('.bxp').dataset.state === 'finished' && BX.player.flat.length > 40"
    )
    page.click(".bxp-open")
    page.wait_for_selector(".bxa[data-drawn]")
    page.wait_for_function(f"{HOOK}.view?.z.length > 40")
    page.wait_for_selector(".bxa-pan.y", state="visible")
    layout = f"{HOOK}.map.plot._fullLayout"
    rows = f"{layout}.yaxis.range.map(Math.round)"
    labels = f"{layout}.yaxis.ticktext.length"
    shown = page.evaluate(f"{layout}.yaxis.range[0] - {layout}.yaxis.range[1]")
    assert page.evaluate(labels) == round(shown) < page.evaluate(f"{HOOK}.view.z.length"), (
        "no label is left out"
    )
    page.evaluate("document.querySelector('.bxa-pan.y').scrollTop = 1e6")
    page.wait_for_function(f"Math.abs({layout}.yaxis.range[0] - {HOOK}.view.z.length + 0.5) < 0.1")
    assert page.evaluate(labels) == round(shown)
    page.evaluate("document.querySelector('.bxa-pan.y').scrollTop = 0")
    page.wait_for_function(f"{rows}[1] === 0 || {rows}[1] === -1 || Object.is({rows}[1], -0)")
    page.locator(".bxa-stage").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("PageDown")
    page.wait_for_function(f"{layout}.yaxis.range[0] > {HOOK}.view.z.length - 1")
    page.get_by_label("Show the whole map").click()
    page.wait_for_selector(".bxa-pan.y", state="hidden")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_long_source_shows_whole_lines(open_page, viewport):
    page = open_page(viewport=viewport)
    page.locator(".bxp-pace button", has_text="as it comes").click()
    write(page, "the old man and the big dog and " * 9 + "the elephant sleep.", "elephant")
    page.get_by_role("button", name="Open in Attention").click()
    page.wait_for_selector(".bxa[data-drawn]")
    box, words = page.evaluate(
        """() => { const box = document.querySelector('.bxa-tokens'), at = (node) => {
                const { top, bottom } = node.getBoundingClientRect(); return [top, bottom]; };
            box.scrollTop = 0;
            return [[...at(box), box.scrollHeight - box.clientHeight], [...box.children].map(at)]; }"""
    )
    top, bottom, hidden = box
    assert hidden > 0, "the line must be one that scrolls"
    assert not [word for word in words if word[0] < bottom - 0.5 and word[1] > bottom + 0.5]
    assert words[0][0] >= top
