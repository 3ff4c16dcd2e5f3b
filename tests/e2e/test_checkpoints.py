"""The Checkpoints tab as a person uses it: opening folders and Hub repositories, reports, refusals."""

from __future__ import annotations

import json
import shutil

import pytest
from safetensors.torch import load_file, save_file

from tests.e2e.test_generate import no_sideways_scroll, output_text, state, wait_for_state
from tests.ui.conftest import save_checkpoint

PAIR = ("The cat is asleep.", "The dog is awake.")


@pytest.fixture(scope="session")
def fuser(tmp_path_factory, model, tokenizer):
    """A checkpoint for fusing."""
    folder = tmp_path_factory.mktemp("fuser") / "fuse-tiny"
    folder.mkdir()
    profile = {"task": "fuse", "title": "Fuser", "examples": [" ".join(PAIR)], "longest_source": 90}
    return save_checkpoint(folder, model, tokenizer, **profile)


def open_tab(page) -> None:
    page.get_by_role("tab", name="Checkpoints").click()
    page.wait_for_selector("#bx-facts dl")


def open_folder(page, folder) -> None:
    open_tab(page)
    page.fill("#bx-folder input, #bx-folder textarea", str(folder))
    page.click("#bx-open")


def look_up(page, name) -> None:
    open_tab(page)
    page.fill("#bx-hub-id input, #bx-hub-id textarea", name)
    page.click("#bx-hub-look")


def cards(page) -> list[str]:
    return page.locator("#bx-cards label").all_inner_texts()


def test_a_hub_repository_is_sized_confirmed_watched_cancelled_and_opened(page, small_hub, fuser):
    small_hub.add("owner/fuser", fuser)
    small_hub.bytes_per_second, small_hub.sent = 60_000, 0
    look_up(page, "owner/fuser")
    page.wait_for_selector("#bx-hub-confirm", state="visible")
    assert "349\N{NO-BREAK SPACE}kB" in page.inner_text("#bx-hub-line")
    assert small_hub.sent < 10_000  # config.json alone, which says whether the page can run it
    before = cards(page)
    page.click("#bx-hub-confirm")
    page.wait_for_function("+document.querySelector('#bx-hub-line .bx-bar')?.ariaValueNow >= 20")
    assert page.locator("#bx-hub-confirm").is_hidden()
    page.click("#bx-hub-cancel")
    page.wait_for_selector("#bx-hub-line >> text=Cancelled at")
    assert cards(page) == before
    small_hub.bytes_per_second = None
    page.click("#bx-hub-confirm")
    page.wait_for_selector("#bx-hub-line >> text=is open")
    assert any("Fuser" in card for card in cards(page))
    assert "on the Hugging Face Hub" in page.inner_text("#bx-facts")
    assert no_sideways_scroll(page)


def test_what_was_opened_is_there_after_a_reload_and_gone_for_others(page, open_page, fuser):
    open_folder(page, fuser)
    page.wait_for_selector("#bx-opened >> text=is open")
    page.wait_for_function("(localStorage.getItem('bx-opened') || '').length > 20")
    page.reload()
    page.wait_for_function("+document.querySelector('.bxp')?.dataset.total > 0")
    page.wait_for_selector("#bx-task label >> text=Fuse")
    open_tab(page)
    assert any("Fuser" in card for card in cards(page))
    page.locator("#bx-cards label", has_text="Fuser").click()
    page.wait_for_selector("#bx-facts >> text=Fuser")
    other = open_page()
    open_tab(other)
    assert not any("Fuser" in card for card in cards(other))


def test_what_the_hub_does_not_have_is_said_with_the_next_move(page, small_hub):
    look_up(page, "owner/nothing")
    page.wait_for_selector("#bx-hub-line .bx-refused")
    assert "shows no repository owner/nothing" in page.inner_text("#bx-hub-line")
    assert "Next: " in page.inner_text("#bx-hub-line")
    assert page.locator("#bx-hub-confirm").is_hidden()


def test_the_token_field_hides_what_is_typed(page):
    open_tab(page)
    page.click("#bx-hub-more > button")
    field = page.locator("#bx-hub-token input")
    field.fill("hf_secret")
    assert field.get_attribute("type") == "password"


def test_fusing_has_two_boxes_and_its_examples_fill_both(page, fuser):
    open_folder(page, fuser)
    page.wait_for_selector("#bx-opened >> text=is open")
    page.click("#bx-choose")
    page.wait_for_selector("#bx-second", state="visible")
    page.wait_for_function("document.querySelector('#bx-second textarea').value !== ''")
    boxes = [page.input_value(f"{box} textarea") for box in ("#bx-text", "#bx-second")]
    assert boxes == list(PAIR)
    page.locator(".bxp-pace button", has_text="as it comes").click()
    page.fill("#bx-second textarea", "")
    page.click("#bx-run")
    wait_for_state(page, "idle")
    assert "two sentences" in page.inner_text("#bx-said")
    page.locator("#bx-examples button").first.click()
    page.wait_for_function("document.querySelector('#bx-second textarea').value !== ''")
    wait_for_state(page, "finished")
    head = json.loads(page.evaluate("BX.player.value.segments[0].head"))
    source = "".join(token["piece"] for token in head["source"]["tokens"]).replace("▁", " ").strip()
    assert source == " ".join(PAIR)
    page.locator("#bx-task label", has_text="Translate").click()
    page.wait_for_selector("#bx-second", state="hidden")


