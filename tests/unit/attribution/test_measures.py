"""Measures by name."""

from __future__ import annotations

import numpy as np
import pytest

from bertgen import trace_generate
from bertgen.attribution import MEASURES, measure
from bertgen.errors import Trouble

COSTS = ("none", "one pass", "a pass a token", "50 passes a token")


@pytest.fixture(scope="module")
def run(model, tokenizer):
    return model, trace_generate(model, tokenizer, "the cat")


def test_raw_is_what_the_trace_holds(run):
    model, trace = run
    maps = measure(model, trace, "raw")
    assert set(maps) == {"cross", "decoder_self", "encoder_self"}
    for name, found in maps.items():
        assert found.measure == "raw"
        np.testing.assert_array_equal(found.weights, trace.maps[name].weights)


def test_every_measure_says_what_it_is_and_keeps_to_the_kinds(run):
    model, trace = run
    for name, entry in MEASURES.items():
        assert all((entry.formula, entry.source, entry.silent_on))
        assert entry.cost in COSTS
        maps = measure(model, trace, name)
        assert set(maps) <= set(trace.maps)
        for kind, found in maps.items():
            assert found.measure == name
            assert found.weights.shape[2:] == trace.maps[kind].weights.shape[2:]


def test_an_unknown_measure_is_refused_with_the_known_ones(run):
    with pytest.raises(Trouble, match="raw") as caught:
        measure(*run, "magic")
    assert caught.value.key == "measure.unknown"
