"""Every metric against scikit-learn, under ties and weights, and against what must not change it."""
from __future__ import annotations

import importlib
from collections.abc import Callable

import numpy as np
import pytest
from sklearn import metrics as oracle

from medtl import registry
from medtl.functional.measure import Metric, NotEstimable
from medtl.functional.metrics.auroc import auroc
from medtl.functional.metrics.average_precision import average_precision
from medtl.functional.metrics.balanced_accuracy import balanced_accuracy
from medtl.functional.metrics.brier import brier
from medtl.functional.metrics.sensitivity import sensitivity
from medtl.functional.metrics.specificity import specificity

NAMES = registry.names("metrics")


def draw(seed: int, n: int = 300, levels: int | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    positive = rng.random(n) < 0.3
    scores = 1 / (1 + np.exp(-rng.normal(size=n) - positive))
    if levels is not None:
        scores = np.round(scores * levels) / levels
    return positive, scores, rng.exponential(size=n) * (rng.random(n) < 0.8)


@pytest.mark.parametrize("levels", [None, 50, 3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_equals_scikit_learn(seed: int, weighted: bool, levels: int | None) -> None:
    positive, scores, weights = draw(seed, levels=levels)
    w = weights if weighted else None
    called = scores >= 0.5
    pairs = [
        (auroc(positive, scores, w), oracle.roc_auc_score(positive, scores, sample_weight=w)),
        (average_precision(positive, scores, w), oracle.average_precision_score(positive, scores, sample_weight=w)),
        (brier(positive, scores, w), oracle.brier_score_loss(positive, scores, sample_weight=w)),
        (sensitivity(positive, called, w), oracle.recall_score(positive, called, sample_weight=w)),
        (specificity(positive, called, w), oracle.recall_score(~positive, ~called, sample_weight=w)),
        (balanced_accuracy(positive, called, w), oracle.balanced_accuracy_score(positive, called, sample_weight=w)),
    ]
    for ours, theirs in pairs:
        assert ours == pytest.approx(float(theirs), abs=1e-12)


def load(name: str) -> tuple[Callable[..., float | NotEstimable], Metric]:
    function = registry.load("metrics", name)
    return function, importlib.import_module(function.__module__).METRIC


@pytest.mark.parametrize("name", NAMES)
def test_says_what_it_is_and_stays_in_its_range(name: str) -> None:
    function, metric = load(name)
    assert metric.name == name == function.__name__
    assert function.__doc__ is not None
    positive, scores, _ = draw(1)
    value = function(positive, scores >= 0.5 if metric.needs == "decisions" else scores)
    assert isinstance(value, float)
    assert metric.low <= value <= metric.high


@pytest.mark.parametrize("name", NAMES)
def test_order_of_studies_changes_nothing(name: str) -> None:
    function, metric = load(name)
    positive, scores, weights = draw(2, levels=20)
    given = scores >= 0.5 if metric.needs == "decisions" else scores
    shuffled = np.random.default_rng(3).permutation(len(scores))
    again = function(positive[shuffled], given[shuffled], weights[shuffled])
    assert again == pytest.approx(function(positive, given, weights), abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_a_perfect_model_is_at_the_good_end(name: str) -> None:
    function, metric = load(name)
    positive = np.array([True, False, True, False])
    value = function(positive, positive.astype(float))
    if metric.higher_is_better is None:
        assert isinstance(value, NotEstimable) or value == pytest.approx(0, abs=1e-9)
    else:
        assert value == pytest.approx(metric.high if metric.higher_is_better else metric.low, abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_one_class_or_none_is_a_reason_not_a_number(name: str) -> None:
    function, metric = load(name)
    scores = np.array([0.2, 0.8])
    nothing = function(np.zeros(0), np.zeros(0))
    assert isinstance(nothing, NotEstimable)
    for label, missing in ((1, ("both", "negative")), (0, ("both", "positive"))):
        value = function(np.full(2, label), scores >= 0.5 if metric.needs == "decisions" else scores)
        assert isinstance(value, NotEstimable) == (metric.classes in missing)
        if isinstance(value, NotEstimable):
            assert "study" in value.reason


def test_auroc_does_not_see_a_monotone_change_of_scale() -> None:
    positive, scores, weights = draw(4)
    assert auroc(positive, np.log(scores) * 7, weights) == auroc(positive, scores, weights)


def test_weights_of_zero_take_a_study_out() -> None:
    positive, scores, _ = draw(5)
    keep = np.arange(len(scores)) % 3 > 0
    assert auroc(positive, scores, keep) == pytest.approx(auroc(positive[keep], scores[keep]), abs=1e-12)


@pytest.mark.parametrize(("scores", "said"), [
    ([0.1, np.nan], "not finite"), ([0.1], "one length"), ([0.1, 0.2, 0.3], "one length"),
])
def test_scores_that_cannot_be_scored_are_refused(scores: list[float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        auroc([0, 1], scores)


def test_labels_other_than_two_are_refused() -> None:
    with pytest.raises(ValueError, match="mask unknown"):
        auroc([0, 1, -1], [0.1, 0.2, 0.3])


def test_brier_refuses_what_is_no_probability() -> None:
    with pytest.raises(ValueError, match="probabilities"):
        brier([0, 1], [0.1, 1.2])


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [1.0, np.inf]])
def test_weights_that_are_none_are_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="weights"):
        auroc([0, 1], [0.1, 0.2], weights)
