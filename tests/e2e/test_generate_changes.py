"""What changes in Generate while something stands there: tasks, settings, texts in other letters."""

from __future__ import annotations

from tests.e2e.test_generate import run, set_mode, wait_for_state

LINE = "[...document.querySelectorAll('.bxp-{} .bxp-x')].map((x) => x.textContent)"


def choose_task(page, name: str) -> None:
    page.locator("#bx-task label", has_text=name).click()


def test_a_run_of_another_task_says_so(page):
    wait_for_state(page, "finished")
    assert page.inner_text(".bxp-stats").startswith("English to German · greedy · ")
    choose_task(page, "Split")
    page.wait_for_function("document.querySelector('.bxp').hasAttribute('data-older')")
    assert page.inner_text(".bxp-status").startswith("Written before, by “English to German”.")
    page.click("#bx-run")
    page.wait_for_function("!document.querySelector('.bxp').hasAttribute('data-older')")
    wait_for_state(page, "finished")
    assert page.inner_text(".bxp-stats").startswith("Split")


def test_own_words_stay_when_a_checkpoint_is_chosen(page):
    page.fill("#bx-text textarea", "a cat of my own")
    page.get_by_role("tab", name="Checkpoints").click()
    page.click("#bx-choose")
    page.locator("#bx-run").wait_for()
    assert page.input_value("#bx-text textarea") == "a cat of my own"


def test_the_title_of_the_settings_follows_the_keyboard(page):
    set_mode(page, "Beam search")
    page.locator("#bx-beams input[type=range]").press("ArrowRight")
    page.wait_for_function("document.querySelector('#bx-decoding').textContent.includes('5 beams')")


def test_letters_made_of_bytes_are_shown_as_letters(page):
    run(page, "a ق cat 日")
    wait_for_state(page, "finished")
    shown = page.evaluate(LINE.format("source"))
    assert "ق" in shown
    assert "日" in shown
    assert not [text for text in shown if text.startswith("x")]
    assert page.get_attribute(".bxp-source", "dir") == "rtl"
