"""The Generate tab as a person uses it."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import DESKTOP, PHONE

PLAYER = "document.querySelector('.bxp').dataset"
LONG = "I would like a cup of coffee, please, because the train to the old town leaves in twenty minutes."


def state(page) -> str:
    return page.evaluate(f"{PLAYER}.state")


def shown(page) -> int:
    return page.evaluate(f"+{PLAYER}.shown")


def wait_for_state(page, name: str) -> None:
    page.wait_for_function(f"{PLAYER}.state === '{name}'")


def output_text(page) -> str:
    """The output as it reads: words and the gaps between them, without numbers and special tokens."""
    return page.evaluate(
        """() => [...document.querySelectorAll('.bxp-output .bxp-word')].map((word) =>
            [...word.querySelectorAll('.bxp-t:not(.special) .bxp-x')].map((x) => x.textContent).join('')
        ).filter(Boolean).join(' ')"""
    )


def run(page, text: str) -> None:
    page.fill("#bx-text textarea", text)
    page.click("#bx-run")


def set_mode(page, mode: str) -> None:
    if not page.locator("#bx-mode").is_visible():
        page.click("#bx-decoding > button")
    page.locator("#bx-mode label", has_text=mode).click()
    page.wait_for_function(
        "(mode) => document.querySelector('#bx-decoding').textContent.toLowerCase().includes(mode)",
        arg={"Greedy": "decoding: greedy", "Sample": "decoding: sampling", "Beam search": "decoding: beam"}[
            mode
        ],
    )


def no_sideways_scroll(page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_opens_on_a_finished_example(page):
    assert state(page) == "finished"
    total = page.evaluate(f"+{PLAYER}.total")
    assert shown(page) == total > 2
    assert page.evaluate("+document.querySelector('.bxm').dataset.rows") == total
    assert "tokens/s" in page.inner_text(".bxp-stats")
    assert "first after" in page.inner_text(".bxp-stats")
    assert "cpu" in page.inner_text(".bxp-stats")
    assert page.inner_text(".bxp-status").startswith("Finished")
    assert page.locator("#bx-stop").is_hidden()


def test_tokens_and_rows_arrive_one_by_one(page):
    run(page, LONG)
    page.wait_for_function(f"{PLAYER}.state === 'streaming' && +{PLAYER}.shown >= 2")
    seen, rows = page.evaluate(
        f"[+{PLAYER}.shown, +document.querySelector('.bxm').dataset.rows]",
    )
    assert seen == rows
    assert page.locator("#bx-stop").is_visible()
    assert page.locator("#bx-run").is_hidden()
    wait_for_state(page, "finished")
    assert seen < shown(page) == page.evaluate("+document.querySelector('.bxm').dataset.rows")
    assert page.locator("#bx-run").is_visible()
    text = output_text(page)
    assert text
    assert "  " not in text
    assert "▁" not in text


def test_stop_keeps_what_was_written(page):
    run(page, LONG)
    page.wait_for_function(f"{PLAYER}.state === 'streaming' && +{PLAYER}.shown >= 2")
    page.keyboard.press("Escape")
    wait_for_state(page, "stopped")
    kept = shown(page)
    assert page.inner_text(".bxp-status").startswith(f"Stopped after {kept} token")
    page.wait_for_timeout(600)
    assert shown(page) == kept
    assert page.locator("#bx-run").is_visible()


def test_play_on_after_a_stop(page):
    run(page, LONG)
    page.wait_for_function(f"{PLAYER}.state === 'streaming' && +{PLAYER}.shown >= 2")
    page.click("#bx-stop")
    wait_for_state(page, "stopped")
    page.click(".bxp-play")
    wait_for_state(page, "finished")
    assert shown(page) == page.evaluate(f"+{PLAYER}.total")


def test_beam_search_plays_its_winner(page):
    set_mode(page, "Beam search")
    run(page, "The weather is nice today.")
    page.wait_for_function(f"['streaming', 'drafting'].includes({PLAYER}.state)")
    wait_for_state(page, "finished")
    assert output_text(page)
    assert page.evaluate("+document.querySelector('.bxm').dataset.rows") == shown(page)


def test_settings_without_effect_are_greyed_with_why(page):
    page.click("#bx-decoding > button")
    beams, seed = page.locator("#bx-beams input[type=range]"), page.locator("#bx-seed input")
    assert beams.is_disabled()
    assert seed.is_disabled()
    assert "only beam search uses it" in page.inner_text("#bx-beams")
    set_mode(page, "Beam search")
    page.wait_for_function("!document.querySelector('#bx-beams input[type=range]').disabled")
    assert "1 is greedy" in page.inner_text("#bx-beams")
    set_mode(page, "Sample")
    page.wait_for_function("!document.querySelector('#bx-seed input').disabled")
    page.wait_for_function("document.querySelector('#bx-beams input[type=range]').disabled")


def test_step_by_step_with_the_space_bar_and_the_scrubber(page):
    page.locator(".bxp-pace button", has_text="step by step").click()
    run(page, "The weather is nice today.")
    page.wait_for_function(f"{PLAYER}.state === 'paused' && +{PLAYER}.shown === 1")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Space")
    page.wait_for_function(f"+{PLAYER}.shown === 2")
    page.click(".bxp-play")
    page.wait_for_function(f"+{PLAYER}.shown === 3")
    page.locator(".bxp-scrub").fill("1")
    page.wait_for_function(f"+{PLAYER}.shown === 1")
    page.locator(".bxp-scrub").focus()
    page.keyboard.press("End")
    wait_for_state(page, "finished")


def test_as_it_comes_shows_everything_at_once(page):
    page.locator(".bxp-pace button", has_text="as it comes").click()
    run(page, "The weather is nice today.")
    wait_for_state(page, "finished")
    assert shown(page) == page.evaluate(f"+{PLAYER}.total")


def test_touching_an_output_token_lights_the_source(page):
    page.locator(".bxp-output .bxp-t").first.hover()
    alternatives = page.locator(".bxp-alts li")
    assert alternatives.count() >= 10
    assert page.inner_text(".bxp-step") == "token 1"
    assert page.locator(".bxp-source .bxp-t.weighed").count() == page.locator(".bxp-source .bxp-t").count()
    page.locator(".bxp-source .bxp-t").nth(1).hover()
    assert page.locator(".bxp-output .bxp-t.weighed").count() == shown(page)
    assert "is looked at most" in page.inner_text(".bxm-say")


def test_arrow_keys_walk_the_map(page):
    page.locator(".bxm-canvas").focus()
    page.keyboard.press("ArrowDown")
    first = page.inner_text(".bxm-say")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("(old) => document.querySelector('.bxm-say').innerText !== old", arg=first)
    assert "looks" in page.inner_text(".bxm-say")


def until_quiet(page, asked):
    """Waits until the page's own first requests are over, and forgets them."""
    while True:
        before = len(asked)
        page.wait_for_timeout(400)
        if len(asked) == before:
            asked.clear()
            return


