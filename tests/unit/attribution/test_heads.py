"""The table of heads: numbers of patterns drawn by hand, and of every family's runs."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
import pytest

from bertgen.attribution import HeadRow, head_table
from bertgen.trace import GenerationTrace

NUMBERS = [item.name for item in fields(HeadRow) if item.type == "float"]
SOURCE = ("<s>", "a", "b", "c")
TARGET = ("a", "b", "c", "</s>")


def drawn(**patterns: np.ndarray) -> GenerationTrace:
    """A trace whose only layer has one head with the given weights, by kind."""
    weights = {kind: pattern[None, None].astype(np.float16) for kind, pattern in patterns.items()}
    return GenerationTrace.from_arrays(
        model="",
        source_ids=np.arange(4),
        source_pieces=SOURCE,
        source_words=(0, 1, 2, 3),
        target_ids=np.arange(4),
        target_pieces=TARGET,
        target_words=(0, 1, 2, 3),
        text="a b c",
        logprobs=np.zeros(4),
        top_k=(),
        beam_ancestry=None,
        finish_reason="eos",
        seconds=0.0,
        start_piece="<s>",
        **weights,
    )


def row_of(**pattern: np.ndarray) -> HeadRow:
    (row,) = head_table(drawn(**pattern))
    return row


def test_an_even_look():
    row = row_of(cross=np.full((4, 4), 0.25))
    assert (row.kind, row.layer, row.head) == ("cross", 0, 0)
    assert row.entropy == pytest.approx(1)
    assert row.confidence == pytest.approx(0.25)
    assert row.sink == pytest.approx(0.25)
    assert row.coverage == pytest.approx(1)
    assert row.distance == pytest.approx(np.abs(np.subtract.outer(range(4), range(4))).mean() / 4)
    assert row.diagonality == pytest.approx(1 - row.distance)
    assert math.isnan(row.previous)
    assert row.badges == ("even",)


def test_copying():
    """Each target piece's row looks at the same piece of the source; the end looks at the start."""
    row = row_of(cross=np.eye(4)[[1, 2, 3, 0]])
    assert row.entropy == pytest.approx(0)
    assert row.coverage == pytest.approx(1)
    assert "copies" in row.badges
    assert "sharp" in row.badges


def test_the_wrong_pieces_are_no_copies():
    assert "copies" not in row_of(cross=np.eye(4)[[2, 3, 1, 0]]).badges


def test_a_sink():
    row = row_of(cross=np.eye(4)[[0, 0, 0, 0]])
    assert row.sink == 1
    assert row.coverage == pytest.approx(0.25)
    assert "sink" in row.badges


def test_the_diagonal():
    row = row_of(cross=np.eye(4))
    assert (row.distance, row.diagonality) == (0, 1)
    assert "diagonal" in row.badges


def test_the_token_before_and_after():
    """Of self-attention; the first row of a decoder has no token before its own."""
    before = row_of(decoder_self=np.eye(4)[[0, 0, 1, 2]])
    assert before.previous == 1
    assert before.distance == pytest.approx(3 / 4)
    assert math.isnan(before.coverage)
    assert "previous" in before.badges
    after = row_of(encoder_self=np.eye(4)[[1, 2, 3, 3]])
    assert after.previous == 0
    assert "next" in after.badges
    assert "own" in row_of(encoder_self=np.eye(4)).badges


def test_entropy_of_a_causal_row_is_measured_by_what_it_saw():
    look = np.tril(np.ones((4, 4)))
    row = row_of(decoder_self=look / look.sum(1, keepdims=True))
    assert row.entropy == pytest.approx(1, abs=1e-3)
    assert row.confidence == pytest.approx(np.mean([1 / 2, 1 / 3, 1 / 4]), abs=1e-3)


def test_every_head_of_every_family(run):
    _, trace = run
    table = head_table(trace)
    assert len(table) == sum(np.prod(found.weights.shape[:2]) for found in trace.maps.values())
    assert len({(row.kind, row.layer, row.head) for row in table}) == len(table)
    for row in table:
        assert math.isnan(row.previous) == (row.kind == "cross")
        assert math.isnan(row.coverage) == (row.kind != "cross")
        for name in set(NUMBERS) - {"distance"}:
            value = getattr(row, name)
            assert math.isnan(value) or -1e-2 <= value <= 1.01, name
        for name in ("entropy", "confidence", "distance", "diagonality"):
            assert not math.isnan(getattr(row, name))


def test_a_run_that_wrote_nothing(run):
    """No row to take a mean of: NaN, and no badge."""
    _, trace = run
    entry = trace.maps["decoder_self"]
    empty = type(entry)(entry.weights[:, :, :0, :0], (), (), 1)
    bare = GenerationTrace(**{**vars(trace), "maps": {"decoder_self": empty}})
    for row in head_table(bare):
        assert math.isnan(row.entropy)
        assert math.isnan(row.distance)
        assert row.badges == ()
