"""Youden's threshold against an exhaustive search."""
from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_curve

from medtl.functional.measure import NotEstimable
from medtl.functional.thresholds import youden


@pytest.mark.parametrize("levels", [1000, 10])
@pytest.mark.parametrize("seed", range(6))
def test_no_other_score_does_better_and_ties_take_the_highest(seed: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    positive = rng.random(120) < 0.4
    scores = np.round((rng.normal(size=120) + positive) * levels) / levels
    chosen = youden(positive, scores)
    assert isinstance(chosen, float)
    value = {score: balanced_accuracy_score(positive, scores >= score) for score in np.unique(scores)}
    best = max(value.values())
    assert value[chosen] == pytest.approx(best, abs=1e-12)
    assert not [score for score in value if score > chosen and value[score] > best - 1e-12]
    fpr, tpr, cuts = roc_curve(positive, scores)
    assert max(tpr - fpr) == pytest.approx(2 * best - 1, abs=1e-12)
    assert chosen in cuts


def test_perfect_separation_calls_every_positive_and_no_negative() -> None:
    assert youden([0, 0, 1, 1], [0.1, 0.4, 0.6, 0.9]) == 0.6


@pytest.mark.parametrize("positive", [[], [1, 1], [0, 0]])
def test_one_class_has_no_threshold(positive: list[int]) -> None:
    assert isinstance(youden(positive, np.linspace(0, 1, len(positive))), NotEstimable)