def test_layer_and_head_change_the_map_without_the_server(page):
    asked = []
    page.on("request", lambda outgoing: asked.append(outgoing.url))
    until_quiet(page, asked)
    picture = "document.querySelector('.bxm-canvas').toDataURL()"
    before = page.evaluate(picture)
    page.locator("select.bxm-layer").select_option(label="1")
    page.locator("select.bxm-head").select_option(label="2")
    page.wait_for_function(f"(old) => {picture} !== old", arg=before)
    assert "layer 1 head 2" in page.inner_text(".bxm-say")
    assert not asked


def test_an_example_fills_the_text_and_runs(page):
    before = "getComputedStyle(document.querySelector('#bx-examples > .gallery'), '::before').content"
    assert page.evaluate(before) == '"examples"'
    chip = page.locator("#bx-examples button").last
    chip.click()
    page.wait_for_function(f"['streaming', 'finished'].includes({PLAYER}.state) && +{PLAYER}.shown >= 1")
    wait_for_state(page, "finished")
    start = page.inner_text("#bx-examples button:last-of-type").removesuffix(" …")
    assert page.input_value("#bx-text textarea").startswith(start)


def test_empty_text_gets_a_friendly_line(page):
    before = output_text(page)
    run(page, "   ")
    wait_for_state(page, "idle")
    assert "Write a sentence first" in page.inner_text("#bx-said")
    assert output_text(page) == before


def test_a_text_that_is_too_long_is_an_error_line_and_kept(page):
    run(page, "word " * 1100)
    wait_for_state(page, "error")
    assert "5,000" in page.inner_text("#bx-said")
    assert len(page.input_value("#bx-text textarea")) == 5500


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_refusal_is_seen_where_run_was_pressed_and_spoken_once(open_page, viewport):
    page = open_page(viewport=viewport)
    page.click("#bx-decoding > button")
    page.wait_for_selector("#bx-mode", state="visible")
    run(page, "   ")
    wait_for_state(page, "idle")
    pressed, said = (page.locator(name).bounding_box() for name in ("#bx-run", "#bx-said"))
    assert pressed["y"] + pressed["height"] <= said["y"] < said["y"] + said["height"] <= viewport["height"]
    spoken = page.evaluate(
        """() => [...document.querySelectorAll('[aria-live]')]
            .filter((node) => node.textContent.includes('Write a sentence first')).length"""
    )
    assert spoken == 1
    # The next run takes the message away.
    run(page, "The weather is nice today.")
    page.wait_for_function(f"{PLAYER}.state === 'finished'")
    assert page.locator("#bx-said").is_hidden()


