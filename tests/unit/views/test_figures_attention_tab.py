"""What the Attention tab sends: the newest run, a wanted one, or single maps; whatever a stranger asks."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from components.session import Sessions
from components.strings import t
from components.tabs import attention
from components.views.contract import read_run
from components.views.finished import finished_run
from components.views.maps import attention_view
from components.views.packing import unpack_u16
from tests.unit.views.figures_traces import make_trace


@pytest.fixture
def ctx():
    return SimpleNamespace(sessions=Sessions())


def run_of(seed: int):
    weights = np.random.default_rng(seed).dirichlet(np.ones(4), size=(2, 3, 5)).astype(np.float16)
    words = {"source": [0, 1, 1, 2], "target": [0, 1, 1, 2, 3]}
    return make_trace(["▁a", "▁b", "c", "."], ["▁d", "▁e", "f", ".", "</s>"], words, cross=weights)


def test_nothing_to_see_is_said(ctx):
    value = attention.on_ask(ctx, "me", {"run": "", "known": []})
    assert (value["runs"], value["trace"], value["note"]) == ([], None, t("attention.no_run"))


def test_the_newest_run_comes_once(ctx):
    older, newer = (ctx.sessions.put("me", run_of(seed), checkpoint="mini") for seed in (1, 2))
    value = attention.on_ask(ctx, "me", {"run": "", "known": []})
    assert [run["id"] for run in value["runs"]] == [newer, older]
    assert value["run"] == value["newest"] == newer
    assert read_run(value["trace"]).maps["cross"].shape == (2, 3, 5, 4)
    assert attention.on_ask(ctx, "me", {"run": "", "known": [newer]})["trace"] is None
    assert attention.on_ask(ctx, "me", {"run": older, "known": [newer]})["run"] == older
    assert "mini" in value["runs"][0]["label"]


def test_nobody_sees_another_visitors_runs(ctx):
    mine = ctx.sessions.put("me", run_of(1))
    value = attention.on_ask(
        ctx, "you", {"run": mine, "known": [], "slices": [["cross", 0, 0, True, "wrote"]]}
    )
    assert (value["runs"], value["trace"], value.get("slices")) == ([], None, None)


@pytest.mark.parametrize(
    "data",
    [None, [], "x", {"run": 7, "known": "x"}, {"run": ["x"], "known": [1, None]}, {"slices": [["cross"]]}],
)
def test_odd_questions_get_the_newest_run(ctx, data):
    newest = ctx.sessions.put("me", run_of(1))
    assert attention.on_ask(ctx, "me", data)["run"] == newest


def test_a_large_run_comes_map_by_map(ctx, monkeypatch):
    monkeypatch.setattr(attention, "MAX_BYTES", 10)
    run = ctx.sessions.put("me", run_of(3))
    asked = {
        "run": run,
        "known": [run],
        "slices": [["cross", 1, "max", True, "wrote"], ["cross", 0, 2, False, "read"]],
    }
    value = attention.on_ask(ctx, "me", {"run": run, "known": []})
    sent = read_run(value["trace"]).maps["cross"]
    assert (sent.u16, sent.tiles["shape"]) == (None, [3, 4, 5, 4])
    slices = attention.on_ask(ctx, "me", asked)["slices"]
    assert set(slices) == {"cross,1,max,true,wrote", "cross,0,2,false,read"}
    whole = finished_run(run_of(3))
    expected = attention_view(whole, "cross", 1, "max").z
    np.testing.assert_allclose(unpack_u16(slices["cross,1,max,true,wrote"]), expected, atol=3e-5)


@pytest.mark.parametrize(
    "item",
    [
        None,
        [],
        ["cross", 0, 0, True],
        ["beams", 0, 0, True, "wrote"],
        ["decoder_self", 0, 0, True, "wrote"],
        ["cross", 2, 0, True, "wrote"],
        ["cross", -1, 0, True, "wrote"],
        ["cross", True, 0, True, "wrote"],
        ["cross", 0, "sum", True, "wrote"],
        ["cross", 0, 0, 1, "wrote"],
        ["cross", 0, 0, True, "other"],
        ["cross", 0.0, [], True, "wrote"],
        [["cross"], 0, 0, True, "wrote"],
    ],
)
def test_odd_maps_are_not_made(item):
    assert attention.one_map(SimpleNamespace(trace=run_of(1), lines=None), item) is None
