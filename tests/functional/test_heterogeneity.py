"""Cochran's test: level under the null, power under a planted difference, and when there is none."""
from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2, kstest

from medtl.functional.heterogeneity import cochran
from medtl.functional.measure import NotEstimable


def test_p_values_are_uniform_under_the_null() -> None:
    rng, errors = np.random.default_rng(0), np.array([0.05, 0.1, 0.2, 0.02])
    p = [cochran(0.8 + errors * rng.normal(size=4), errors) for _ in range(1000)]
    assert kstest(p, "uniform").pvalue > 0.01


def test_two_groups_are_a_z_test() -> None:
    assert cochran([0.9, 0.7], [0.03, 0.04]) == pytest.approx(chi2.sf((0.2 / 0.05) ** 2, 1))


def test_groups_without_an_error_are_left_out() -> None:
    assert cochran([0.9, 0.7, np.nan], [0.03, 0.04, np.nan]) == pytest.approx(chi2.sf(16, 1))
    assert isinstance(cochran([0.9, 0.8], [0.03, 0.0]), NotEstimable)