def test_a_task_appears_as_soon_as_there_is_a_checkpoint_for_it_for_this_visitor(
    page, open_page, fuser, tmp_path
):
    folder = shutil.copytree(fuser, tmp_path / "untold")
    (folder / "profile.json").unlink()  # without it nobody knows what it was trained for
    assert page.locator("#bx-task label", has_text="Other").count() == 0
    open_folder(page, folder)
    page.wait_for_selector("#bx-opened >> text=is open")
    page.get_by_role("tab", name="Generate").click()
    page.wait_for_selector("#bx-task label:has-text('Other')")
    other = open_page()
    assert other.locator("#bx-task label", has_text="Other").count() == 0
    open_tab(other)
    assert not any("untold" in card for card in cards(other))


def test_a_hostile_card_shows_words_and_nothing_else(page, fuser, tmp_path):
    folder = shutil.copytree(fuser, tmp_path / "hostile")
    card = """# Honest title

<svg><a href="javascript:document.title='taken'"><text y="20">press</text></a></svg>
![a picture](https://elsewhere.example/track.png) <img src=x onerror="document.title='taken'">
<form action="https://elsewhere.example"><input name=password></form>
[press](javascript:document.title='taken') ${document.title = 'taken'} {{document.title}}
[a page](https://elsewhere.example/page)
"""
    (folder / "README.md").write_text(card)
    title = page.title()
    open_folder(page, folder)
    page.wait_for_selector("#bx-card-text >> text=Honest title")
    shown = page.locator("#bx-card-text .bx-card-body")
    assert shown.locator("svg, img, picture, form, input, script, iframe, [onerror], [style]").count() == 0
    links = shown.locator("a").evaluate_all("all => all.map((link) => [link.href, link.rel])")
    assert links == [["https://elsewhere.example/page", "noopener noreferrer nofollow"]]
    for text in ("<svg>", "[picture: a picture]", "<form action=", "${document.title", "{{document.title}}"):
        assert text in shown.inner_text()
    assert page.title() == title


def test_the_load_report_opens_and_is_searched(page):
    open_tab(page)
    page.click("#bx-report-fold > button")
    page.wait_for_selector("#bx-report .bx-what")
    assert "loaded from the files" in page.inner_text("#bx-report")
    page.fill("#bx-report .bx-find", "layer.0.crossattention.self.query")
    page.wait_for_function("document.querySelectorAll('#bx-report li:not([hidden])').length === 2")
    page.fill("#bx-report .bx-find", "no such weight")
    page.wait_for_function("!document.querySelector('#bx-report .bx-what:not([hidden])')")


def test_a_folder_that_cannot_be_used_says_why_and_changes_nothing(page, fuser, tmp_path):
    folder = shutil.copytree(fuser, tmp_path / "broken")
    (folder / "spiece.model").unlink()
    open_tab(page)
    before = cards(page)
    open_folder(page, folder)
    page.wait_for_selector("#bx-opened .bx-refused")
    assert "holds no tokenizer" in page.inner_text("#bx-opened")
    assert "tokenizer.save_pretrained(folder)" in page.inner_text("#bx-opened")
    assert cards(page) == before


def test_an_untrained_cross_attention_is_said_with_the_run_and_beside_its_maps(page, fuser, tmp_path):
    folder = shutil.copytree(fuser, tmp_path / "untrained")
    weights = load_file(folder / "model.safetensors")
    kept = {key: value for key, value in weights.items() if "crossattention" not in key}
    (folder / "model.safetensors").unlink()
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    open_folder(page, folder)
    page.wait_for_selector("#bx-opened .bx-warning")
    page.wait_for_selector("#bx-report .bx-advice")
    page.click("#bx-choose")
    page.wait_for_selector("#bx-second", state="visible")
    page.locator(".bxp-pace button", has_text="as it comes").click()
    page.click("#bx-run")
    page.wait_for_function("BX.player.value.stats.model === 'Fuser'")
    wait_for_state(page, "finished")
    assert "maps are noise" in page.inner_text(".bxp-notes")
    page.click(".bxp-open")
    page.wait_for_selector(".bxa-warning", state="visible")
    assert "maps are noise" in page.inner_text(".bxa-warning")


def test_the_example_has_no_warning(page):
    page.get_by_role("tab", name="Attention").click()
    page.wait_for_selector(".bxa-map")
    assert page.locator(".bxa-warning").is_hidden()
    assert state(page) == "finished"
    assert output_text(page)
