"""Differences: t tests against scipy, two one-sided tests, crossed seeds, and what could have been seen."""
from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from medtl.functional.intervals.difference import POWER, Difference, from_draws, without_spread
from medtl.functional.measure import NotEstimable


def test_p_values_and_intervals_are_those_of_a_t_test() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(0.4, 1.0, 20)
    d = Difference(float(x.mean()), float(x.std(ddof=1) / np.sqrt(20)), 19, "t")
    theirs = stats.ttest_1samp(x, 0.0)
    assert d.p_either() == pytest.approx(theirs.pvalue, abs=1e-12)
    assert d.p_above(0.1) == pytest.approx(stats.ttest_1samp(x, 0.1, alternative="greater").pvalue, abs=1e-12)
    ends = theirs.confidence_interval(0.9)
    assert (d.interval(0.9).low, d.interval(0.9).high) == pytest.approx((ends.low, ends.high), abs=1e-12)
    lower, upper = (stats.ttest_1samp(x, b, alternative=side).pvalue for b, side in ((-1, "greater"), (1, "less")))
    assert d.p_within(1.0) == pytest.approx(max(lower, upper), abs=1e-12)


def test_equivalence_is_an_interval_within_the_margin() -> None:
    d = Difference(0.01, 0.01, 30, "t")
    reach = max(abs(d.interval(0.9).low), abs(d.interval(0.9).high))
    assert d.p_within(reach + 1e-9) < 0.05 < d.p_within(reach - 1e-9)


def test_the_smallest_gap_that_could_have_been_seen_is_seen_with_that_power() -> None:
    d = Difference(0.0, 0.02, 40, "t")
    gap = d.detectable()
    rng = np.random.default_rng(1)
    seen = np.mean([
        Difference(gap + 0.02 * z, 0.02 * np.sqrt(w / 40), 40, "t").p_either() < 0.05
        for z, w in zip(rng.normal(size=4000), rng.chisquare(40, 4000), strict=True)
    ])
    assert seen == pytest.approx(POWER, abs=0.03)
    assert d.detectable(sides=1) < gap < d.detectable(0.01)


def test_no_spread_is_bounded_by_separate_patients() -> None:
    found = without_spread(0.0, 60, "x").interval()
    assert (1 - found.high) ** 60 == pytest.approx(0.025)
    assert found.low == -found.high


def test_one_seed_is_the_patients_own_spread() -> None:
    draws = np.random.default_rng(2).normal(0.1, 0.03, 500)
    found = from_draws([0.1], draws, 25)
    assert isinstance(found, Difference)
    assert (found.error, found.freedom) == (pytest.approx(draws.std(ddof=1)), 24)


def test_seeds_that_agree_add_nothing_and_seeds_that_differ_add_their_variance() -> None:
    rng = np.random.default_rng(3)
    base = rng.normal(0.0, 0.02, 20_000)
    same = from_draws([0.1] * 3, np.stack([base] * 3), 200)
    values = np.array([-0.1, 0.0, 0.1])
    apart = from_draws(values, base + values[:, None], 200)
    assert isinstance(same, Difference)
    assert isinstance(apart, Difference)
    assert same.error == pytest.approx(0.02, rel=0.02)
    assert same.freedom == pytest.approx(199)
    assert apart.error**2 == pytest.approx(0.02**2 + values.var(ddof=1) / 3, rel=0.03)
    assert 2 <= apart.freedom < 3


def test_too_little_is_said() -> None:
    for patients, draws in ((4, np.zeros(100)), (20, np.r_[np.zeros(80), np.full(20, np.nan)]), (20, np.zeros(0))):
        assert isinstance(from_draws([0.0], draws, patients), NotEstimable)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 5])
def test_a_method_s_interval_covers_over_patients_and_seeds(seeds: int) -> None:
    """Patients, seeds and both together vary, the truth is 0; the crossed form may err to the safe side."""
    rng, hits = np.random.default_rng(4), 0
    for _ in range(1000):
        own, by_seed = rng.normal(0, 1, 60), rng.normal(0, 0.15, seeds)
        effect = own + by_seed[:, None] + rng.normal(0, 0.5, (seeds, 60))
        counts = rng.multinomial(60, np.full(60, 1 / 60), 300)
        found = from_draws(effect.mean(axis=1), effect @ counts.T / 60, 60, seed=int(rng.integers(1 << 30)))
        assert isinstance(found, Difference)
        ends = found.interval()
        hits += ends.low <= 0 <= ends.high
    print(f"{seeds} seeds: {hits / 1000:.3f}")
    assert 0.93 <= hits / 1000 <= 0.99
