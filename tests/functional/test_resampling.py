"""Bootstrap counts on one sort against samples that are really drawn and really sorted."""
from __future__ import annotations

import importlib

import numpy as np
import pytest

from medtl import registry
from medtl.functional.macro import value_of
from medtl.functional.measure import Metric, NotEstimable
from medtl.functional.resampling import BinarySample, Resampled

METRICS: list[Metric] = [
    importlib.import_module(f"medtl.functional.metrics.{name}").METRIC for name in registry.names("metrics")
]


def clustered(seed: int, patients: int = 40, levels: int | None = None) -> BinarySample:
    rng = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(patients), rng.integers(1, 5, patients))
    positive = rng.random(len(cluster)) < 0.4
    scores = rng.random(len(cluster)) * 0.6 + 0.3 * positive
    if levels is not None:
        scores = np.round(scores * levels) / levels
    return BinarySample.of(positive, scores, cluster=cluster, clusters=patients, decided=scores >= 0.5)


def materialised(sample: BinarySample, counts: np.ndarray) -> BinarySample:
    rows = np.concatenate([
        np.flatnonzero(sample.cluster == patient) for patient, count in enumerate(counts) for _ in range(int(count))
    ])
    assert sample.decided is not None
    return BinarySample.of(sample.positive[rows], sample.scores[rows], decided=sample.decided[rows])


@pytest.mark.parametrize("levels", [None, 30, 4])
@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_counts_equal_drawn_rows(metric: Metric, levels: int | None) -> None:
    sample = clustered(1, levels=levels)
    counts = np.random.default_rng(2).multinomial(40, np.full(40, 1 / 40), size=25)
    values = metric.kernel(Resampled(sample, counts))
    for value, row in zip(values, counts, strict=True):
        expected = value_of(metric, materialised(sample, row))
        if isinstance(expected, NotEstimable):
            assert np.isnan(value)
        else:
            assert value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_draw_without_the_needed_class_is_nan_inside_and_a_reason_outside(metric: Metric) -> None:
    sample = BinarySample.of([1, 0], [0.9, 0.1], cluster=[0, 1], decided=[True, False])
    values = metric.kernel(Resampled(sample, [[1, 0], [0, 1], [0, 0]]))
    expected = [metric.missing(1, 0), metric.missing(0, 1), metric.missing(0, 0)]
    assert [bool(np.isnan(value)) for value in values] == [isinstance(reason, NotEstimable) for reason in expected]


def test_counts_of_another_number_of_patients_are_refused() -> None:
    with pytest.raises(ValueError, match="counts must be"):
        Resampled(clustered(3), np.ones((2, 7)))


def test_decisions_are_asked_for_where_there_is_no_threshold() -> None:
    bare = BinarySample.of([0, 1], [0.1, 0.9])
    with pytest.raises(ValueError, match="threshold"):
        _ = Resampled(bare, np.ones((1, 2))).true_positives
