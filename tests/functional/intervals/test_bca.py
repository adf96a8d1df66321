"""BCa against scipy's, on a mean whose bootstrap draws are the same."""
from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap as theirs

from medtl.functional.intervals.bca import bca, without_each
from medtl.functional.intervals.interval import Interval
from medtl.functional.measure import NotEstimable
from medtl.functional.metrics.auroc import METRIC, auroc
from medtl.functional.resampling import BinarySample


def test_equals_scipy_on_the_same_draws() -> None:
    x = np.random.default_rng(0).exponential(size=60)
    expected = theirs((x,), np.mean, n_resamples=3000, method="BCa", rng=np.random.default_rng(1))
    left_out = [np.delete(x, i).mean() for i in range(60)]
    found = bca(float(x.mean()), expected.bootstrap_distribution, left_out)
    assert isinstance(found, Interval)
    ends = expected.confidence_interval
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high), abs=1e-3)


def test_each_patient_is_left_out_with_all_studies() -> None:
    rng = np.random.default_rng(2)
    cluster = np.repeat(np.arange(15), 2)
    y, s = rng.random(30) < 0.5, rng.normal(size=30)
    found = without_each(BinarySample.of(y, s, cluster=cluster), METRIC)
    expected = [auroc(y[cluster != i], s[cluster != i]) for i in range(15)]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_draws_that_do_not_vary_have_no_interval() -> None:
    assert isinstance(bca(1.0, np.ones(50), np.ones(10)), NotEstimable)
