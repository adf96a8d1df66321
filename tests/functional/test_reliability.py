"""Bins of reliability: equal sizes, ties together, nothing lost."""
from __future__ import annotations

import numpy as np
import pytest

from medtl.functional.reliability import BINS, reliability_bins


def test_bins_hold_every_study_once_and_rise() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.random(503)
    bins = reliability_bins(rng.random(503) < probabilities, probabilities)
    assert len(bins) == BINS
    assert sum(b.studies for b in bins) == 503
    assert max(b.studies for b in bins) - min(b.studies for b in bins) <= 1
    assert [b.predicted for b in bins] == sorted(b.predicted for b in bins)


def test_calibrated_probabilities_lie_within_their_intervals() -> None:
    rng = np.random.default_rng(1)
    probabilities = rng.random(20_000)
    bins = reliability_bins(rng.random(20_000) < probabilities, probabilities)
    assert sum(b.interval.low <= b.predicted <= b.interval.high for b in bins) >= 9


def test_equal_probabilities_share_a_bin() -> None:
    bins = reliability_bins([0, 1] * 50, [0.3] * 60 + [0.7] * 40)
    assert [(b.predicted, b.studies) for b in bins] == [(pytest.approx(0.3), 60), (pytest.approx(0.7), 40)]


def test_few_studies_are_one_bin_and_none_are_none() -> None:
    assert [b.studies for b in reliability_bins([0, 1, 1], [0.1, 0.5, 0.9])] == [3]
    assert reliability_bins([], []) == ()
