"""A press of Run, without a browser: what the player is given, what is kept, and how a run ends early."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from components.runs.run import Run
from components.runs.settings import RunSettings, check_settings
from components.tabs import decoding, generate

SETTINGS = ("greedy", 4, 1.0, 50, 1.0, 12, 0)
TEXT = "the cat and the dog"


def press_run(ctx, text=TEXT, task="translate", checkpoint="translate-tiny", settings=SETTINGS, session="me"):
    return list(generate.on_run(ctx, text, task, checkpoint, settings, session))


def tokens_of(segment) -> list[dict]:
    return [json.loads(token) for token in segment["tokens"]]


def source_of(segment) -> list[str]:
    return [token["piece"] for token in json.loads(segment["head"])["source"]["tokens"]]


def pieces(value) -> list[str]:
    return [token["piece"] for segment in value["segments"] for token in tokens_of(segment)]


def text_of(value) -> str:
    return " ".join(
        "".join(token.get("adds", "") for token in tokens_of(segment)).strip()
        for segment in value["segments"]
    )


def test_a_run_ends_finished_and_is_kept(ctx):
    last = press_run(ctx)[-1]
    (segment,) = last["segments"]
    trace = ctx.sessions.trace("me", segment["run"])
    assert last["state"] == "finished"
    assert tuple(pieces(last)) == trace.target_pieces
    assert text_of(last) == trace.text.strip()
    assert source_of(segment) == list(trace.source_pieces)
    assert segment["finish"] == trace.finish_reason
    assert ctx.sessions.trace("someone else", segment["run"]) is None
    assert json.loads(json.dumps(last)) == last


def test_the_attention_of_a_step_is_that_of_the_trace(ctx):
    (segment,) = press_run(ctx)[-1]["segments"]
    cross = ctx.sessions.trace("me", segment["run"]).cross  # [L, H, T, S]
    for index, token in enumerate(tokens_of(segment)):
        row = np.frombuffer(base64.b64decode(token["cross"]), "<u2").reshape(segment["shape"]) / 65535
        np.testing.assert_allclose(row, cross[:, :, index].astype(np.float32), atol=1e-4)
        np.testing.assert_allclose(row.sum(-1), 1, atol=2e-3)


def test_values_are_cumulative(ctx):
    values = press_run(ctx)
    for before, after in pairwise(values):
        assert pieces(after)[: len(pieces(before))] == pieces(before)


def test_beam_search_shows_drafts_and_then_the_winner(ctx, monkeypatch):
    monkeypatch.setattr("bertgen.serving.service.UPDATE_SECONDS", 0)
    values = press_run(ctx, settings=("beam", 3, 1.0, 50, 1.0, 12, 0))
    drafts = [value["segments"][0]["draft"] for value in values if value["segments"][0]["draft"]]
    assert drafts[0]["step"] == 1
    assert isinstance(drafts[0]["score"], float)
    assert values[-1]["segments"][0]["draft"] is None
    assert pieces(values[-1])
    assert values[-1]["stats"]["beams"] == 3


def test_sampling_repeats_itself_with_its_seed(ctx):
    def sample(seed):
        return pieces(press_run(ctx, settings=("sample", 1, 1.5, 0, 1.0, 12, seed))[-1])

    assert sample(3) == sample(3)
    assert len({tuple(sample(seed)) for seed in range(6)}) > 1


@pytest.mark.parametrize("settings", [SETTINGS, ("beam", 3, 1.0, 50, 1.0, 12, 0)], ids=["greedy", "beam"])
def test_closing_early_keeps_what_there_is(ctx, monkeypatch, settings):
    monkeypatch.setattr("bertgen.serving.service.UPDATE_SECONDS", 0)
    loaded = ctx.registry.get("translate-tiny")
    run = ctx.start_run(loaded, TEXT, check_settings(*settings), "me")
    playing = run.play()
    for _ in range(3):
        next(playing)
    playing.close()
    stopped = generate.on_stop(ctx, "me")
    (segment,) = stopped["segments"]
    assert run.done.is_set()
    assert stopped["state"] == "stopped"
    assert segment["finish"] == "stopped"
    assert 0 < len(segment["tokens"]) < 12
    assert tuple(pieces(stopped)) == ctx.sessions.trace("me", segment["run"]).target_pieces


def test_stop_after_the_end_changes_nothing(ctx):
    press_run(ctx)
    assert "segments" not in generate.on_stop(ctx, "me")
    assert "segments" not in generate.on_stop(ctx, "nobody")


def test_a_run_that_takes_too_long_ends_itself(ctx):
    loaded = ctx.registry.get("translate-tiny")
    run = Run(loaded, TEXT, RunSettings(), keep=lambda trace, lines: "kept", seconds=0)
    last = list(run.play())[-1]
    assert last["state"] == "stopped"
    assert len(pieces(last)) == 1
    assert "0\N{NO-BREAK SPACE}s" in last["notes"][-1]


def test_a_run_never_asks_for_more_positions_than_there_are(ctx, make_model):
    endless = make_model(eos_bias=-50.0)
    loaded = replace(ctx.registry.get("translate-tiny"), model=endless)
    assert loaded.positions == 96
    last = list(Run(loaded, TEXT, RunSettings(max_new_tokens=256), keep=lambda trace, lines: "kept").play())[
        -1
    ]
    assert len(pieces(last)) == 96
    assert last["segments"][0]["finish"] == "length"
    assert any("96 positions" in note for note in last["notes"])
    assert "repeats itself" in last["notes"][-1]


@pytest.mark.parametrize(("size", "told"), [(0, False), (2, True)])
def test_a_rule_that_passes_over_first_choices_is_named(ctx, make_model, size, told):
    endless = make_model(eos_bias=-50.0)  # which repeats itself
    endless.generation_config.no_repeat_ngram_size = size
    loaded = replace(ctx.registry.get("translate-tiny"), model=endless)
    last = list(Run(loaded, TEXT, RunSettings(max_new_tokens=40), keep=None).play())[-1]
    assert any("writes no 2 tokens in a row twice" in note for note in last["notes"]) is told
    pairs = list(pairwise(pieces(last)))
    assert (len(set(pairs)) == len(pairs)) is told


def test_a_long_text_is_run_by_sentences_and_says_so(ctx):
    text = "The cat sat. " * 8 + "a " * 60
    last = press_run(ctx, text=text)[-1]
    longest = ctx.registry.describe("translate-tiny").longest_source
    assert len(last["segments"]) == 9
    assert all(len(source_of(segment)) <= longest for segment in last["segments"])
    assert json.loads(last["segments"][-1]["head"])["cut"]
    assert "sentence by sentence: 9 runs" in last["notes"][0]
    assert "is cut before" in last["notes"][1]
    assert len(ctx.sessions.runs("me")) == 9


@pytest.mark.parametrize("text", ["", "   \n "])
def test_an_empty_text_gets_a_friendly_line(ctx, text):
    (value,) = press_run(ctx, text=text)
    assert (value["state"], value["segments"]) == ("idle", [])
    assert "choose one of the examples" in value["message"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"text": None}, "must be a string"),
        ({"text": "x" * 5001}, "5,000"),
        ({"task": "dance"}, "split, translate"),
        ({"task": ["translate"]}, "task"),
        ({"checkpoint": "../../etc"}, "unknown checkpoint"),
        ({"checkpoint": None}, "choose one of"),
        ({"checkpoint": "split-tiny"}, "another task"),
        ({"settings": ("beam", 99, 1.0, 50, 1.0, 12, 0)}, "got 99"),
        ({"settings": ("greedy", 1, 1.0, 50, 1.0, True, 0)}, "max_new_tokens"),
    ],
)
def test_refused_values_become_the_error_line(ctx, changes, words):
    (value,) = press_run(ctx, **changes)
    assert value["state"] == "error"
    assert words in value["message"]
    assert value["message"].startswith("Not run: ")


def test_the_modes_grey_what_they_do_not_use():
    names = ["mode", *decoding.USED_BY]
    for mode in ("greedy", "sample", "beam"):
        updates = dict(zip(names, decoding.on_mode(mode), strict=True))
        for name, needed in decoding.USED_BY.items():
            assert updates[name]["interactive"] == (needed == mode)
            assert ("No effect here" in updates[name]["info"]) == (needed != mode)
    with pytest.raises(ValueError, match="mode"):
        decoding.on_mode("fast")


def test_a_task_brings_its_checkpoints_and_examples(ctx):
    picker, examples, text, second = generate.on_task(ctx, "split", "own words", "")
    assert picker["value"] == "split-tiny"
    assert [name for _, name in picker["choices"]] == ["split-tiny"]
    assert examples["samples"] == [["one two", ""]]
    assert "value" not in text
    assert "value" not in second
    assert not second["visible"]
    assert generate.on_task(ctx, "translate")[0]["value"] == "translate-tiny"


@pytest.mark.parametrize(
    ("boxes", "filled"),
    [
        (("", ""), True),
        (("the cat", ""), True),  # an example as it was
        (("the cat", "my own"), False),
        (("", "my own"), False),
        (("my own", ""), False),
    ],
)
def test_own_words_stay_whatever_is_chosen(ctx, boxes, filled):
    chosen = generate.on_chosen(ctx, ctx.registry.describe("split-tiny"), *boxes)
    assert chosen[1:] == generate.on_task(ctx, "split", *boxes)
    text, second = chosen[-2:]
    assert [box.get("value") for box in (text, second)] == (["one two", ""] if filled else [None, None])


def test_white_space_of_the_text_does_not_reach_the_model(ctx):
    plain, odd = (press_run(ctx, text=text)[-1] for text in ("the cat sat", " the \t cat\u00a0sat\n"))
    assert source_of(odd["segments"][0]) == source_of(plain["segments"][0])
    assert pieces(odd) == pieces(plain)
    assert odd["notes"] == plain["notes"]


def test_long_examples_are_shortened_on_their_chips(ctx):
    samples, labels = generate.example_samples(ctx.registry.describe("translate-tiny"))
    assert labels[0] == samples[0][0] == "the cat"
    assert labels[1].endswith(" …")
    assert len(labels[1]) <= generate.CHIP


def test_two_runs_at_once_do_not_meet(ctx, monkeypatch):
    monkeypatch.setattr("bertgen.serving.service.UPDATE_SECONDS", 0)
    alone = [pieces(press_run(ctx, text=text)[-1]) for text in (TEXT, "a dog")]
    streams = [
        generate.on_run(ctx, text, "translate", "translate-tiny", SETTINGS, text) for text in (TEXT, "a dog")
    ]
    last = [None, None]
    while any(stream is not None for stream in streams):
        for at, stream in enumerate(streams):
            if stream is None:
                continue
            value = next(stream, None)
            if value is None:
                streams[at] = None
            else:
                last[at] = value
    assert [pieces(value) for value in last] == alone
