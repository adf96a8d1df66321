"""Calibrators against scikit-learn, scipy and what they must keep; prevalence by Bayes' rule; Brier's parts."""
from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit, softmax
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from medtl.functional.calibration import (
    fit_isotonic,
    fit_platt,
    fit_temperature,
    parts_of_brier,
    to_prevalence,
)
from medtl.functional.measure import NotEstimable


def bold(seed: int, n: int = 600, by: float = 2.5, lift: float = 0.8) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = expit(rng.normal(size=n) * 1.3)
    return rng.random(n) < p, expit(by * logit(p) + lift)


def test_temperature_minimises_cross_entropy_and_keeps_the_order() -> None:
    y, p = bold(0)
    found = fit_temperature(y, p)
    assert not isinstance(found, NotEstimable)
    best = minimize_scalar(lambda t: log_loss(y, expit(logit(p) / t)), bounds=(0.05, 20), method="bounded").x
    assert found.value == pytest.approx(best, rel=1e-3)
    assert roc_auc_score(y, found(p)) == roc_auc_score(y, p)


def test_temperature_of_several_classes() -> None:
    rng = np.random.default_rng(1)
    z = rng.normal(size=(900, 3)) * 1.5
    labels = np.array([rng.choice(3, p=softmax(row)) for row in z])
    found = fit_temperature(labels, softmax(3 * z, axis=1))
    assert not isinstance(found, NotEstimable)
    assert found.value == pytest.approx(3, rel=0.15)
    cooled = found(softmax(3 * z, axis=1))
    assert cooled.sum(axis=1) == pytest.approx(np.ones(900))
    assert (cooled.argmax(axis=1) == z.argmax(axis=1)).all()


def test_platt_is_scikit_learns_on_the_logit() -> None:
    y, p = bold(2)
    found, theirs = fit_platt(y, p), _SigmoidCalibration().fit(logit(p), y)
    assert not isinstance(found, NotEstimable)
    np.testing.assert_allclose(found(p), theirs.predict(logit(p)), atol=1e-4)


def test_platt_of_separated_classes_is_finite() -> None:
    y = np.arange(40) >= 20
    found = fit_platt(y, np.linspace(0.01, 0.99, 40))
    assert not isinstance(found, NotEstimable)
    assert np.isfinite([found.intercept, found.slope]).all()


def test_isotonic_is_scikit_learns_and_never_falls() -> None:
    y, p = bold(3)
    found = fit_isotonic(y, p)
    assert not isinstance(found, NotEstimable)
    grid = np.linspace(0, 1, 200)
    theirs = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(p, y).predict(grid)
    np.testing.assert_allclose(found(grid), theirs, atol=1e-12)
    assert (np.diff(found(grid)) >= 0).all()


@pytest.mark.parametrize("fit", [fit_temperature, fit_platt, fit_isotonic])
def test_each_helps_where_answers_are_too_bold_on_studies_that_it_never_saw(fit: object) -> None:
    y, p = bold(4, 3000, lift=0.0)
    found = fit(y[:1500], p[:1500])  # type: ignore[operator]
    assert brier_score_loss(y[1500:], found(p[1500:])) < brier_score_loss(y[1500:], p[1500:]) - 0.005


@pytest.mark.parametrize("fit", [fit_temperature, fit_platt, fit_isotonic])
def test_too_few_of_a_class_is_said(fit: object) -> None:
    found = fit(np.r_[np.ones(4), np.zeros(50)], np.linspace(0.1, 0.9, 54))  # type: ignore[operator]
    assert isinstance(found, NotEstimable)
    assert "needs 5" in found.reason


def test_another_prevalence_is_bayes_rule() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=1000)

    def posterior(share: float) -> np.ndarray:
        up, down = share * np.exp(-((x - 1) ** 2) / 2), (1 - share) * np.exp(-((x + 1) ** 2) / 2)
        return np.stack([down, up], axis=1) / (up + down)[:, None]

    np.testing.assert_allclose(to_prevalence(posterior(0.5), [0.5, 0.5], [0.9, 0.1]), posterior(0.1), atol=1e-9)


def test_the_parts_of_brier_add_up_and_mean_what_they_say() -> None:
    y, p = bold(6)
    miscalibration, discrimination, uncertainty = parts_of_brier(y, p)
    assert miscalibration - discrimination + uncertainty == pytest.approx(brier_score_loss(y, p), abs=1e-12)
    assert uncertainty == pytest.approx(y.mean() * (1 - y.mean()))
    fitted = fit_isotonic(y, p)
    assert parts_of_brier(y, fitted(p))[0] == pytest.approx(0, abs=1e-12)  # type: ignore[operator]
    assert parts_of_brier(y, np.full(len(y), 0.5))[1] == pytest.approx(0, abs=1e-12)
