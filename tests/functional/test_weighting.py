"""Weights: evidence left, and scale."""
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medtl.functional.weighting import effective_sample_size, mean_one


def test_equal_weights_count_fully_and_one_heavy_study_counts_as_one() -> None:
    assert effective_sample_size(np.full(7, 0.2)) == pytest.approx(7)
    assert effective_sample_size(np.array([5.0, 0, 0])) == pytest.approx(1)
    assert effective_sample_size(np.zeros(3)) == 0.0


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=20))
def test_effective_size_lies_between_one_and_n_and_ignores_scale(weights: list[float]) -> None:
    w = np.array(weights)
    assert 1 - 1e-9 <= effective_sample_size(w) <= len(w) + 1e-9
    assert effective_sample_size(3 * w) == pytest.approx(effective_sample_size(w))


def test_mean_is_one_over_the_rows_asked_for() -> None:
    rows = np.array([True, True, False])
    scaled = mean_one(np.array([1.0, 3.0, 8.0]), rows)
    np.testing.assert_allclose(scaled, [0.5, 1.5, 4.0])


@pytest.mark.parametrize("bad", [[-1.0, 2.0], [np.nan, 1.0], [0.0, 0.0]])
def test_impossible_weights_are_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="weights"):
        mean_one(np.array(bad), np.ones(2, dtype=bool))
