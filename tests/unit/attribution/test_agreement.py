"""Agreement of two maps and alignment error against links by hand."""

from __future__ import annotations

import numpy as np
import pytest

from bertgen.attribution import agreement, alignment_error, measure
from bertgen.errors import Trouble

MAP = np.array([[0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]])


def test_a_map_agrees_with_itself_however_it_is_scaled():
    found = agreement(MAP, 7 * MAP + 1, k=2)
    np.testing.assert_allclose(found.rows, 1)
    np.testing.assert_allclose(found.overlap_rows, 1)
    assert (found.spearman, found.overlap) == (pytest.approx(1), 1)


def test_the_reverse_is_minus_one():
    found = agreement(MAP, MAP[:, ::-1], k=2)
    np.testing.assert_allclose(found.rows, -1)
    assert found.spearman == pytest.approx(-1)
    assert found.overlap == 0


def test_ranks_of_a_known_example():
    """Ranks 0 1.5 1.5 3 against 0 2 1 3, by the formula for Pearson's r: 4.5 / sqrt(4.5 * 5)."""
    found = agreement(np.array([[1, 2, 2, 5]]), np.array([[0, 4, 3, 9]]), k=1)
    assert found.rows[0] == pytest.approx(4.5 / np.sqrt(4.5 * 5))
    assert found.overlap == 1


def test_an_even_row_has_no_order():
    found = agreement(np.ones((1, 4)), MAP[:1])
    assert np.isnan(found.rows).all()
    assert np.isnan(found.spearman)


def test_cells_out_of_sight_do_not_count():
    """Zeros after the query would agree for nothing."""
    first = np.array([[1, 0, 0], [0.2, 0.8, 0], [0.1, 0.2, 0.7]])
    second = np.array([[1, 0, 0], [0.8, 0.2, 0], [0.7, 0.2, 0.1]])
    found = agreement(first, second, causal=True)
    assert np.isnan(found.rows[0])
    np.testing.assert_allclose(found.rows[1:], -1)
    assert agreement(first, second).rows[1] > -1


def test_maps_of_a_run_are_averaged_over_layers_and_heads(run):
    model, trace = run
    raw, norm = (measure(model, trace, name)["decoder_self"] for name in ("raw", "norm"))
    found = agreement(raw, norm, causal=True)
    means = [entry.weights.astype(np.float64).mean((0, 1)) for entry in (raw, norm)]
    assert found.spearman == agreement(*means, causal=True).spearman
    assert found.rows.shape == (len(raw.rows),)
    assert 0 < found.overlap <= 1


def test_other_shapes_are_refused():
    with pytest.raises(Trouble) as caught:
        agreement(MAP, MAP.T)
    assert caught.value.key == "measure.shapes"


def test_alignment_error_by_hand():
    """Targets 0 and 1 link to sources 3 and 0; links are (source, target)."""
    assert alignment_error(MAP, sure=[(3, 0), (0, 1)]) == 0
    assert alignment_error(MAP, sure=[(1, 0), (1, 1)]) == 1
    # one of two is right: 1 - (1 + 1) / (2 + 2)
    assert alignment_error(MAP, sure=[(3, 0), (1, 1)]) == pytest.approx(0.5)
    # the other is possible: 1 - (1 + 2) / (2 + 2); where it is not asked for, nothing is wrong
    assert alignment_error(MAP, sure=[(3, 0), (1, 1)], possible=[(0, 1)]) == pytest.approx(0.25)
    assert alignment_error(MAP, sure=[(3, 0)], possible=[(0, 1)]) == 0


def test_alignment_needs_a_sure_link():
    with pytest.raises(Trouble) as caught:
        alignment_error(MAP, sure=[], possible=[(0, 0)])
    assert caught.value.key == "measure.links"
