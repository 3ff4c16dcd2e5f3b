"""Each step on scores, on a few numbers worked by hand, and the warpers against the reference's answers."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from bertgen.generation import processors as p
from bertgen.generation import warpers as w

NEVER = -math.inf
GOLDEN = load_file(Path(__file__).parents[2] / "golden" / "warpers" / "expected.safetensors")
WARPERS = {
    "temperature": (w.temperature, float),
    "top_k": (w.top_k, int),
    "top_p": (w.top_p, float),
    "typical": (w.typical_p, float),
    "epsilon": (w.epsilon_cutoff, float),
    "eta": (w.eta_cutoff, float),
}


def scores(*values: float) -> torch.Tensor:
    return torch.tensor([values])


def ids(*values: int) -> torch.Tensor:
    return torch.tensor([values])


@pytest.mark.parametrize("key", sorted(set(GOLDEN) - {"logits"}))
def test_warpers_equal_the_reference(key):
    name, value = key.split("/")
    make, kind = WARPERS[name]
    given = GOLDEN["logits"].clone()
    torch.testing.assert_close(make(kind(value))(None, given), GOLDEN[key], rtol=0, atol=0)
    assert torch.equal(given, GOLDEN["logits"]), "the scores that came in were changed"


def test_temperature():
    assert w.temperature(2.0)(ids(0), scores(4.0, -1.0)).tolist() == [[2.0, -0.5]]


def test_top_k_keeps_ties():
    assert w.top_k(2)(ids(0), scores(3.0, 1.0, 1.0, 0.0)).tolist() == [[3.0, 1.0, 1.0, NEVER]]


def test_top_k_of_more_than_there_are():
    assert w.top_k(9)(ids(0), scores(3.0, 1.0)).tolist() == [[3.0, 1.0]]


def test_top_p_keeps_the_smallest_set():
    """Probabilities 0.5, 0.3, 0.15, 0.05: 0.79 needs two of them, 0.81 three."""
    given = torch.log(scores(0.3, 0.5, 0.05, 0.15))
    assert w.top_p(0.79)(ids(0), given).isfinite().tolist() == [[True, True, False, False]]
    assert w.top_p(0.81)(ids(0), given).isfinite().tolist() == [[True, True, False, True]]


def test_top_p_of_nothing_keeps_the_best():
    assert w.top_p(0.0)(ids(0), scores(0.0, 5.0, 1.0)).tolist() == [[NEVER, 5.0, NEVER]]


def test_repetition_penalty():
    """Positive scores of written tokens are divided, negative ones multiplied; once each."""
    result = p.repetition_penalty(2.0)(ids(0, 1, 1), scores(4.0, -3.0, 1.0))
    assert result.tolist() == [[2.0, -6.0, 1.0]]


@pytest.mark.parametrize(
    ("size", "written", "banned"),
    [
        (1, (2, 0), {2, 0}),
        (2, (0, 1, 0), {1}),
        (2, (0, 1, 2), set()),
        (3, (0, 1, 2, 0, 1), {2}),
        (3, (0, 1), set()),
    ],
)
def test_no_repeated_ngram(size, written, banned):
    result = p.no_repeat_ngram(size)(ids(*written), scores(1.0, 1.0, 1.0, 1.0))
    assert {index for index, value in enumerate(result[0].tolist()) if value == NEVER} == banned


def test_min_length_counts_the_start_token():
    processor = p.min_length(3, [1])
    assert processor(ids(2, 5), scores(1.0, 9.0)).tolist() == [[1.0, NEVER]]
    assert processor(ids(2, 5, 6), scores(1.0, 9.0)).tolist() == [[1.0, 9.0]]


def test_forced_token():
    processor = p.force_token(1, 2)
    assert processor(ids(2), scores(1.0, 9.0, 3.0)).tolist() == [[NEVER, NEVER, 0.0]]
    assert processor(ids(2, 2), scores(1.0, 9.0, 3.0)).tolist() == [[1.0, 9.0, 3.0]]


@pytest.mark.parametrize(
    ("make", "value"),
    [
        (w.temperature, 0.0),
        (w.temperature, -1.0),
        (w.temperature, "hot"),
        (w.top_k, 0),
        (w.top_k, 2.5),
        (w.top_p, -0.1),
        (w.top_p, 1.1),
        (p.repetition_penalty, 0.0),
        (p.repetition_penalty, 2),
        (p.no_repeat_ngram, -1),
    ],
)
def test_values_out_of_range(make, value):
    with pytest.raises(ValueError, match="must"):
        make(value)
