"""Text to events: what a served run hands over, alone or in turn with others, to its end or stopped."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from bertgen import BeamStep, TokenStep, trace_generate
from bertgen.machine import compute_threads
from bertgen.serving import ServedRun, ServiceRequest, service
from tests.unit.generation.test_stream import MODES, settings

TEXTS = ("The sofa is red.", "naïve 😀 café")


def request(mode: str = "greedy", texts: tuple[str, ...] = TEXTS, **options) -> ServiceRequest:
    return ServiceRequest(texts, settings(mode), seed=4, **options)


def same_traces(run: ServedRun, traces) -> None:
    for answer, trace in zip(run.answers, traces, strict=True):
        assert answer.trace.target_ids.tolist() == trace.target_ids.tolist()
        np.testing.assert_array_equal(answer.trace.cross, trace.cross)
        assert answer.text == trace.text.strip()
        assert [step.token_id for step in answer.steps] == trace.target_ids.tolist()


def expected(model, tokenizer, mode: str):
    generator = torch.Generator().manual_seed(4)
    return [trace_generate(model, tokenizer, text, settings(mode), generator=generator) for text in TEXTS]


@pytest.mark.parametrize("mode", list(MODES))
def test_a_served_run_is_that_of_the_library(model, tokenizer, mode):
    run = ServedRun(model, tokenizer, request(mode))
    for _ in run.updates():
        pass
    assert run.state == "finished"
    same_traces(run, expected(model, tokenizer, mode))
    assert run.text == " ".join(answer.text for answer in run.answers if answer.text)
    assert 0 < run.first_token_seconds < run.seconds


@pytest.mark.parametrize("mode", ["sample", "beam"])
def test_runs_that_take_turns_do_not_meet(model, tokenizer, mode):
    """What a scheduler does: one step of each in turn."""
    runs = [ServedRun(model, tokenizer, request(mode)) for _ in range(3)]
    while [run for run in runs if run.advance()]:
        pass
    traces = expected(model, tokenizer, mode)
    for run in runs:
        run.close()
        assert run.state == "finished"
        same_traces(run, traces)


def test_updates_are_few_where_steps_are_many(model, tokenizer, monkeypatch):
    monkeypatch.setattr(service, "UPDATE_SECONDS", 1e9)
    updates = texts_of(ServedRun(model, tokenizer, request()))
    assert len(updates) == 1, "only the end"
    monkeypatch.setattr(service, "UPDATE_SECONDS", 0)
    many = texts_of(ServedRun(model, tokenizer, request()))
    assert len(many) > 10
    assert many[-1] == updates[-1]


def texts_of(run: ServedRun) -> list[str]:
    return [run.text for _ in run.updates()]


@pytest.mark.parametrize("mode", ["greedy", "beam"])
def test_closing_keeps_what_there_is(model, tokenizer, mode, monkeypatch):
    monkeypatch.setattr(service, "UPDATE_SECONDS", 0)
    run = ServedRun(model, tokenizer, request(mode))
    updates = run.updates()
    for _ in range(3):
        next(updates)
    assert isinstance(run.answers[0].draft, BeamStep) == (mode == "beam")
    updates.close()
    (answer,) = run.answers
    assert run.state == "stopped"
    assert answer.trace.finish_reason == "stopped"
    assert answer.draft is None
    assert answer.steps
    assert all(isinstance(step, TokenStep) for step in answer.steps)
    assert "".join(step.text for step in answer.steps).strip() == answer.trace.text.strip()
    assert not run.advance(), "a run that is over takes no more steps"


def test_a_run_ends_itself_in_time(model, tokenizer):
    run = ServedRun(model, tokenizer, request(seconds=0))
    texts_of(run)
    assert (run.state, run.out_of_time) == ("stopped", True)
    assert len(run.answers[0].steps) == 1


def test_without_capture_there_is_no_attention(model, tokenizer):
    run = ServedRun(model, tokenizer, request(capture=False))
    texts_of(run)
    assert not run.answers[0].trace.maps


def test_a_text_of_nothing_is_refused_and_leaves_no_run_open(model, tokenizer):
    run = ServedRun(model, tokenizer, request(texts=("",)))
    with pytest.raises(ValueError, match="empty"):
        texts_of(run)
    assert run.state == "stopped"
    assert run.answers == []


def test_threads_are_the_callers_alone():
    """Another thread computes with as many as before, and so does this one afterwards."""
    before = torch.get_num_threads()
    inside, leave = threading.Event(), threading.Event()
    seen = {}

    def other():
        seen["before"] = torch.get_num_threads()
        inside.wait()
        seen["meanwhile"] = torch.get_num_threads()
        leave.set()

    thread = threading.Thread(target=other)
    thread.start()
    while "before" not in seen:
        pass
    with compute_threads(before + 1):
        assert torch.get_num_threads() == before + 1
        inside.set()
        leave.wait()
    thread.join()
    assert seen == {"before": before, "meanwhile": before}
    assert torch.get_num_threads() == before
