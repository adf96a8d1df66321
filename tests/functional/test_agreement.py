"""Figures of agreement equal their formulas written out, and their intervals cover."""
from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from medtl.functional.agreement import AGREEMENTS, ValueSample, agreement, interval_of, value_of
from medtl.functional.intervals.bootstrap import count_chunks
from medtl.functional.intervals.interval import Interval
from medtl.functional.measure import NotEstimable


def data(seed: int = 0, n: int = 40) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    y = 1000.0 + 12.0 * draw.normal(size=n)
    return y, 1.0 + 0.8 * (y - 1000) + 1000 + 5.0 * draw.normal(size=n)


def test_every_figure_is_its_formula() -> None:
    y, p = data()
    found = agreement(y, p)
    e = p - y
    assert found["mae"] == pytest.approx(mean_absolute_error(y, p))
    assert found["rmse"] == pytest.approx(root_mean_squared_error(y, p))
    assert found["r2"] == pytest.approx(r2_score(y, p))
    covariance = np.mean((y - y.mean()) * (p - p.mean()))
    assert found["concordance"] == pytest.approx(2 * covariance / (y.var() + p.var() + (y.mean() - p.mean()) ** 2))
    assert found["bias"] == pytest.approx(e.mean())
    assert found["limit_low"] == pytest.approx(e.mean() - 1.959964 * e.std(ddof=1))
    assert found["limit_high"] == pytest.approx(e.mean() + 1.959964 * e.std(ddof=1))


def test_what_does_not_exist_is_said() -> None:
    assert isinstance(agreement([], [])["mae"], NotEstimable)
    one = agreement([3.0], [4.0])
    assert one["mae"] == 1.0
    assert isinstance(one["r2"], NotEstimable)
    assert isinstance(one["limit_low"], NotEstimable)
    assert agreement([1.0, 2.0], [1.0, 2.0])["concordance"] == pytest.approx(1.0)


def test_weights_count_patients_as_if_they_stood_there_twice() -> None:
    y, p = data()
    cluster = np.arange(40) // 2
    counts = np.random.default_rng(1).integers(0, 3, 20)
    rows = np.repeat(np.arange(40), counts[cluster])
    sums = (counts @ ValueSample(y, p, cluster, 20).sums())[None]
    for figure in AGREEMENTS:
        wanted = value_of(figure, ValueSample(y[rows], p[rows], np.arange(len(rows)), len(rows)))
        assert figure.kernel(sums)[0] == pytest.approx(wanted), figure.name


def test_intervals_cover_about_as_often_as_they_say() -> None:
    big_y, big_p = data(99, 400_000)
    truth = agreement(big_y, big_p)
    hits = dict.fromkeys((figure.name for figure in AGREEMENTS), 0)
    for seed in range(150):
        y, p = data(seed, 40)
        sample = ValueSample(y, p, np.arange(40), 40)
        sums = sample.sums()
        counts = np.concatenate(list(count_chunks(seed, [("a", 40)], 300, 40)))
        for figure in AGREEMENTS:
            value = value_of(figure, sample)
            assert isinstance(value, float)
            found = interval_of(figure, value, figure.kernel(counts @ sums), 40)
            assert isinstance(found, Interval)
            hits[figure.name] += found.low <= float(truth[figure.name]) <= found.high  # type: ignore[arg-type]
    assert all(0.86 <= count / 150 <= 1.0 for count in hits.values()), hits
