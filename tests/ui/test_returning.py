"""What a browser kept is opened again, checked like everything that a visitor sends."""

from __future__ import annotations

import shutil

import pytest

from components.context import AppContext
from components.models.registry import Registry
from components.session import OPENED
from components.settings import Settings
from components.tabs import checkpoints, returning
from components.tabs import hub as hub_tab

NAME = "owner/name"


@pytest.fixture
def folder(checkpoints, tmp_path):
    return shutil.copytree(checkpoints / "split-tiny", tmp_path / "own-split")


def names(ctx, session):
    return [name for _, name in checkpoints.choices(ctx, session)]


def test_folders_come_back_for_the_next_session(ctx, folder):
    checkpoints.on_open(ctx, str(folder), "before")
    kept = returning.opened(ctx, "before")
    assert kept == [{"folder": str(folder.resolve())}]
    ctx.sessions.forget("before")
    assert returning.reopen(ctx, kept, "after") == 1
    assert "own-split" in names(ctx, "after")
    assert "own-split" not in names(ctx, "somebody")
    assert returning.opened(ctx, "after") == kept


def test_no_model_is_loaded_before_it_is_asked_for(ctx, folder):
    assert returning.reopen(ctx, [{"folder": str(folder)}], "me") == 1
    found = ctx.registry.describe("own-split", "me")
    assert ctx.registry.peek(found) is None
    with ctx.registry.use(found) as loaded:
        assert loaded.checkpoint.task == "split"


def test_a_hub_checkpoint_comes_back_from_the_cache_alone(ctx, hub, checkpoints):
    hub.add(NAME, checkpoints / "translate-tiny")
    hub_tab.on_look(ctx, NAME, "", "", "before")
    list(hub_tab.on_confirm(ctx, "", "before"))
    kept = returning.opened(ctx, "before")
    assert [sorted(entry) for entry in kept] == [["hub", "revision"]]
    sent = hub.sent
    assert returning.reopen(ctx, kept, "after") == 1
    assert NAME in names(ctx, "after")
    assert hub.sent == sent
    assert "on the Hugging Face Hub" in ctx.registry.describe(NAME, "after").origin


def test_what_was_never_downloaded_is_not_fetched(ctx, hub, checkpoints):
    hub.add(NAME, checkpoints / "translate-tiny")
    assert returning.reopen(ctx, [{"hub": NAME, "revision": "main"}], "me") == 0
    assert hub.sent == 0
    assert NAME not in names(ctx, "me")


def test_settings_forbid_as_for_one_who_types(checkpoints, folder, hub):
    hub.add(NAME, checkpoints / "translate-tiny")
    settings = Settings(allow_folders=False, allow_hub=False)
    ctx = AppContext(settings, Registry("cpu", "float32", checkpoints))
    kept = [{"folder": str(folder)}, {"hub": NAME, "revision": None}]
    assert returning.reopen(ctx, kept, "me") == 0


@pytest.mark.parametrize(
    "kept",
    [
        None,
        "text",
        {"folder": "/"},
        [None, 3, [], {}],
        [{"folder": 3}, {"folder": "/no/such"}, {"folder": "a\0b"}, {"folder": "x" * 2000}],
        [{"hub": 3}, {"hub": "../../etc"}, {"hub": "owner/name", "revision": 3}, {"hub": "a" * 200}],
    ],
)
def test_nonsense_opens_nothing_and_breaks_nothing(ctx, hub, kept):
    before = names(ctx, "me")
    assert returning.reopen(ctx, kept, "me") == 0
    assert names(ctx, "me") == before


def test_no_more_than_a_session_may_open(ctx, checkpoints, tmp_path):
    kept = []
    for number in range(OPENED + 3):
        copy = shutil.copytree(checkpoints / "split-tiny", tmp_path / f"copy-{number}")
        kept.append({"folder": str(copy)})
    assert returning.reopen(ctx, kept, "me") == OPENED
