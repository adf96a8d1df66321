"""Sets that hold the class as often as promised, per patient; and thresholds that keep a sensitivity."""
from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta

from medtl.functional.conformal import class_bounds, worst_of
from medtl.functional.measure import NotEstimable
from medtl.functional.thresholds import positives_needed, threshold_for_sensitivity


def hospital(rng: np.random.Generator, patients: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    who = np.repeat(np.arange(patients), rng.integers(1, 4, patients))
    labels = rng.integers(0, 3, patients)[who]
    z = rng.normal(size=(len(who), 3)) + 1.5 * np.eye(3)[labels] + rng.normal(size=(patients, 3))[who]
    return labels, np.exp(z) / np.exp(z).sum(axis=1, keepdims=True), who


def test_a_new_patient_of_each_class_is_covered() -> None:
    rng, held = np.random.default_rng(0), np.zeros((300, 3))
    for i in range(300):
        labels, p, who = hospital(rng, 90)
        bounds = class_bounds(labels, p, who, 0.2)
        assert not isinstance(bounds, NotEstimable)
        labels, p, who = hospital(rng, 200)
        right = bounds.sets(p)[np.arange(len(labels)), labels]
        for k in range(3):
            held[i, k] = (worst_of(right[labels == k].astype(float), who[labels == k]) == 1).mean()
    assert (held.mean(axis=0) >= 0.8 - 0.01).all()
    assert (held.mean(axis=0) <= 0.87).all()


def test_too_few_patients_of_a_class_is_not_attainable() -> None:
    labels, p, who = np.repeat([0, 1], [30, 18]), np.full((48, 2), 0.5), np.arange(48)
    found = class_bounds(labels, p, who, 0.05)
    assert isinstance(found, NotEstimable)
    assert "needs 19" in found.reason
    assert not isinstance(class_bounds(np.r_[labels, 1], np.full((49, 2), 0.5), np.arange(49), 0.05), NotEstimable)


def test_59_positives_are_needed_for_95() -> None:
    assert positives_needed(0.95) == 59
    rng = np.random.default_rng(1)
    short = threshold_for_sensitivity(np.ones(58), rng.random(58), 0.95)
    assert isinstance(short, NotEstimable)
    assert "needs 59" in short.reason
    scores = rng.random(59)
    assert threshold_for_sensitivity(np.ones(59), scores, 0.95) == scores.min()


@pytest.mark.parametrize("n", [59, 100, 400])
def test_the_rank_is_the_largest_that_keeps_the_promise(n: int) -> None:
    scores = np.arange(n) / n
    rank = round(float(threshold_for_sensitivity(np.ones(n), scores, 0.95)) * n) + 1  # type: ignore[arg-type]
    assert beta.sf(0.95, n - rank + 1, rank) >= 0.95
    assert beta.sf(0.95, n - rank, rank + 1) < 0.95


def test_the_wanted_sensitivity_is_kept_19_times_of_20_and_not_by_the_empirical_quantile() -> None:
    rng, kept, naive = np.random.default_rng(2), 0, 0
    for _ in range(2000):
        scores = rng.random(100)
        threshold = threshold_for_sensitivity(np.ones(100), scores, 0.95)
        kept += 1 - threshold >= 0.95  # type: ignore[operator]
        naive += 1 - np.sort(scores)[5] >= 0.95
    assert kept / 2000 >= 0.95 - 0.01
    assert naive / 2000 < 0.5


def test_a_patient_s_lowest_study_counts() -> None:
    scores = np.r_[np.linspace(0.5, 0.9, 60), np.linspace(0.1, 0.4, 60)]
    found = threshold_for_sensitivity(np.ones(120), scores, 0.95, np.tile(np.arange(60), 2))
    assert found == 0.1
