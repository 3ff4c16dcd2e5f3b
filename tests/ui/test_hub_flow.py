"""Opening Hub repositories, against a small Hub on the loopback interface: real requests, real files."""

from __future__ import annotations

import pytest

from bertgen import hub as bertgen_hub
from bertgen.hub import network
from components.context import AppContext
from components.models.advice import Refusal, hub_refusal
from components.models.downloads import check_token
from components.models.registry import Registry
from components.settings import Settings
from components.tabs import checkpoints, generate
from components.tabs import hub as tab

NAME = "owner/name"
SECRET = "hf_reader"


@pytest.fixture
def model_hub(hub, checkpoints):
    """The Hub with a checkpoint for translating at owner/name."""
    hub.add(NAME, checkpoints / "translate-tiny")
    return hub


def look(ctx, name=NAME, revision="", token="", session="me"):
    return tab.on_look(ctx, name, revision, token, session)


def confirm(ctx, token="", session="me"):
    return list(tab.on_confirm(ctx, token, session))


def names(ctx, session="me"):
    return [name for _, name in checkpoints.choices(ctx, session)]


def test_the_size_is_shown_and_nothing_fetched_before_it_is_confirmed(ctx, model_hub):
    line, button = look(ctx)
    assert "owner/name" in line
    assert "needs 8 files, 349\N{NO-BREAK SPACE}kB" in line
    assert button["value"].startswith("Download 349\N{NO-BREAK SPACE}kB")
    assert button["visible"]
    config = len(model_hub.files(NAME)["config.json"])
    assert model_hub.sent == config  # which says whether the page can run it


def test_it_is_downloaded_opened_and_can_be_run(ctx, model_hub):
    look(ctx)
    values = confirm(ctx)
    line, button, cancel, picker, facts, *_, report = values[-1]
    assert "is open" in line
    assert not button["visible"]
    assert not cancel["visible"]
    assert picker["value"] == NAME
    assert "on the Hugging Face Hub" in facts
    assert "loaded from the files" in report
    assert "0.0 of 0.3\N{NO-BREAK SPACE}MB" in values[0][0]
    assert values[0][2]["visible"]
    settings = ("greedy", 4, 1.0, 50, 1.0, 6, 0)
    last = list(generate.on_run(ctx, "the cat", "translate", NAME, settings, "me"))[-1]
    assert last["state"] == "finished"


def test_it_is_in_that_visitors_pickers_alone(ctx, model_hub):
    look(ctx)
    confirm(ctx)
    assert NAME in names(ctx)
    assert NAME not in names(ctx, "somebody")


def test_what_is_here_already_is_not_fetched_again(ctx, model_hub):
    look(ctx)
    confirm(ctx)
    sent = model_hub.sent
    line, button = look(ctx, session="you")
    assert "all on this machine already" in line
    assert button["value"] == "Open"
    confirm(ctx, session="you")
    assert model_hub.sent == sent
    assert NAME in names(ctx, "you")


def test_cancel_stops_it_and_the_next_download_goes_on(ctx, model_hub):
    model_hub.bytes_per_second = 100_000
    look(ctx)
    opening = tab.on_confirm(ctx, "", "me")
    while "0.0 of" in (line := next(opening)[0]):
        pass
    assert "Downloading" in line
    tab.on_cancel(ctx, "me")
    last = list(opening)[-1]
    assert "Cancelled at" in last[0]
    assert last[1]["visible"]
    assert not last[2]["visible"]
    assert names(ctx) == names(ctx, None)
    assert 0 < model_hub.sent < 340_000
    model_hub.bytes_per_second = None
    assert "is open" in confirm(ctx)[-1][0]


def test_a_visitor_who_leaves_stops_the_download(ctx, model_hub):
    model_hub.bytes_per_second = 100_000
    look(ctx)
    opening = tab.on_confirm(ctx, "", "me")
    next(opening)
    download = ctx.sessions.look("me").download
    next(opening)
    opening.close()
    assert download._over.wait(30)
    assert download.folder is None
    assert ctx.sessions.look("me").download is None


def test_cancel_without_a_download_does_nothing(ctx):
    tab.on_cancel(ctx, "me")
    assert "Look up first" in confirm(ctx)[-1][0]


@pytest.mark.parametrize(
    ("how", "name", "revision", "token", "why", "move"),
    [
        ({}, "owner/nothing", "", "", "shows no repository owner/nothing", "spelling"),
        ({"private": True}, NAME, "", "", "shows no repository", "access token"),
        ({"private": True}, NAME, "", SECRET, "shows no repository", "access token"),
        ({}, NAME, "none", "", "no such revision", "empty for the newest"),
        ({}, "no such id!", "", "", "no Hub id", "owner/name"),
        ({}, "", "", "", "no Hub id given", "owner/name"),
        ({}, None, "", "", "no Hub id given", "owner/name"),
        ({}, "x" * 500, "", "", "cannot be one", "owner/name"),
        ({}, NAME, 3, "", "no revision", "newest"),
        ({}, NAME, "", "two words", "no access token", "copy it again"),
        ({}, NAME, "", "hf_unknown", "does not accept this access token", "copy it again"),
        ({}, NAME, "", ["hf"], "no access token", "copy it again"),
    ],
)
def test_what_cannot_be_looked_up_says_why(ctx, model_hub, how, name, revision, token, why, move):
    for key, value in how.items():
        setattr(model_hub.repositories[NAME], key, value)
    with pytest.raises(Refusal) as refusal:
        look(ctx, name, revision, token)
    assert why in refusal.value.why
    assert move in refusal.value.move
    assert ctx.sessions.look("me").plan is None


