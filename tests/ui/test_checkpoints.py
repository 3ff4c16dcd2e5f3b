"""The registry and the Checkpoints tab: what is there, what is said of it, what cannot be opened."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from components.api import generate_texts
from components.context import AppContext
from components.models.checkpoint import describe
from components.models.registry import Registry
from components.settings import Settings
from components.tabs import checkpoints as tab
from components.tabs import generate

SETTINGS = ("greedy", 4, 1.0, 50, 1.0, 12, 0)


def test_checkpoints_are_found_by_task(ctx):
    assert ctx.registry.tasks() == {"translate": "Translate", "split": "Split"}
    assert [c.name for c in ctx.registry.checkpoints("translate")] == ["translate-other", "translate-tiny"]
    assert ctx.registry.default("translate").name == "translate-tiny"


def test_german_to_english_is_a_task_of_its_own(checkpoints, tmp_path):
    """It stands beside `translate`, which stays the first task and keeps its checkpoint."""
    root = shutil.copytree(checkpoints, tmp_path / "all")
    folder = shutil.copytree(root / "translate-tiny", root / "back-tiny")
    profile = json.loads((folder / "profile.json").read_text())
    (folder / "profile.json").write_text(json.dumps({**profile, "task": "translate-de-en"}))
    ctx = AppContext(Settings(), Registry("cpu", "float32", root))
    assert list(ctx.registry.tasks().items())[:2] == [
        ("translate", "Translate"),
        ("translate-de-en", "German to English"),
    ]
    assert ctx.registry.default("translate").name == "translate-tiny"
    assert ctx.registry.default("translate-de-en").name == "back-tiny"
    facts, *_ = tab.on_show(ctx, "back-tiny")
    assert "German to English" in facts
    assert "sentence by sentence" in facts
    assert list(generate_texts(ctx, "the cat", "translate-de-en", None, SETTINGS))
    with pytest.raises(ValueError, match="not for the task 'translate-de-en'; choose one of back-tiny"):
        list(generate_texts(ctx, "the cat", "translate-de-en", "translate-tiny", SETTINGS))


def test_a_checkpoint_is_described_without_loading(ctx, model):
    tiny = ctx.registry.describe("translate-tiny")
    stored = {id(p): p.numel() for p in model.parameters()}
    assert tiny.parameters == sum(stored.values())
    assert tiny.label == "Tiny · 0.1\N{NO-BREAK SPACE}M parameters · 336\N{NO-BREAK SPACE}kB"
    assert tiny.card() == "# Tiny\n\nThe card."
    assert (tiny.longest_source, tiny.origin) == (24, "embedded in this page")


def test_a_checkpoint_is_loaded_once(ctx):
    first = ctx.registry.get("translate-tiny")
    assert ctx.registry.get("translate-tiny") is first
    assert not any(p.requires_grad for p in first.model.parameters())
    assert not first.model.training


@pytest.mark.parametrize("name", ["nothing", None, 3, "../translate-tiny"])
def test_an_unknown_checkpoint_names_those_that_are_there(ctx, name):
    with pytest.raises(ValueError, match="split-tiny, translate-other, translate-tiny"):
        ctx.registry.get(name)


def test_a_folder_is_opened_and_can_come_first(checkpoints, tmp_path):
    folder = shutil.copytree(checkpoints / "translate-tiny", tmp_path / "mine")
    registry = Registry("cpu", "float32", checkpoints)
    loaded = registry.open(folder, first=True)
    assert loaded.checkpoint.name == "mine"
    assert registry.default("translate").name == "mine"
    assert registry.open(folder).checkpoint.name == "mine"
    assert len(registry.checkpoints("translate")) == 3


def test_two_folders_of_one_name_stay_apart(checkpoints, tmp_path):
    registry = Registry("cpu", "float32", checkpoints)
    folder = shutil.copytree(checkpoints / "translate-tiny", tmp_path / "translate-tiny")
    assert registry.open(folder).checkpoint.name == "translate-tiny-2"


def test_a_folder_without_a_profile_opens_with_its_positions_as_limit(checkpoints, tmp_path):
    folder = shutil.copytree(checkpoints / "translate-tiny", tmp_path / "plain")
    (folder / "profile.json").unlink()
    checkpoint = describe(folder)
    assert (checkpoint.task, checkpoint.title, checkpoint.longest_source) == ("other", "plain", 96)


def spoil_config(folder):
    (folder / "config.json").write_text("{")


def spoil_weights(folder):
    (folder / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0notjson!")


def drop_weights(folder):
    (folder / "model.safetensors").unlink()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [(spoil_config, "JSON"), (spoil_weights, "cannot be loaded"), (drop_weights, "no weights")],
)
def test_a_broken_folder_is_refused_in_plain_words(checkpoints, tmp_path, spoil, words):
    folder = shutil.copytree(checkpoints / "translate-tiny", tmp_path / "broken")
    spoil(folder)
    registry = Registry("cpu", "float32", checkpoints)
    with pytest.raises(ValueError, match=words):
        registry.open(folder)
    assert len(registry.checkpoints()) == 3


def test_the_card_shows_facts_and_metrics(ctx):
    facts, card, *_ = tab.on_show(ctx, "translate-tiny")
    assert "Apache-2.0" in facts
    assert "<dt>test · greedy</dt><dd>BLEU 1.3 · chrF 20.0</dd>" in facts
    assert "<h3>Tiny</h3>" in card


def test_texts_of_files_are_escaped(ctx):
    evil = replace(ctx.registry.describe("translate-tiny"), title="<script>x</script>", licence="<b>")
    assert "<script>" not in tab.facts_html(evil)
    assert "&lt;b&gt;" in tab.facts_html(evil)


def test_opening_a_folder_reports_what_was_loaded(ctx, checkpoints, tmp_path):
    folder = shutil.copytree(checkpoints / "translate-tiny", tmp_path / "mine")
    picker, line, facts, _, button, fold, report = tab.on_open(ctx, f" {folder} ", "me")
    assert picker["value"] == "mine"
    assert "is open" in line
    assert str(folder) in facts
    assert button["interactive"]
    assert fold["visible"]
    assert "loaded from the files" in report


@pytest.mark.parametrize("folder", ["", None, 3, "x" * 2000, "a\0b", "/no/such/folder"])
def test_what_is_no_folder_is_refused(ctx, folder):
    with pytest.raises(ValueError, match=r"folder|path"):
        tab.on_open(ctx, folder)


def test_folders_stay_closed_where_they_are_not_allowed(checkpoints):
    closed = AppContext(Settings(allow_folders=False), Registry("cpu", "float32", checkpoints))
    with pytest.raises(ValueError, match="--allow-folders"):
        tab.on_open(closed, str(checkpoints / "translate-tiny"))


def test_what_a_visitor_opens_is_seen_by_that_visitor_alone(ctx, checkpoints, tmp_path):
    folder = shutil.copytree(checkpoints / "translate-tiny", tmp_path / "mine")
    tab.on_open(ctx, str(folder), "me")
    assert "mine" in [name for _, name in tab.choices(ctx, "me")]
    assert "mine" in [name for _, name in generate.picker_choices(ctx, "translate", "me")]
    for other in ("somebody", None):
        assert "mine" not in [name for _, name in tab.choices(ctx, other)]
        with pytest.raises(ValueError, match="unknown checkpoint 'mine'; choose one of split-tiny"):
            tab.on_show(ctx, "mine", other)
        (value,) = generate.on_run(ctx, "a", "translate", "mine", SETTINGS, other)
        assert "unknown checkpoint" in value["message"]


def test_one_folder_opened_by_two_is_one_model(ctx, checkpoints, tmp_path):
    folder = shutil.copytree(checkpoints / "translate-tiny", tmp_path / "mine")
    models = [ctx.registry.open(folder, session=session).model for session in ("me", "you")]
    assert models[0] is models[1]


def test_a_visitor_who_leaves_is_forgotten(ctx, checkpoints, tmp_path):
    folder = shutil.copytree(checkpoints / "translate-tiny", tmp_path / "mine")
    ctx.registry.open(folder, session="me")
    ctx.sessions.forget("me")
    assert len(ctx.registry.all("me")) == 3


def test_a_visitor_opens_so_many_at_most(ctx, checkpoints, tmp_path, monkeypatch):
    monkeypatch.setattr("components.session.OPENED", 2)
    for name in ("one", "two", "three"):
        ctx.registry.open(shutil.copytree(checkpoints / "translate-tiny", tmp_path / name), session="me")
    assert [c.name for c in ctx.registry.all("me")][3:] == ["two", "three"]


@pytest.mark.parametrize("place", ["all", "bases"])
def test_a_base_checkpoint_has_a_card_and_is_in_no_run_picker(checkpoints, tmp_path, model, place):
    """A base among the checkpoints, or in the folder of bases beside them."""
    root = shutil.copytree(checkpoints, tmp_path / "all")
    model.encoder.save_pretrained(str(tmp_path / place / "bert-tiny"))
    (tmp_path / place / "bert-tiny" / "README.md").write_text("# The base\n")
    ctx = AppContext(Settings(), Registry("cpu", "float32", root))
    assert ctx.registry.tasks() == {"translate": "Translate", "split": "Split"}
    assert "bert-tiny" not in [c.name for c in ctx.registry.checkpoints()]
    assert tab.choices(ctx)[-1][0].startswith("Base, to train from: bert-tiny")
    facts, card, button, fold, _ = tab.on_show(ctx, "bert-tiny")
    assert "a start for training" in facts
    assert "<h3>The base</h3>" in card
    assert not button["interactive"]
    assert not fold["visible"]
    for use in (tab.on_choose, tab.on_report):
        with pytest.raises(ValueError, match="warm-start an encoder-decoder from it"):
            use(ctx, "bert-tiny")


def test_the_load_report_loads_what_is_not_in_memory(ctx):
    assert tab.on_show(ctx, "split-tiny")[4] == ""
    report = tab.on_report(ctx, "split-tiny")
    assert "loaded from the files" in report
    assert "decoder.bert.encoder.layer.2.crossattention.self.query.weight" in report
    assert 'class="bx-find"' in report
    assert tab.on_show(ctx, "split-tiny")[4] == report
