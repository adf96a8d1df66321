"""The shipped intervals: where they exist, what bounds them, and how two recover a difference."""
from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import norm, t

from medtl.functional.intervals.clustered import (
    MIN_PATIENTS,
    independent_difference,
    logit_t,
    paired_difference,
    t_quantile,
)
from medtl.functional.intervals.interval import Interval
from medtl.functional.measure import NotEstimable

DRAWS = np.random.default_rng(0).normal(0.8, 0.05, 500)


def test_is_the_delta_method_on_the_logit_scale() -> None:
    found = logit_t(0.8, DRAWS, 20)
    assert isinstance(found, Interval)
    spread = np.sqrt(DRAWS.var(ddof=1) + 0.8 * 0.2 / (2 * 20**2))
    reach = t.ppf(0.975, 19) * spread / (0.8 * 0.2)
    assert (found.low, found.high) == pytest.approx(tuple(expit([logit(0.8) - reach, logit(0.8) + reach])), abs=1e-12)


def test_many_patients_bring_the_normal_quantile() -> None:
    assert t_quantile(100_000) == pytest.approx(norm.ppf(0.975), abs=1e-4)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_perfect_value_has_the_exact_bound_of_separate_patients(value: float) -> None:
    found = logit_t(value, np.full(100, value), 20)
    assert isinstance(found, Interval)
    far = found.low if value == 1.0 else 1 - found.high
    assert far**20 == pytest.approx(0.025)
    assert value in (found.low, found.high)


def test_few_patients_or_few_defined_draws_give_a_reason() -> None:
    few = logit_t(0.8, DRAWS, MIN_PATIENTS - 1)
    assert isinstance(few, NotEstimable)
    assert f"needs {MIN_PATIENTS}" in few.reason
    holes = DRAWS.copy()
    holes[:60] = np.nan
    missing = paired_difference(0.1, holes, 20)
    assert isinstance(missing, NotEstimable)
    assert "60 of 500" in missing.reason
    assert isinstance(logit_t(0.8, [], 20), NotEstimable)


def test_a_difference_recovered_from_symmetric_intervals_is_the_usual_one() -> None:
    one, other = Interval(0.7, 0.9, "x"), Interval(0.45, 0.75, "x")
    found = independent_difference(0.8, one, 0.6, other)
    reach = math.hypot(0.1, 0.15)
    assert (found.low, found.high) == pytest.approx((0.2 - reach, 0.2 + reach))


def test_swapping_the_samples_turns_the_difference_round() -> None:
    one, other = Interval(0.7, 0.85, "x"), Interval(0.5, 0.75, "x")
    there, back = independent_difference(0.8, one, 0.6, other), independent_difference(0.6, other, 0.8, one)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))
