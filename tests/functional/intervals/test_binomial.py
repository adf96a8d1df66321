"""Exact and score intervals against scipy, and their coverage worked out exactly."""
from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from medtl.functional.intervals.binomial import clopper_pearson, wilson


@pytest.mark.parametrize("trials", [1, 7, 59, 400])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_equal_scipy(trials: int, level: float) -> None:
    for successes in {0, 1, trials // 3, trials - 1, trials}:
        test = binomtest(successes, trials)
        for ours, method in ((clopper_pearson, "exact"), (wilson, "wilson")):
            theirs = test.proportion_ci(level, method)
            found = ours(successes, trials, level)
            assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@pytest.mark.parametrize("trials", [10, 40, 100])
def test_coverage_summed_over_every_outcome(trials: int) -> None:
    truths = np.linspace(0.02, 0.98, 97)
    outcomes = np.arange(trials + 1)
    mass = binom.pmf(outcomes[:, None], trials, truths[None, :])
    covered = {}
    for method in (clopper_pearson, wilson):
        found = [method(k, trials) for k in outcomes.tolist()]
        holds = np.array([[i.low <= truth <= i.high for truth in truths] for i in found])
        covered[method.__name__] = (mass * holds).sum(axis=0)
    assert covered["clopper_pearson"].min() >= 0.95
    assert 0.93 <= covered["wilson"].mean() <= 0.97


@pytest.mark.parametrize(("successes", "trials"), [(-1, 5), (6, 5), (0, 0)])
def test_impossible_counts_are_refused(successes: int, trials: int) -> None:
    for method in (clopper_pearson, wilson):
        with pytest.raises(ValueError, match="successes"):
            method(successes, trials)


def test_a_level_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match="level"):
        wilson(1, 2, 1.0)
