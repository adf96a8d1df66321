"""Intervals of scores: over patients, around the score, and honest about the spread."""
from __future__ import annotations

import numpy as np

from medtl.functional.transferability.interval import over_patients


def test_the_interval_has_the_spread_of_a_mean_over_patients() -> None:
    draw = np.random.default_rng(0)
    values = draw.normal(size=80)
    labels = np.arange(80) % 2
    single = over_patients(lambda rows: float(values[rows].mean()), labels, [""] * 80, draws=300)
    assert single.value == values.mean()
    reach = 0.5 * (single.high - single.low)
    assert 0.85 < reach / (1.99 * values.std() / np.sqrt(80)) < 1.15
    same = np.repeat(draw.normal(size=16), 5)
    alone = over_patients(lambda rows: float(same[rows].mean()), labels, [""] * 80, draws=300)
    grouped = over_patients(lambda rows: float(same[rows].mean()), labels, [f"p{k // 5}" for k in range(80)], draws=300)
    assert grouped.high - grouped.low > 1.7 * (alone.high - alone.low)


def test_without_draws_the_score_stands_alone() -> None:
    found = over_patients(lambda rows: 2.0, np.array([0, 1]), ["a", "b"], draws=0)
    assert (found.low, found.value, found.high) == (2.0, 2.0, 2.0)
