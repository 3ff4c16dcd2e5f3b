"""What a stranger may send, and the words in which it is refused."""

from __future__ import annotations

import math

import gradio as gr
import pytest

from bertgen import GenerationConfig
from components.runs.settings import RunSettings, check_settings
from components.validation import check_text, refuses_politely

GOOD = {
    "mode": "sample",
    "num_beams": 4,
    "temperature": 1.0,
    "top_k": 50,
    "top_p": 1.0,
    "max_new_tokens": 128,
    "seed": 0,
}

REFUSED = [
    ("mode", "fast", "beam, greedy, sample"),
    ("mode", None, "nothing"),
    ("mode", ["greedy"], "a list"),
    ("num_beams", 0, "from 1 to 8"),
    ("num_beams", 9, "got 9"),
    ("num_beams", 2.5, "got 2.5"),
    ("num_beams", True, "a truth value"),
    ("num_beams", "4", "a str"),
    ("num_beams", math.nan, "got nan"),
    ("num_beams", math.inf, "got inf"),
    ("num_beams", None, "nothing"),
    ("num_beams", 10**400, "401 digits"),
    ("temperature", 0, "above 0"),
    ("temperature", -1, "1.0 leaves the model's probabilities as they are"),
    ("temperature", math.nan, "got nan"),
    ("temperature", False, "a truth value"),
    ("top_k", -1, "0 turns the filter off"),
    ("top_k", 1.5, "a whole number"),
    ("top_p", 0, "at most 1"),
    ("top_p", 1.01, "got 1.01"),
    ("top_p", {}, "a dict"),
    ("max_new_tokens", 0, "from 1 to 256"),
    ("max_new_tokens", 257, "got 257"),
    ("max_new_tokens", 12.5, "got 12.5"),
    ("seed", -1, "from 0 to 4294967295"),
    ("seed", 2**32, "from 0 to 4294967295"),
    ("seed", None, "nothing"),
]


def check(**changes) -> RunSettings:
    return check_settings(**{**GOOD, **changes})


@pytest.mark.parametrize(("name", "value", "words"), REFUSED)
def test_refused_values_are_named_with_their_range(name, value, words):
    mode = {"mode": value} if name == "mode" else {"mode": "beam" if name == "num_beams" else "sample"}
    with pytest.raises(ValueError, match=name) as error:
        check(**{**mode, name: value})
    assert words in str(error.value)


def test_whole_numbers_may_come_as_floats():
    assert check(top_k=12.0, seed=7.0) == RunSettings(mode="sample", top_k=12, seed=7)


@pytest.mark.parametrize("mode", ["greedy", "beam"])
def test_values_that_the_mode_does_not_use_are_ignored(mode):
    rubbish = {"temperature": -5, "top_k": "x", "top_p": None, "seed": math.nan}
    assert check(mode=mode, **rubbish) == RunSettings(mode=mode)


def test_beams_are_ignored_unless_beam_search():
    assert check(mode="greedy", num_beams=[99]).num_beams == 4


def test_extreme_temperatures_act_as_the_nearest_useful_one():
    assert check(temperature=1e-300).temperature == 1e-3
    assert check(temperature=1e300).temperature == 1e3


@pytest.mark.parametrize(
    ("mode", "beams", "sample"), [("greedy", 1, False), ("beam", 4, False), ("sample", 1, True)]
)
def test_in_the_librarys_words(mode, beams, sample):
    base = GenerationConfig(length_penalty=0.7, decoder_start_token_id=2)
    config = check(mode=mode, max_new_tokens=9).generation_config(base)
    assert (config.num_beams, config.do_sample, config.max_new_tokens) == (beams, sample, 9)
    assert (config.length_penalty, config.decoder_start_token_id) == (0.7, 2)
    assert base.max_new_tokens is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "must be a string"),
        (["a"], "a list"),
        ("", "is empty"),
        (" \n\t", "is empty"),
        ("x" * 5001, "5,001"),
        ("a\0b", "NUL"),
        ("\ud83d", "surrogate"),
    ],
)
def test_refused_texts(text, words):
    with pytest.raises(ValueError, match="text") as error:
        check_text(text)
    assert words in str(error.value)


def test_texts_lose_only_the_space_around_them():
    assert check_text("  two  words \n") == "two  words"


def test_a_refused_value_becomes_the_pages_error():
    @refuses_politely
    def handler(value):
        raise ValueError(f"{value} must be below 3")

    with pytest.raises(gr.Error, match="7 must be below 3"):
        handler(7)