def test_a_gated_repository_opens_with_a_token_that_is_kept_nowhere(ctx, model_hub, caplog):
    repository = model_hub.repositories[NAME]
    repository.gated = True
    with pytest.raises(Refusal, match="is gated: its owner wants to be asked first; ask for access"):
        look(ctx)
    repository.granted.add("reader")
    look(ctx, token=SECRET)
    assert "is open" in confirm(ctx, token=SECRET)[-1][0]
    assert f"Bearer {SECRET}" in [header for _, _, header in model_hub.log]
    held = ctx.sessions.look("me")
    assert SECRET not in repr(vars(held)) + repr(vars(ctx.sessions)) + caplog.text


def test_a_hub_that_is_silent_and_a_cache_that_is_empty(ctx, model_hub):
    model_hub.down = 503
    with pytest.raises(Refusal, match=r"cannot be reached from here.*open a folder instead"):
        look(ctx)


def test_without_weights_or_of_another_family(ctx, model_hub, checkpoints):
    files = {"config.json": b'{"model_type": "t5"}', "README.md": b"x"}
    model_hub.add(NAME, files)
    with pytest.raises(Refusal, match="holds no weights"):
        look(ctx)
    model_hub.add(NAME, {**files, "model.safetensors": b"\x02\0\0\0\0\0\0\0{}"})
    model_hub.sent = 0
    with pytest.raises(Refusal, match="this model is of the family 't5'"):
        look(ctx)
    assert model_hub.sent == len(files["config.json"])  # before the download


def test_an_encoder_alone_is_refused_before_the_download(ctx, hub, model, tmp_path):
    model.encoder.save_pretrained(str(tmp_path / "encoder"))
    hub.add("owner/encoder", tmp_path / "encoder")
    with pytest.raises(Refusal, match="cannot read one text and write another; warm-start"):
        look(ctx, "owner/encoder")


def test_what_does_not_arrive_is_not_opened(ctx, model_hub):
    look(ctx)
    model_hub.truncate = {"model.safetensors": 0}
    before = names(ctx)
    last = confirm(ctx)[-1]
    assert "Not opened" in last[0]
    assert last[1]["visible"]  # to try again
    assert names(ctx) == before


def test_what_is_too_large_is_refused_before_the_download(ctx, model_hub):
    ctx.registry.memory.limit = 100_000
    with pytest.raises(Refusal, match="GB once loaded, more than"):
        look(ctx)
    assert model_hub.sent == 0


def test_only_names_that_the_operator_allows(checkpoints, model_hub):
    registry = Registry("cpu", "float32", checkpoints)
    some = AppContext(Settings(hub_names=("google/*",)), registry)
    with pytest.raises(Refusal, match=r"none of them; choose one of google/\*"):
        look(some)
    mine = AppContext(Settings(hub_names=("google/*", "owner/n*")), registry)
    assert "owner/name" in look(mine)[0]
    none = AppContext(Settings(allow_hub=False), registry)
    with pytest.raises(Refusal, match="--allow-hub"):
        look(none)
    assert not any("google" in path for _, path, _ in model_hub.log)


def test_the_operators_login_serves_only_visitors_of_the_same_machine():
    assert check_token(Settings(host="127.0.0.1"), "") is None
    assert check_token(Settings(host="0.0.0.0"), "") is False
    assert check_token(Settings(host="0.0.0.0"), f" {SECRET} ") == SECRET


def test_what_one_strangers_token_opened_is_no_others(checkpoints, model_hub):
    model_hub.repositories[NAME].private = True
    shared = AppContext(Settings(host="0.0.0.0"), Registry("cpu", "float32", checkpoints))
    look(shared, token="hf_owner")
    assert "is open" in confirm(shared, token="hf_owner")[-1][0]
    model_hub.down = 503  # nobody can be asked who may read it
    network.forget()
    for token in ("", "hf_reader"):
        with pytest.raises(Refusal, match="cannot be reached"):
            look(shared, token=token, session="you")
    assert "all on this machine already" in look(shared, token="hf_owner")[0]


def test_a_token_never_comes_back_in_a_message():
    refusal = hub_refusal(NAME, bertgen_hub.HubError(f"the header {SECRET} is bad: try again"), SECRET)
    assert SECRET not in str(refusal)
