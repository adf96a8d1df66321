"""Intervals over patients and seeds: they cover a new training on new patients, which patients alone do not."""
from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

from medtl.functional.intervals.clustered import logit_t
from medtl.functional.intervals.crossed import crossed_logit_t
from medtl.functional.intervals.interval import Interval


def draws_of_shares(hits: np.ndarray, replicates: int, rng: np.random.Generator) -> np.ndarray:
    """Shares of hits per seed under shared draws of patients; (S, patients) to (S, replicates)."""
    patients = hits.shape[1]
    counts = rng.multinomial(patients, np.full(patients, 1 / patients), size=replicates)
    return hits @ counts.T / patients


def test_coverage_over_patients_and_seeds() -> None:
    """A share whose logit moves from seed to seed: the crossed interval covers its mean, patients alone do not."""
    rng = np.random.default_rng(5)
    patients, seeds, simulations, truth = 80, 3, 300, 0.8
    spread = 0.06
    covered = {"crossed": 0, "patients": 0}
    for _ in range(simulations):
        rates = np.clip(truth + spread * rng.standard_normal(seeds), 0.01, 0.99)
        skill = rng.uniform(size=patients)  # the same patients meet every seed
        hits = (skill[None, :] < rates[:, None]).astype(float)
        draws = draws_of_shares(hits, 400, rng)
        crossed = crossed_logit_t(hits.mean(axis=1), draws, patients // 2)
        alone = logit_t(float(hits.mean()), draws.mean(axis=0), patients // 2)
        for name, interval in (("crossed", crossed), ("patients", alone)):
            assert isinstance(interval, Interval)
            covered[name] += interval.low <= truth <= interval.high
    assert covered["crossed"] / simulations >= 0.93
    assert covered["patients"] / simulations < 0.93


def test_one_seed_is_the_interval_of_one_model() -> None:
    rng = np.random.default_rng(0)
    hits = (rng.uniform(size=(1, 60)) < 0.7).astype(float)
    draws = draws_of_shares(hits, 500, rng)
    assert crossed_logit_t(hits.mean(axis=1), draws, 20) == logit_t(float(hits.mean()), draws[0], 20)


def test_seeds_that_differ_widen_it_and_it_stays_within_bounds() -> None:
    rng = np.random.default_rng(1)
    draws = expit(logit(0.9) + 0.3 * rng.standard_normal(800))[None, :].repeat(3, axis=0)
    alike = crossed_logit_t([0.9, 0.9, 0.9], draws, 25)
    apart = crossed_logit_t([0.84, 0.9, 0.96], draws + np.array([[-0.06], [0.0], [0.06]]), 25)
    assert isinstance(alike, Interval)
    assert isinstance(apart, Interval)
    assert apart.high - apart.low > alike.high - alike.low
    assert 0 < apart.low < 0.9 < apart.high < 1
