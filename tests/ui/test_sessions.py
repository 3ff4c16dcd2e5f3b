"""What visitors hold: bounded, private, freed when they leave; a hash that is only named costs nothing."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from components.limits import MAX_SESSIONS
from components.page import launch_options
from components.session import Sessions
from components.settings import Settings
from components.tabs import attention, checkpoints, generate, hub


def trace(size: int = 10) -> SimpleNamespace:
    return SimpleNamespace(maps={"cross": SimpleNamespace(weights=np.zeros(size, np.uint8))})


def test_a_run_belongs_to_its_session():
    sessions, run = Sessions(), trace()
    run_id = sessions.put("a", run, checkpoint="mini", task="translate")
    assert sessions.trace("a", run_id) is run
    assert sessions.trace("b", run_id) is None
    assert sessions.trace(None, run_id) is None
    assert sessions.trace("a", ["not an id"]) is None
    assert [(s.run_id, s.checkpoint, s.task) for s in sessions.runs("a")] == [(run_id, "mini", "translate")]


def test_shared_runs_are_everybodys_and_come_last():
    sessions = Sessions()
    shared = sessions.share(trace())
    own = sessions.put("a", trace())
    assert [s.run_id for s in sessions.runs("a")] == [own, shared]
    assert [s.run_id for s in sessions.runs("b")] == [shared]
    assert sessions.trace(None, shared) is not None


def test_a_run_without_a_session_is_not_kept():
    sessions = Sessions()
    assert sessions.trace(None, sessions.put(None, trace())) is None
    assert sessions.runs(None) == []


def test_the_oldest_runs_go_first():
    sessions = Sessions(runs=2)
    first, second, third = (sessions.put("a", trace()) for _ in range(3))
    assert sessions.trace("a", first) is None
    assert [s.run_id for s in sessions.runs("a")] == [third, second]


def test_the_session_unused_for_longest_goes_first():
    sessions = Sessions(sessions=2)
    a, b = sessions.put("a", trace()), sessions.put("b", trace())
    sessions.trace("a", a)
    sessions.put("c", trace())
    assert sessions.trace("a", a) is not None
    assert sessions.trace("b", b) is None


def test_bytes_are_bounded_and_the_newest_run_stays():
    sessions = Sessions(nbytes=25)
    a = sessions.put("a", trace(20))
    b = sessions.put("b", trace(20))
    assert (sessions.trace("a", a), sessions.nbytes) == (None, 20)
    c = sessions.put("b", trace(100))
    assert sessions.trace("b", b) is None
    assert sessions.trace("b", c) is not None


def test_bytes_take_runs_and_nothing_else():
    sessions = Sessions(nbytes=25)
    with sessions.change("a") as held:
        held.plan = "a plan"
    sessions.put("a", trace(20))
    sessions.put("b", trace(20))
    assert sessions.look("a").plan == "a plan"
    assert not sessions.look("a").runs


def test_leaving_frees_everything():
    sessions = Sessions()
    run_id = sessions.put("a", trace())
    with sessions.change("a") as held:
        held.plan, held.opened["x"] = "a plan", "a checkpoint"
    sessions.forget("a")
    sessions.forget("nobody")
    assert sessions.trace("a", run_id) is None
    assert sessions.look("a").plan is None
    assert not sessions.look("a").opened
    assert sessions.nbytes == 0
    assert len(sessions) == 0


def ask_everything(ctx, name: str) -> None:
    """What a session hash can be sent to without having made anything."""
    attention.on_ask(ctx, name, {"run": "x", "known": []})
    generate.on_stop(ctx, name)
    generate.on_task(ctx, "translate", "", "", name)
    checkpoints.on_show(ctx, "translate-tiny", name)
    hub.on_cancel(ctx, name)


def test_an_invented_hash_costs_nothing(ctx):
    for number in range(200):
        ask_everything(ctx, f"invented {number}")
    assert len(ctx.sessions) == 0


def test_so_many_sessions_at_most():
    sessions = Sessions(sessions=3)
    for number in range(50):
        sessions.put(f"invented {number}", trace())
    assert len(sessions) == 3
    assert sessions.nbytes == 30


def test_gradio_copies_the_page_for_few_hashes():
    assert launch_options(Settings())["state_session_capacity"] <= MAX_SESSIONS <= 512


@pytest.mark.parametrize("threads", [1, 2])
def test_the_process_computes_as_before(ctx, threads):
    """Opening and running a checkpoint changes no setting of the process."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        settings = ("greedy", 4, 1.0, 50, 1.0, 4, 0)
        list(generate.on_run(ctx, "the cat", "translate", "translate-tiny", settings, "me"))
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
