"""Means over classes and labels against scikit-learn, unknown labels masked."""
from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as oracle

from medtl.functional.macro import one_vs_rest, per_label
from medtl.functional.measure import NotEstimable
from medtl.functional.metrics.auroc import METRIC as AUROC
from medtl.functional.metrics.average_precision import METRIC as AVERAGE_PRECISION
from medtl.functional.metrics.sensitivity import METRIC as SENSITIVITY


def test_one_vs_rest_equals_scikit_learn_and_masks_unknown_labels() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 200)
    scores = rng.dirichlet(np.ones(4), 200) + 0.3 * np.eye(4)[labels]
    scores /= scores.sum(axis=1, keepdims=True)
    known = labels.copy()
    known[:20] = -1
    seen = known >= 0
    macro = one_vs_rest(AUROC, known, scores)
    expected = oracle.roc_auc_score(labels[seen], scores[seen], multi_class="ovr", average="macro")
    assert macro.value == pytest.approx(expected, abs=1e-12)
    recalls = one_vs_rest(SENSITIVITY, known, scores)
    expected = oracle.balanced_accuracy_score(labels[seen], scores[seen].argmax(axis=1))
    assert recalls.value == pytest.approx(expected, abs=1e-12)


def test_per_label_equals_scikit_learn_label_by_label() -> None:
    rng = np.random.default_rng(1)
    labels = (rng.random((150, 3)) < 0.4).astype(int)
    scores = np.clip(rng.random((150, 3)) * 0.7 + 0.3 * labels, 0, 1)
    labels[rng.random((150, 3)) < 0.2] = -1
    macro = per_label(AVERAGE_PRECISION, labels, scores)
    expected = [
        oracle.average_precision_score(labels[labels[:, k] >= 0, k], scores[labels[:, k] >= 0, k]) for k in range(3)
    ]
    assert macro.parts == pytest.approx(tuple(expected), abs=1e-12)
    assert macro.value == pytest.approx(float(np.mean(expected)), abs=1e-12)


def test_a_label_with_one_class_is_left_out_of_the_mean_and_named() -> None:
    labels = np.array([[1, 0], [0, 0], [1, 0]])
    macro = per_label(AUROC, labels, np.array([[0.9, 0.1], [0.2, 0.2], [0.8, 0.3]]))
    assert macro.value == 1.0
    assert macro.parts[1] == NotEstimable("no positive study")


def test_nothing_known_is_a_reason() -> None:
    assert isinstance(one_vs_rest(AUROC, [-1, -1], np.full((2, 3), 1 / 3)).value, NotEstimable)


def test_decisions_need_thresholds() -> None:
    with pytest.raises(ValueError, match="one threshold per label"):
        per_label(SENSITIVITY, [[1, 0]], [[0.5, 0.5]])
