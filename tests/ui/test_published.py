"""The published checkpoints: listed with their sources, and opened as they want to be."""

from __future__ import annotations

import json
import shutil
from html import escape
from types import SimpleNamespace

import pytest

from bertgen.checkpoints.published import PUBLISHED
from components.models.published_view import SOURCES, published_html
from components.tabs import checkpoints, generate, hub

WIKISPLIT = "google/roberta2roberta_L-24_wikisplit"
SETTINGS = ("greedy", 4, 1.0, 50, 1.0, 6, 0)


@pytest.fixture
def published(ctx, hub, checkpoints, tmp_path):
    """Small copies at the published ids, without what their repositories do not hold."""
    folder = shutil.copytree(checkpoints / "split-tiny", tmp_path / "published")
    for name in ("profile.json", "README.md"):
        (folder / name).unlink()
    hub.add(WIKISPLIT, folder)
    return hub


def open_one(ctx, name=WIKISPLIT):
    hub.on_look(ctx, name, "", "", "me")
    return list(hub.on_confirm(ctx, "", "me"))[-1]


def test_each_is_listed_with_task_size_and_sources():
    page = published_html()
    for name, checkpoint in PUBLISHED.items():
        assert f'data-hub="{name}"' in page
        assert escape(checkpoint.title) in page
    assert page.count("Look it up") == len(PUBLISHED) == 8
    assert "1.82\N{NO-BREAK SPACE}GB" in page
    assert {known.source for c in PUBLISHED.values() for known in (c.task, c.generation)} <= set(SOURCES)


def test_a_pick_fills_the_id_and_nothing_else_does():
    def pick(data):
        return hub.on_pick(SimpleNamespace(_data=data))

    assert pick({"id": WIKISPLIT}) == WIKISPLIT
    for data in (None, {}, {"id": "<b>"}, {"id": ["x"]}, "x"):
        assert pick(data) != WIKISPLIT
        assert not isinstance(pick(data), str)


def test_it_opens_with_its_task_title_example_and_prepared_input(ctx, published):
    line, *_, picker, facts, _, _, _, _ = open_one(ctx)
    assert "is open" in line
    assert picker["value"] == WIKISPLIT
    assert "One long sentence to two (WikiSplit)" in facts
    checkpoint = ctx.registry.describe(WIKISPLIT, "me")
    assert (checkpoint.task, checkpoint.longest_target) == ("split", 128)
    assert checkpoint.examples[0][0].startswith("Due to the hurricane")
    run = list(generate.on_run(ctx, 'The "cat"', "split", WIKISPLIT, SETTINGS, "me"))[-1]
    assert any("it is given: <s>The ''cat''</s>" in note for note in run["notes"])
    source = json.loads(run["segments"][0]["head"])["source"]["tokens"]
    assert source[0]["piece"] == "<s>"
    assert source[-1]["piece"] == "</s>"


def test_others_read_the_text_as_it_is(ctx):
    run = list(generate.on_run(ctx, 'The "cat"', "split", "split-tiny", SETTINGS, "me"))[-1]
    assert not any("it is given" in note for note in run["notes"])


def test_tokens_that_its_files_leave_out_are_filled_in(ctx, published):
    files = dict(published.files(WIKISPLIT))
    for name in ("config.json", "generation_config.json"):
        data = json.loads(files[name])
        data.update(decoder_start_token_id=None, bos_token_id=None)
        files[name] = json.dumps(data).encode()
    published.add(WIKISPLIT, files)
    assert "is open" in open_one(ctx)[0]
    published.add("owner/same", files)
    assert "the token that the decoder starts with" in open_one(ctx, "owner/same")[0]
    assert "owner/same" not in [name for _, name in checkpoints.choices(ctx, "me")]
