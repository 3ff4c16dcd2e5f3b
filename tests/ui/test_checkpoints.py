"""The registry and the Checkpoints tab: what is there, what is said of it, what cannot be opened."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from components.context import AppContext
from components.registry import Registry, describe
from components.settings import Settings
from components.tabs import checkpoints as tab


def test_checkpoints_are_found_by_task(ctx):
    assert ctx.registry.tasks() == {"translate": "Translate", "split": "Split"}
    assert [c.name for c in ctx.registry.checkpoints("translate")] == ["translate-other", "translate-tiny"]
    assert ctx.registry.default("translate").name == "translate-tiny"


def test_a_checkpoint_is_described_without_loading(ctx, model):
    tiny = ctx.registry.describe("translate-tiny")
    stored = {id(p): p.numel() for p in model.parameters()}
    assert tiny.parameters == sum(stored.values())
    assert "MB" in tiny.label
    assert tiny.card() == "# Tiny\n\nThe card."
    assert (tiny.longest_source, tiny.embedded) == (24, True)


def test_a_checkpoint_is_loaded_once(ctx):
    first = ctx.registry.get("translate-tiny")
    assert ctx.registry.get("translate-tiny") is first
    assert not any(p.requires_grad for p in first.model.parameters())
    assert not first.model.training


def test_few_checkpoints_stay_in_memory(ctx, monkeypatch):
    monkeypatch.setattr("components.registry.LOADED_AT_ONCE", 1)
    first = ctx.registry.get("translate-tiny")
    ctx.registry.get("split-tiny")
    assert ctx.registry.get("translate-tiny") is not first


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
    facts, card = tab.on_show(ctx, "translate-tiny")
    assert "Apache-2.0" in facts
    assert "test · greedy · BLEU" in facts
    assert ">1.2<" in facts
    assert card.startswith("# Tiny")


def test_texts_of_files_are_escaped(ctx):
    evil = replace(ctx.registry.describe("translate-tiny"), title="<script>x</script>", licence="<b>")
    assert "<script>" not in tab.facts_html(evil)
    assert "&lt;b&gt;" in tab.facts_html(evil)


def test_opening_a_folder_reports_what_was_loaded(ctx, checkpoints, tmp_path):
    folder = shutil.copytree(checkpoints / "translate-tiny", tmp_path / "mine")
    picker, report, facts, _ = tab.on_open(ctx, f" {folder} ")
    assert picker["value"] == "mine"
    assert "is open" in report
    assert str(folder) in facts


@pytest.mark.parametrize("folder", ["", None, 3, "x" * 2000, "a\0b", "/no/such/folder"])
def test_what_is_no_folder_is_refused(ctx, folder):
    with pytest.raises(ValueError, match=r"folder|path"):
        tab.on_open(ctx, folder)


def test_folders_stay_closed_where_they_are_not_allowed(checkpoints):
    closed = AppContext(Settings(allow_folders=False), Registry("cpu", "float32", checkpoints))
    with pytest.raises(ValueError, match="--allow-folders"):
        tab.on_open(closed, str(checkpoints / "translate-tiny"))