def test_a_refused_run_is_not_given_the_warning_of_the_run_before(page):
    page.locator(".bxp-pace button", has_text="as it comes").click()
    run(page, "The weather is nice today. " * 25)
    wait_for_state(page, "finished")
    assert page.locator(".bxp-notes").is_visible()
    run(page, "word " * 1100)
    wait_for_state(page, "error")
    assert page.locator(".bxp-notes").is_hidden()
    assert "the run before" in page.inner_text(".bxp-status")
    assert page.evaluate("+getComputedStyle(document.querySelector('.bxp-output')).opacity") < 1


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_all_alternatives_are_seen(open_page, viewport):
    page = open_page(viewport=viewport)
    cut = page.evaluate(
        """() => { const list = document.querySelector('.bxp-alts');
            const bottom = (node) => node.getBoundingClientRect().bottom;
            return [...list.children].filter((item) => bottom(item) > bottom(list) + 0.5).length;
        }"""
    )
    assert page.locator(".bxp-alts li").count() >= 10
    assert cut == 0


def test_the_map_of_a_long_text_shows_what_the_row_looked_at(page):
    page.locator(".bxp-pace button", has_text="as it comes").click()
    page.locator(".bxp-output .bxp-t").first.wait_for()
    run(page, f"{LONG[:-1]}, and my brother waits there with two heavy bags and an old umbrella.")
    page.wait_for_function("document.querySelector('.bxp-source').textContent.includes('umbrella')")
    wait_for_state(page, "finished")
    # Walked to its last row, the map shows the brightest column of that row.
    page.locator(".bxp-scrub").focus()
    for key in ("Home", "End"):
        page.keyboard.press(key)
    page.wait_for_function(
        """() => {
            const { scroll, size, picture, rows } = document.querySelector('.bxm').bxm;
            const row = picture.rows.at(-1);
            const column = row.indexOf(Math.max(...row)) * size.cw;
            const from = scroll.scrollLeft, to = from + scroll.clientWidth - rows.offsetWidth;
            return scroll.scrollWidth > scroll.clientWidth && column >= from - 10 && column + size.cw <= to;
        }"""
    )


def test_a_long_text_is_run_by_sentences(page):
    page.locator(".bxp-pace button", has_text="as it comes").click()
    run(page, "The weather is nice today. " * 25)
    page.wait_for_function(f"{PLAYER}.state === 'finished' && !document.querySelector('.bxp-notes').hidden")
    assert "sentence by sentence" in page.inner_text(".bxp-notes")
    page.locator(".bxm-parts button").nth(1).click()
    assert page.locator(".bxm-parts button").nth(1).get_attribute("aria-pressed") == "true"


def test_open_in_attention_shows_that_run(page):
    page.locator(".bxp-pace button", has_text="as it comes").click()
    run(page, "The weather is nice today.")
    wait_for_state(page, "finished")
    run_id = page.evaluate("BX.player.value.segments[0].run")
    page.click(".bxp-open")
    page.wait_for_function("(id) => document.querySelector('.bxa')?.dataset.run === id", arg=run_id)


def test_checkpoints_tab_describes_and_chooses(page):
    page.get_by_role("tab", name="Checkpoints").click()
    page.wait_for_selector("#bx-facts dl")
    assert "Parameters" in page.inner_text("#bx-facts")
    assert "Licence" in page.inner_text("#bx-facts")
    page.click("#bx-choose")
    page.wait_for_selector("#bx-text", state="visible")


def test_opening_a_missing_folder_says_so(page):
    page.get_by_role("tab", name="Checkpoints").click()
    page.fill("#bx-folder input, #bx-folder textarea", "/no/such/folder")
    page.click("#bx-open")
    page.wait_for_selector("text=is not a folder")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_looks(open_page, theme, viewport):
    page = open_page(viewport=viewport, theme=theme)
    assert no_sideways_scroll(page)
    assert page.evaluate("document.body.classList.contains('dark')") == (theme == "dark")
    page.click("#bx-decoding > button")
    assert no_sideways_scroll(page)
    for tab in ("Attention", "Checkpoints"):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(300)
        assert no_sideways_scroll(page)
    page.get_by_role("tab", name="Generate").click()


def test_phone_targets_are_large_enough_to_touch(open_page):
    page = open_page(viewport=PHONE, has_touch=True)
    sizes = page.evaluate(
        """() => [...document.querySelectorAll('.bxp button, .bxm select, #bx-actions button, [role=tab]')]
            .filter((node) => node.offsetParent && getComputedStyle(node).visibility === 'visible')
            .map((node) => [node.className || node.id, node.getBoundingClientRect().height])"""
    )
    assert not [(name, height) for name, height in sizes if height and height < 40]


def test_the_toggle_turns_the_page_dark(page):
    page.click(".bx-theme")
    page.wait_for_function("document.body.classList.contains('dark')")
    page.click(".bx-theme")
    page.wait_for_function("!document.body.classList.contains('dark')")
