"""Label-free scores against other ways of computing them, and against what they are meant to tell apart."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import softmax
from scipy.stats import entropy, norm

from medtl.functional.entropy import prediction_entropy
from medtl.functional.selection.confidence import mean_entropy, mutual_information, soft_neighbourhood_density
from medtl.functional.selection.ratio import cross_fitted_ratio
from medtl.functional.selection.reverse import reverse_risk
from medtl.functional.selection.risk import deep_embedded_risk, importance_weighted_risk


def answers(seed: int = 0, n: int = 40, k: int = 3) -> np.ndarray:
    return np.asarray(softmax(2 * np.random.default_rng(seed).normal(size=(n, k)), axis=1))


def test_entropies_are_those_of_scipy_and_of_torch() -> None:
    rows = answers()
    assert mean_entropy(rows) == pytest.approx(np.mean([entropy(row) for row in rows]), abs=1e-12)
    assert mean_entropy(rows) == pytest.approx(
        float(prediction_entropy(torch.from_numpy(np.log(rows)), "multiclass").mean()), abs=1e-6)
    told = entropy(rows.mean(axis=0)) - np.mean([entropy(row) for row in rows])
    assert mutual_information(rows) == pytest.approx(told, abs=1e-12)
    assert mutual_information(rows) == pytest.approx(np.mean([entropy(r, rows.mean(axis=0)) for r in rows]), abs=1e-12)


def test_extremes_of_information() -> None:
    decided = np.eye(2)[[0, 1] * 10]
    assert mutual_information(decided) == pytest.approx(np.log(2))
    collapsed = np.eye(2)[[0] * 20]
    assert mutual_information(collapsed) == pytest.approx(0.0)
    assert mean_entropy(collapsed) == 0.0, "entropy alone cannot tell a collapse"


def test_density_is_a_plain_loop_over_pairs() -> None:
    rows, tau = answers(1, 12), 0.05
    total = 0.0
    for i in range(len(rows)):
        near = {j: np.exp(float(rows[i] @ rows[j] / np.linalg.norm(rows[i]) / np.linalg.norm(rows[j])) / tau)
                for j in range(len(rows)) if j != i}
        shares = [value / sum(near.values()) for value in near.values()]
        total += -sum(p * np.log(p) for p in shares)
    assert soft_neighbourhood_density(rows, tau) == pytest.approx(total / len(rows), rel=1e-10)
    alike = np.tile([[0.7, 0.3]], (9, 1))
    assert soft_neighbourhood_density(alike) == pytest.approx(np.log(8))
    assert soft_neighbourhood_density(alike[:2]) == 0.0


def test_weighted_risks_find_the_target_under_covariate_shift_and_dev_varies_less() -> None:
    """Source N(0, 1), target N(.7, 1), loss x**2 + 1: the target's risk is .49 + 1 + 1."""
    rng = np.random.default_rng(3)
    plain, weighted, dev = [], [], []
    for _ in range(400):
        x = rng.normal(size=400)
        w = norm.pdf(x, 0.7) / norm.pdf(x)
        loss = x**2 + 1
        plain.append(loss.mean())
        weighted.append(importance_weighted_risk(loss, w))
        dev.append(deep_embedded_risk(loss, w))
    assert abs(np.mean(plain) - 2.49) > 0.4
    assert np.mean(weighted) == pytest.approx(2.49, abs=0.04)
    assert np.mean(dev) == pytest.approx(2.49, abs=0.08)
    assert np.std(dev) < 0.8 * np.std(weighted)


def test_dev_is_a_regression_on_the_weights() -> None:
    """The control variate is least squares: the fitted weighted loss where the weight is its known mean, 1."""
    rng = np.random.default_rng(4)
    loss, w = rng.gamma(2, size=50), rng.gamma(3, 0.4, size=50)
    slope, level = np.polyfit(w, w * loss, 1)
    assert deep_embedded_risk(loss, w) == pytest.approx(slope * 1.0 + level, rel=1e-9)
    assert deep_embedded_risk(loss, np.ones(50)) == pytest.approx(loss.mean())
    assert importance_weighted_risk(loss, np.ones(50)) == pytest.approx(loss.mean())
    with pytest.raises(ValueError, match="one length"):
        deep_embedded_risk(loss, w[:-1])


def test_ratios_follow_the_true_ones_and_do_not_favour_their_own_side() -> None:
    rng = np.random.default_rng(5)
    one, other = rng.normal(size=(600, 2)), rng.normal(size=(600, 2)) + np.array([1.0, 0.0])
    found = cross_fitted_ratio(one, other)
    truth = norm.pdf(one[:, 0], 1.0) / norm.pdf(one[:, 0])
    assert np.corrcoef(np.log(found), np.log(truth))[0, 1] > 0.95
    wide = cross_fitted_ratio(rng.normal(size=(40, 200)), rng.normal(size=(40, 200)))
    assert np.mean(np.log(wide)) == pytest.approx(0.0, abs=0.4), "no shift: no side is favoured, though d > n"
    assert (cross_fitted_ratio(one[:1], other) == 1).all()


def test_the_way_back_is_cheap_where_features_agree_and_dear_where_they_do_not() -> None:
    rng = np.random.default_rng(6)
    labels = np.arange(100) % 2
    source = rng.normal(size=(100, 3)) + 2.0 * labels[:, None]
    target = rng.normal(size=(80, 3)) + 2.0 * (np.arange(80) % 2)[:, None]
    agreed = reverse_risk(target, np.arange(80) % 2, source, labels)
    turned = reverse_risk(target, 1 - np.arange(80) % 2, source, labels)
    collapsed = reverse_risk(target, np.zeros(80, np.int64), source, labels)
    assert agreed < 0.3 < np.log(2) < collapsed < turned + 2
    assert turned > 1.0
