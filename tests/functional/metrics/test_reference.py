"""Figures at a reference, skill and calibration against scikit-learn, scipy and their definitions."""
from __future__ import annotations

import importlib

import numpy as np
import pytest
from scipy.integrate import trapezoid
from scipy.optimize import brentq, minimize
from scipy.special import expit, logit
from scipy.stats import norm
from sklearn import metrics as oracle

from medtl.functional.measure import NotEstimable, Reference
from medtl.functional.metrics.brier_skill import brier_skill
from medtl.functional.metrics.calibration_intercept import calibration_intercept
from medtl.functional.metrics.calibration_slope import calibration_slope
from medtl.functional.metrics.npv import npv
from medtl.functional.metrics.ppv import ppv
from medtl.functional.metrics.reference_average_precision import reference_average_precision
from medtl.functional.metrics.sensitivity_at_specificity import sensitivity_at_specificity
from medtl.functional.metrics.smooth_ece import smooth_ece
from medtl.functional.metrics.specificity_at_sensitivity import specificity_at_sensitivity
from medtl.functional.resampling import BinarySample, Resampled


def draw(seed: int, n: int = 200, levels: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    positive = rng.random(n) < 0.35
    p = expit(1.4 * (rng.normal(size=n) + 1.5 * positive - 1))
    return positive, p if levels is None else np.round(p * levels) / levels


@pytest.mark.parametrize("levels", [None, 10])
@pytest.mark.parametrize("prevalence", [0.05, 0.35, 0.5])
def test_a_reference_prevalence_is_reweighting(prevalence: float, levels: int | None) -> None:
    positive, p = draw(0, levels=levels)
    weight = np.where(positive, prevalence / positive.mean(), (1 - prevalence) / (1 - positive.mean()))
    called = p >= 0.5
    assert reference_average_precision(positive, p, prevalence=prevalence) == pytest.approx(
        oracle.average_precision_score(positive, p, sample_weight=weight), abs=1e-12)
    assert ppv(positive, called, prevalence=prevalence) == pytest.approx(
        oracle.precision_score(positive, called, sample_weight=weight), abs=1e-12)
    assert npv(positive, called, prevalence=prevalence) == pytest.approx(
        oracle.precision_score(~positive, ~called, sample_weight=weight), abs=1e-12)


def test_one_roc_curve_has_many_average_precisions_and_one_at_a_reference() -> None:
    positive, p = draw(1, 4000)
    thinned = positive & (np.arange(4000) % 5 > 0)  # a ward with fewer positives
    keep = thinned | ~positive
    plain = [oracle.average_precision_score(positive, p), oracle.average_precision_score(positive[keep], p[keep])]
    fixed = [reference_average_precision(positive[k], p[k], prevalence=0.1) for k in (np.ones(4000, bool), keep)]
    assert abs(fixed[0] - fixed[1]) < 0.3 * abs(plain[0] - plain[1]) + 0.01  # type: ignore[operator]


@pytest.mark.parametrize("levels", [None, 8])
@pytest.mark.parametrize("wanted", [0.5, 0.9, 0.95])
def test_operating_points_are_found_by_search(wanted: float, levels: int | None) -> None:
    positive, p = draw(2, 120, levels)
    cuts = [*np.unique(p).tolist(), 2.0]
    points = [(np.mean(p[positive] >= c), np.mean(p[~positive] < c)) for c in cuts]
    best_sensitivity = max(se for se, sp in points if sp >= wanted - 1e-12)
    best_specificity = max(sp for se, sp in points if se >= wanted - 1e-12)
    assert sensitivity_at_specificity(positive, p, specificity=wanted) == pytest.approx(best_sensitivity, abs=1e-12)
    assert specificity_at_sensitivity(positive, p, sensitivity=wanted) == pytest.approx(best_specificity, abs=1e-12)


def test_skill_is_against_the_prevalence() -> None:
    positive, p = draw(3)
    expected = 1 - oracle.brier_score_loss(positive, p) / (positive.mean() * (1 - positive.mean()))
    assert brier_skill(positive, p) == pytest.approx(expected, abs=1e-12)
    assert brier_skill(positive, np.full(len(p), positive.mean())) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_slope_and_intercept_maximise_the_likelihood(weighted: bool) -> None:
    positive, p = draw(4)
    w = np.random.default_rng(0).integers(0, 4, len(p)).astype(float) if weighted else np.ones(len(p))
    x = logit(p)

    def loss(line: np.ndarray) -> float:
        eta = line[0] + line[1] * x
        return float(np.sum(w * (np.logaddexp(0, eta) - positive * eta)))

    best = minimize(loss, [0.0, 1.0], method="BFGS", options={"gtol": 1e-9}).x
    assert calibration_slope(positive, p, w) == pytest.approx(best[1], abs=1e-5)
    root = brentq(lambda a: float(np.sum(w * (positive - expit(a + x)))), -20, 20, xtol=1e-13)
    assert calibration_intercept(positive, p, w) == pytest.approx(root, abs=1e-9)


def test_a_model_that_is_right_has_slope_1_and_one_that_is_bold_has_less() -> None:
    rng = np.random.default_rng(5)
    p = expit(rng.normal(size=60_000))
    positive = rng.random(60_000) < p
    assert calibration_slope(positive, p) == pytest.approx(1, abs=0.03)
    assert calibration_slope(positive, expit(2 * logit(p))) == pytest.approx(0.5, abs=0.02)
    assert calibration_intercept(positive, expit(logit(p) + 0.7)) == pytest.approx(-0.7, abs=0.03)
    assert smooth_ece(positive, p) < 0.02  # type: ignore[operator]
    assert smooth_ece(positive, expit(3 * logit(p))) > 0.08  # type: ignore[operator]


def test_separated_classes_have_no_slope() -> None:
    found = calibration_slope([0, 0, 1, 1], [0.1, 0.2, 0.7, 0.9])
    assert isinstance(found, NotEstimable)
    assert "separate" in found.reason
    assert isinstance(calibration_slope([0, 1, 0, 1], [0.3] * 4), NotEstimable)


def test_replicates_are_what_repeated_rows_give() -> None:
    positive, p = draw(6, 60)
    sample = BinarySample.of(positive, p, decided=p >= 0.4)
    counts = np.random.default_rng(1).multinomial(60, np.full(60, 1 / 60), 20)
    for name in ("ppv", "npv", "reference_average_precision", "brier_skill", "sensitivity_at_specificity",
                 "specificity_at_sensitivity", "calibration_slope", "calibration_intercept", "smooth_ece"):
        module = importlib.import_module(f"medtl.functional.metrics.{name}")
        drawn = module.METRIC.kernel(Resampled(sample, counts))
        for row, value in zip(counts, drawn, strict=True):
            again = np.repeat(np.arange(60), row)
            given = p[again] >= 0.4 if module.METRIC.needs == "decisions" else p[again]
            expected = getattr(module, name)(positive[again], given)
            if isinstance(expected, NotEstimable):
                assert np.isnan(value)
            else:
                assert value == pytest.approx(expected, abs=1e-7)


def literal_smooth_ece(positive: np.ndarray, p: np.ndarray) -> float:
    """The definition: a Gaussian reflected at 0 and 1, an integral, and a root."""
    t = np.linspace(0, 1, 1001)[:, None]

    def gap(width: float) -> float:
        images = sum(norm.pdf(t, k + p, width) + norm.pdf(t, k - p, width) for k in (-4, -2, 0, 2, 4))
        return float(trapezoid(np.abs((images * (positive - p)).mean(axis=1)), t[:, 0])) - width

    return float(brentq(gap, 5e-3, 1.0, xtol=1e-6))


@pytest.mark.parametrize("bold", [0.5, 2.5])
def test_smooth_ece_is_its_definition(bold: float) -> None:
    positive, p = draw(7, 80)
    p = expit(bold * logit(p))
    assert smooth_ece(positive, p) == pytest.approx(literal_smooth_ece(positive, p), abs=1e-3)


def test_titles_state_their_reference() -> None:
    for name, part in (("ppv", "0.02"), ("npv", "0.02"), ("reference_average_precision", "0.02"),
                       ("sensitivity_at_specificity", "0.8"), ("specificity_at_sensitivity", "0.7")):
        module = importlib.import_module(f"medtl.functional.metrics.{name}")
        assert part in module.at(Reference(0.02, 0.7, 0.8)).title
