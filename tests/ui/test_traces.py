"""The trace store: bounded, private to a session, freed when it leaves."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from components.session import TraceStore


def trace(size: int = 10) -> SimpleNamespace:
    return SimpleNamespace(cross=np.zeros(size, np.uint8), decoder_self=None, encoder_self=None)


def test_a_run_belongs_to_its_session():
    store, run = TraceStore(), trace()
    run_id = store.put("a", run, checkpoint="mini", task="translate")
    assert store.get("a", run_id) is run
    assert store.get("b", run_id) is None
    assert store.get(None, run_id) is None
    assert store.get("a", ["not an id"]) is None
    assert [(s.run_id, s.checkpoint, s.task) for s in store.list("a")] == [(run_id, "mini", "translate")]


def test_shared_runs_are_everybodys_and_come_last():
    store = TraceStore()
    shared = store.share(trace())
    own = store.put("a", trace())
    assert [s.run_id for s in store.list("a")] == [own, shared]
    assert [s.run_id for s in store.list("b")] == [shared]
    assert store.get(None, shared) is not None


def test_a_run_without_a_session_is_not_kept():
    store = TraceStore()
    assert store.get(None, store.put(None, trace())) is None
    assert store.list(None) == []


def test_the_oldest_runs_go_first():
    store = TraceStore(runs=2)
    first, second, third = (store.put("a", trace()) for _ in range(3))
    assert store.get("a", first) is None
    assert [s.run_id for s in store.list("a")] == [third, second]


def test_the_session_unused_for_longest_goes_first():
    store = TraceStore(sessions=2)
    a, b = store.put("a", trace()), store.put("b", trace())
    store.get("a", a)
    store.put("c", trace())
    assert store.get("a", a) is not None
    assert store.get("b", b) is None


def test_bytes_are_bounded_and_the_newest_run_stays():
    store = TraceStore(nbytes=25)
    a = store.put("a", trace(20))
    b = store.put("b", trace(20))
    assert (store.get("a", a), store.nbytes) == (None, 20)
    c = store.put("b", trace(100))
    assert store.get("b", b) is None
    assert store.get("b", c) is not None


def test_leaving_frees_everything():
    store = TraceStore()
    run_id = store.put("a", trace())
    store.drop("a")
    store.drop("nobody")
    assert store.get("a", run_id) is None
    assert store.nbytes == 0
