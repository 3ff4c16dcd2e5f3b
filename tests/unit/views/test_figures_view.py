"""Merging, aggregating, hiding and labelling, against numbers worked by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from components.views.figure import attention_figure, explorer_figure, percent, sentence, where
from components.views.finished import finished_run
from components.views.maps import aggregate, attention_view, merge
from tests.unit.views.test_figures_payload import make_trace

A = np.array([[0.5, 0.25, 0.25], [0.125, 0.625, 0.25], [0.25, 0.25, 0.5]])


def test_keys_add_up_and_queries_are_averaged():
    merged = merge(A, rows=[[0, 1], [2]], columns=[[0], [1, 2]])
    np.testing.assert_allclose(merged, [[0.3125, 0.6875], [0.25, 0.75]])
    np.testing.assert_allclose(merged.sum(-1), 1)


def test_aggregates_over_heads_then_layers():
    weights = np.zeros((2, 2, 1, 2))
    weights[0, 0, 0], weights[0, 1, 0] = [1, 0], [0, 1]
    weights[1, 0, 0], weights[1, 1, 0] = [0.25, 0.75], [0.75, 0.25]
    np.testing.assert_allclose(aggregate(weights, 0, 1), [[0, 1]])
    np.testing.assert_allclose(aggregate(weights, 1, "mean"), [[0.5, 0.5]])
    np.testing.assert_allclose(aggregate(weights, "mean", "max"), [[0.875, 0.875]])
    np.testing.assert_allclose(aggregate(weights, "max", 0), [[1, 0.75]])
    with pytest.raises(ValueError, match=r"choose 0\.\.1"):
        aggregate(weights, 2, 0)
    with pytest.raises(ValueError, match="cannot pick"):
        aggregate(weights, 0, "median")


@pytest.fixture
def run():
    """the | the -> die | Kat ze | </s>: a repeated word, a word of two pieces, an end token."""
    cross = np.array([[0.5, 0.5], [0.25, 0.75], [0.75, 0.25], [1.0, 0.0]])[None, None]
    decoder_self = np.array([[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25, 0.25, 0.5, 0], [0.25, 0.25, 0.25, 0.25]])[
        None, None
    ]
    encoder_self = np.array([[0.75, 0.25], [0.5, 0.5]])[None, None]
    trace = make_trace(
        ["▁the", "▁the"],
        ["▁die", "▁Kat", "ze", "</s>"],
        {"source": [0, 1], "target": [0, 1, 1, 2]},
        cross=cross,
        decoder_self=decoder_self,
        encoder_self=encoder_self,
    )
    return finished_run(trace)


def test_cross_by_words(run):
    view = attention_view(run, "cross", 0, 0)
    assert view.rows == [("<s>", "die"), ("die", "Katze"), ("Katze", "</s>")]
    assert view.columns == ["the", "the"]
    np.testing.assert_allclose(view.z, [[0.5, 0.5], [0.5, 0.5], [1, 0]], atol=2e-5)
    assert (view.hidden, view.hidden_rows) == (0, 0)


def test_rows_can_stand_for_the_token_read(run):
    view = attention_view(run, "cross", 0, 0, by="read")
    assert view.rows == [("<s>", "die"), ("die", "Kat" + "ze"), ("Katze", "</s>")]
    np.testing.assert_allclose(view.z, [[0.5, 0.5], [0.25, 0.75], [0.875, 0.125]], atol=2e-5)
    pieces = attention_view(run, "cross", 0, 0, by="read", words=False)
    assert pieces.rows == [("<s>", "die"), ("die", "Kat"), ("Kat", "·ze"), ("·ze", "</s>")]


def test_what_comes_later_is_blank_not_zero(run):
    view = attention_view(run, "decoder_self", 0, 0, words=False)
    assert view.columns == ["<s>", "die", "Kat", "·ze"]
    assert np.isnan(view.z[np.triu_indices(4, 1)]).all()
    assert not np.isnan(view.z[np.tril_indices(4)]).any()
    words = attention_view(run, "decoder_self", 0, 0)
    expected = [[1, np.nan, np.nan], [0.375, 0.375, 0.25], [0.25, 0.25, 0.5]]
    np.testing.assert_allclose(words.z, expected, atol=2e-5)


def test_hidden_mass_is_told_and_nothing_is_renormalised(run):
    view = attention_view(run, "decoder_self", 0, 0, hide_special=True)
    assert view.columns == ["die", "Katze"]
    assert view.rows == [("<s>", "die"), ("die", "Katze")]
    np.testing.assert_allclose(view.z, [[np.nan, np.nan], [0.375, 0.25]], atol=2e-5)
    assert view.hidden == pytest.approx((1 + 0.375) / 2, abs=1e-4)
    assert view.hidden_rows == 1
    np.testing.assert_allclose(np.nansum(view.z) / 2 + view.hidden, 1, atol=1e-4)


def test_encoder_rows_are_source_words(run):
    view = attention_view(run, "encoder_self", "mean", "max", hide_special=True)
    assert view.rows == [("the", "the"), ("the", "the")]
    np.testing.assert_allclose(view.z, [[0.75, 0.25], [0.5, 0.5]], atol=2e-5)


def test_a_kind_that_was_not_captured_says_so(run):
    with pytest.raises(ValueError, match="capture=True"):
        attention_view(replace(run, maps={}), "cross")


def test_sentences():
    told = sentence("cross", ("Die", "Katze"), "cat", 0.62, where(2, 1), "wrote")
    assert told == "writing Katze, layer 3 head 2 looks 62\u00a0% at cat"
    assert sentence("cross", ("Die", "Katze"), "*", 0.5, where(0, "mean"), "read") == (
        "having read Die, layer 1 (mean of heads) looks 50\u00a0% at *"
    )
    assert where("mean", "mean") == "the mean of layers and heads"
    assert [percent(p) for p in (0, 0.0004, 0.004, 0.125, 1)] == [
        "0\u00a0%",
        "<0.1\u00a0%",
        "0.4\u00a0%",
        "13\u00a0%",
        "100\u00a0%",
    ]


def test_repeated_and_special_words_survive_in_the_figure(run):
    figure = attention_figure(attention_view(run, "cross", 0, 0), "cross", 0, 0)
    layout = figure.to_plotly_json()["layout"]
    assert layout["xaxis"]["tickvals"] == [0, 1]
    assert list(layout["xaxis"]["ticktext"]) == ["the", "the"]
    assert layout["yaxis"]["ticktext"][-1].endswith("&lt;/s&gt;")
    assert "layer 1 head 1" in layout["title"]["text"]
    trace = figure.data[0]
    assert np.shape(trace.z) == (3, 2)
    assert trace.customdata[2][0] == "writing &lt;/s&gt;, layer 1 head 1 looks 100\u00a0% at the"
    blank = attention_figure(attention_view(run, "decoder_self", 0, 0), "decoder_self", dark=True)
    assert math.isnan(blank.data[0].z[0][1])
    assert blank.data[0].customdata[0][1] == ""


def test_the_skeleton_is_small_json():
    text = json.dumps(explorer_figure(), allow_nan=False)
    assert len(text) < 8000
    assert "template" not in text
