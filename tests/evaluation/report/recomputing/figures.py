"""The figures of binary questions, by scikit-learn and scipy."""
from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special
from sklearn import metrics as sk
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from .smooth import smooth_error
from .studies import Array, Question, Table

METRICS = ("auroc", "average_precision", "balanced_accuracy", "sensitivity", "specificity", "brier")
REFERRED = ("ppv", "npv", "reference_average_precision", "sensitivity_at_specificity", "specificity_at_sensitivity",
            "brier_skill")
OF_PROBABILITIES = ("brier", "brier_skill", "smooth_ece", "calibration_slope", "calibration_intercept")
STEEPEST = 100.0
"""A slope beyond this is that of classes which the probabilities separate: there is none."""


class Reference(NamedTuple):
    """What some figures refer to, read from their titles."""

    prevalence: float = 0.1
    sensitivity: float = 0.95
    specificity: float = 0.9


def figures(q: Question, at: Reference | None = None, weight: Array | None = None) -> dict[str, float]:
    """Every metric that exists; those of a reference prevalence and so on where one is given."""
    counted = np.ones(len(q.truth)) if weight is None else weight
    there = [float(counted[q.truth == label].sum()) > 0 for label in (0, 1)]
    out: dict[str, float] = {}
    if any(there):
        out["brier"] = float(sk.brier_score_loss(q.truth, q.score, sample_weight=weight, pos_label=1))
    if all(there):
        out["auroc"] = float(sk.roc_auc_score(q.truth, q.score, sample_weight=weight))
        out["average_precision"] = float(sk.average_precision_score(q.truth, q.score, sample_weight=weight))
        share = float(np.average(q.truth, weights=weight))
        out["brier_skill"] = 1 - out["brier"] / (share * (1 - share))
    if q.called is not None and any(there):
        table = sk.confusion_matrix(q.truth, q.called, labels=[0, 1], sample_weight=weight)
        for k, name in enumerate(("specificity", "sensitivity")):
            if there[k]:
                out[name] = float(table[k, k] / table[k].sum())
        if all(there):
            out["balanced_accuracy"] = (out["sensitivity"] + out["specificity"]) / 2
    return out | (_referred(q, out, at, counted) if at and all(there) else {})


def _referred(q: Question, known: dict[str, float], at: Reference, weight: Array) -> dict[str, float]:
    """Figures at a reference prevalence, sensitivity or specificity; predictive values by Bayes' rule."""
    share = float(np.average(q.truth, weights=weight))
    weights = weight * np.where(q.truth == 1, at.prevalence / share, (1 - at.prevalence) / (1 - share))
    false, true, _ = sk.roc_curve(q.truth, q.score, drop_intermediate=False, sample_weight=weight)
    out = {
        "reference_average_precision": float(sk.average_precision_score(q.truth, q.score, sample_weight=weights)),
        "sensitivity_at_specificity": float(true[false <= 1 - at.specificity + 1e-9].max()),
        "specificity_at_sensitivity": float(1 - false[true >= at.sensitivity - 1e-9].min()),
    }
    if "sensitivity" in known:
        se, sp, pi = known["sensitivity"], known["specificity"], at.prevalence
        if se > 0 or sp < 1:
            out["ppv"] = pi * se / (pi * se + (1 - pi) * (1 - sp))
        if sp > 0 or se < 1:
            out["npv"] = (1 - pi) * sp / ((1 - pi) * sp + pi * (1 - se))
    return out


def of_probabilities(q: Question) -> dict[str, float]:
    """Brier score and skill, smooth ECE, and the line and the offset that logistic regression fits to the logits."""
    out = {name: value for name, value in figures(q).items() if name in OF_PROBABILITIES}
    if len(q.truth):
        out["smooth_ece"] = smooth_error(q.score, q.truth)
    return out | line_of(logits(q.score), q.truth)


def line_of(x: Array, truth: NDArray[np.int64], weight: Array | None = None) -> dict[str, float]:
    """Slope of the label on the logit, and the offset that makes the logits sum to the positives."""
    counted = np.ones(len(x)) if weight is None else weight
    kept = counted > 0
    x, truth, counted = x[kept], truth[kept], counted[kept]
    if len(set(truth.tolist())) < 2:
        return {}
    out = {}
    if float(np.std(x)) > 1e-6 and not _separated(x, truth):
        slope = logistic(x, truth, counted)[1]
        if abs(slope) < STEEPEST:
            out["calibration_slope"] = slope

    def expected_less_found(offset: float) -> float:
        return float((counted * (special.expit(offset + x) - truth)).sum())

    out["calibration_intercept"] = float(optimize.brentq(expected_less_found, -50, 50))
    return out


def logistic(x: Array, truth: Array, weight: Array | None = None, through: bool = False) -> tuple[float, float]:
    """Intercept and slope of logistic regression without a penalty; through the origin where asked."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the last digits do not settle
        fit = LogisticRegression(C=np.inf, fit_intercept=not through, tol=1e-11, max_iter=300,
                                 solver="newton-cholesky").fit(x[:, None], truth, sample_weight=weight)
    return (0.0 if through else float(fit.intercept_[0])), float(fit.coef_[0, 0])


def _separated(x: Array, truth: NDArray[np.int64]) -> bool:
    up, down = x[truth == 1], x[truth == 0]
    return bool(up.min() >= down.max() or down.min() >= up.max())


def logits(score: Array) -> Array:
    """Log odds; 0 and 1 are moved inwards by 1e-7."""
    clipped = np.clip(score, 1e-7, 1 - 1e-7)
    return np.asarray(np.log(clipped / (1 - clipped)))


def brier_parts(q: Question) -> tuple[float, float, float]:
    """Miscalibration, discrimination and uncertainty, by isotonic regression."""
    best = float(np.mean((IsotonicRegression().fit_transform(q.score, q.truth) - q.truth) ** 2))
    plain, constant = float(np.mean((q.score - q.truth) ** 2)), float(q.truth.mean() * (1 - q.truth.mean()))
    return plain - best, constant - best, constant


def mean_figures(table: Table, asked: list[Question], at: Reference | None = None) -> dict[str, float]:
    """Every figure over all questions: the mean of those that have a value."""
    return mean_of(table.kind, [figures(q, at) for q in asked])


def mean_of(kind: str, each: list[dict[str, float]]) -> dict[str, float]:
    """Means over questions; the balanced accuracy of exclusive classes is their mean sensitivity."""
    out = {}
    for metric in dict.fromkeys(name for of_one in each for name in of_one):
        known = [of_one[counted(kind, metric)] for of_one in each if counted(kind, metric) in of_one]
        if known:
            out[metric] = float(np.mean(known))
    return out


def counted(kind: str, metric: str) -> str:
    """The figure of each question whose mean bears a name."""
    return "sensitivity" if kind == "multiclass" and metric == "balanced_accuracy" else metric
