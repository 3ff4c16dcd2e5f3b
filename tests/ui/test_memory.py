"""Models in memory: loaded once, given up when room is needed, and never while they are in use."""

from __future__ import annotations

import gc
import shutil
import threading
import weakref
from dataclasses import dataclass

import pytest

from components.models import memory
from components.models.advice import Refusal
from components.models.memory import ModelMemory, default_limit
from components.models.registry import Registry
from components.runs.settings import RunSettings
from components.tabs import generate

PATIENT = 30.0  # seconds, for a thread that a machine may be slow to run


@dataclass(eq=False)
class Thing:
    nbytes: int


def use(kept: ModelMemory, key: str, nbytes: int = 40):
    return kept.use(key, key, nbytes, lambda: Thing(nbytes))


def test_the_least_recently_used_makes_room():
    kept = ModelMemory(100)
    for key in ("a", "b", "a", "c"):
        with use(kept, key):
            pass
    assert [key for key in "abc" if kept.peek(key)] == ["a", "c"]
    assert kept.nbytes == 80


def test_one_in_use_stays_and_the_next_waits_for_it(monkeypatch):
    kept, done = ModelMemory(50), threading.Event()

    def second():
        with use(kept, "b"):
            done.set()

    with use(kept, "a") as held:
        thread = threading.Thread(target=second)
        thread.start()
        assert not done.wait(0.2)
        assert kept.peek("a") is held
    assert done.wait(PATIENT)
    thread.join(PATIENT)
    assert kept.peek("a") is None
    monkeypatch.setattr(memory, "PATIENCE", 0.0)
    with use(kept, "b"), pytest.raises(Refusal, match="try again in a moment"), use(kept, "c"):
        pass


def test_what_is_larger_than_everything_is_refused_before_loading():
    kept = ModelMemory(2_000_000_000)
    big = kept.use("big", "big", 3_080_000_000, lambda: pytest.fail("it was loaded"))
    with pytest.raises(Refusal, match=r"3\.08\sGB once loaded, more than the 2\.00\sGB.*--model-memory"), big:
        pass
    assert kept.nbytes == 0


def test_loading_one_does_not_block_another():
    kept, begun, go_on = ModelMemory(1000), threading.Event(), threading.Event()

    def slowly():
        begun.set()
        assert go_on.wait(PATIENT)
        return Thing(10)

    def load():
        with kept.use("slow", "slow", 10, slowly):
            pass

    thread = threading.Thread(target=load)
    thread.start()
    assert begun.wait(PATIENT)
    with use(kept, "quick") as quick:
        assert quick.nbytes == 40
    go_on.set()
    thread.join(PATIENT)
    assert kept.peek("slow")


def test_parallel_users_load_once():
    kept, loads = ModelMemory(1000), []

    def load():
        loads.append(1)
        return Thing(10)

    def run():
        with kept.use("one", "one", 10, load):
            pass

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENT)
    assert len(loads) == 1


def test_a_load_that_fails_gives_its_room_back_and_can_be_tried_again():
    kept = ModelMemory(50)

    def fail():
        raise OSError("no")

    with pytest.raises(OSError, match="no"), kept.use("a", "a", 50, fail):
        pass
    assert kept.nbytes == 0
    with use(kept, "a", 50):
        assert kept.nbytes == 50


def test_half_of_the_machine_by_default():
    assert 100_000_000 < default_limit() < 10**14


def test_an_evicted_checkpoint_is_freed_and_comes_back_at_need(checkpoints):
    registry = Registry("cpu", "float32", checkpoints)
    needed = registry.describe("translate-tiny").memory(4)
    registry = Registry("cpu", "float32", checkpoints, memory=int(1.5 * needed))
    first = weakref.ref(registry.get("translate-tiny").model)
    registry.get("split-tiny")
    gc.collect()
    assert first() is None
    assert registry.get("translate-tiny").model is not None
    assert registry.peek(registry.describe("split-tiny")) is None


def test_a_run_that_is_over_holds_no_model(ctx):
    with ctx.registry.use(ctx.registry.describe("translate-tiny")) as loaded:
        list(ctx.start_run(loaded, "the cat", RunSettings(max_new_tokens=4), "me").play())
        model = weakref.ref(loaded.model)
    del loaded
    ctx.registry.memory.limit = int(1.5 * ctx.registry.describe("split-tiny").memory(4))
    ctx.registry.get("split-tiny")
    gc.collect()
    assert ctx.sessions.look("me").current is not None
    assert model() is None


def test_a_run_keeps_its_model_until_it_is_over(ctx, monkeypatch):
    monkeypatch.setattr("bertgen.serving.service.UPDATE_SECONDS", 0)
    monkeypatch.setattr(memory, "PATIENCE", 0.0)
    settings = ("greedy", 4, 1.0, 50, 1.0, 8, 0)
    running = generate.on_run(ctx, "the cat", "translate", "translate-tiny", settings, "me")
    next(running)
    ctx.registry.memory.limit = int(1.5 * ctx.registry.describe("split-tiny").memory(4))
    with pytest.raises(Refusal, match="other models are writing"):
        ctx.registry.get("split-tiny")
    running.close()
    assert ctx.registry.get("split-tiny")


def test_a_folder_that_changed_is_loaded_anew(checkpoints, tmp_path, make_model):
    registry = Registry("cpu", "float32", checkpoints)
    folder = shutil.copytree(checkpoints / "translate-tiny", tmp_path / "mine")
    before = registry.open(folder, session="me")
    assert registry.open(folder, session="me") is before
    make_model(seed=3).save_pretrained(str(folder))
    after = registry.open(folder, session="me")
    assert after.model is not before.model
    assert [c.name for c in registry.checkpoints(session="me")].count("mine") == 1
