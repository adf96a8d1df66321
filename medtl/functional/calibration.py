"""Maps from a model's probabilities to calibrated ones: temperature, Platt, isotonic, and another prevalence."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import expit, logsumexp
from sklearn.isotonic import IsotonicRegression

from medtl.functional.logistic import INWARDS, logits_of
from medtl.functional.measure import BoolArray, FloatArray, IntArray, NotEstimable

LEAST = 5
"""Studies of each class, below which nothing is fitted."""
HOTTEST = 100.0


class Calibrator(Protocol):
    """A fitted map."""

    def __call__(self, probabilities: FloatArray) -> FloatArray:
        """Calibrated probabilities of the same shape."""
        ...

    @property
    def sentence(self) -> str:
        """The map in words and numbers."""
        ...


@dataclass(frozen=True)
class Temperature:
    """Logits divided by one number, so that the order of the classes stays.

    Args:
        value: above 1 makes answers more cautious.
    """

    value: float

    def __call__(self, probabilities: FloatArray) -> FloatArray:
        """Of one class, (n,), or of exclusive classes that sum to 1, (n, classes)."""
        if probabilities.ndim == 1:
            return np.asarray(expit(logits_of(probabilities) / self.value))
        return np.asarray(np.exp(_cooled(probabilities, self.value)))

    @property
    def sentence(self) -> str:
        """The temperature."""
        return f"temperature {self.value:.3g}"


@dataclass(frozen=True)
class Platt:
    """A line on the logit scale."""

    intercept: float
    slope: float

    def __call__(self, probabilities: FloatArray) -> FloatArray:
        """Of one class, (n,)."""
        return np.asarray(expit(self.intercept + self.slope * logits_of(probabilities)))

    @property
    def sentence(self) -> str:
        """The line."""
        return f"logit -> {self.intercept:+.3g} {self.slope:+.3g} logit"


@dataclass(frozen=True, eq=False)
class Isotonic:
    """A rising step function, linear between its knots.

    Args:
        knots: probabilities, rising, (k,).
        values: calibrated ones, never falling, (k,).
    """

    knots: FloatArray
    values: FloatArray

    def __call__(self, probabilities: FloatArray) -> FloatArray:
        """Of one class, (n,)."""
        return np.interp(probabilities, self.knots, self.values)

    @property
    def sentence(self) -> str:
        """How many steps."""
        return f"isotonic, {len(np.unique(self.values))} values"


def fit_temperature(labels: ArrayLike, probabilities: ArrayLike) -> Temperature | NotEstimable:
    r"""The temperature with the smallest cross entropy.

    Args:
        labels: 0 or 1 for one class, (n,), or codes of exclusive classes, (n,).
        probabilities: (n,), or (n, classes).

    Returns:
        The map, or why there is none: too few studies of some class.

    Reference:
        Guo et al. 2017, "On calibration of modern neural networks", ICML.
    """
    codes, p = np.asarray(labels, dtype=np.int64), np.asarray(probabilities, dtype=np.float64)
    table = np.stack([1 - p, p], axis=1) if p.ndim == 1 else p
    if (few := _too_few(np.bincount(codes, minlength=table.shape[1]))) is not None:
        return few

    def loss(log_temperature: float) -> float:
        return -float(_cooled(table, float(np.exp(log_temperature)))[np.arange(len(codes)), codes].mean())

    bound = float(np.log(HOTTEST))
    found = minimize_scalar(loss, bounds=(-bound, bound), method="bounded", options={"xatol": 1e-8})
    return Temperature(float(np.exp(found.x)))


def fit_platt(positive: ArrayLike, probabilities: ArrayLike) -> Platt | NotEstimable:
    r"""Logistic regression on the logit, with Platt's targets :math:`(N_+ + 1)/(N_+ + 2)` and :math:`1/(N_- + 2)`.

    Args:
        positive: labels 0 or 1, (n,).
        probabilities: in [0, 1], (n,).

    Returns:
        The map, or why there is none: too few studies of some class.

    Reference:
        Platt 1999, "Probabilistic outputs for support vector machines", in Advances in Large Margin Classifiers.
    """
    y, x = np.asarray(positive, dtype=np.bool_), logits_of(np.asarray(probabilities, dtype=np.float64))
    counts = np.array([int((~y).sum()), int(y.sum())])
    if (few := _too_few(counts)) is not None:
        return few
    target = np.where(y, (counts[1] + 1) / (counts[1] + 2), 1 / (counts[0] + 2))
    design = np.stack([np.ones(len(x)), x], axis=1)
    line = np.array([float(np.log((counts[1] + 1) / (counts[0] + 1))), 0.0])
    if float(x.std()) < 1e-9:
        return Platt(float(line[0]), 0.0)

    def loss(at: FloatArray) -> float:
        eta = design @ at
        return float((np.logaddexp(0, eta) - target * eta).sum())

    for _ in range(200):
        p = expit(design @ line)
        gradient = design.T @ (target - p)
        if float(np.abs(gradient).max()) < 1e-9 * len(x):
            break
        curve = (design * (p * (1 - p))[:, None]).T @ design + 1e-12 * np.eye(2)
        step = np.linalg.solve(curve, gradient)
        while loss(line + step) > loss(line) and float(np.abs(step).max()) > 1e-14:
            step *= 0.5
        line = line + step
    return Platt(float(line[0]), float(line[1]))


def fit_isotonic(positive: ArrayLike, probabilities: ArrayLike) -> Isotonic | NotEstimable:
    """The rising function with the smallest squared error; flat beyond the scores that it was fitted on.

    Args:
        positive: labels 0 or 1, (n,).
        probabilities: in [0, 1], (n,).

    Returns:
        The map, or why there is none: too few studies of some class.

    Reference:
        Zadrozny & Elkan 2002, "Transforming classifier scores into accurate multiclass probability estimates", KDD.
    """
    y, p = np.asarray(positive, dtype=np.bool_), np.asarray(probabilities, dtype=np.float64)
    if (few := _too_few(np.array([int((~y).sum()), int(y.sum())]))) is not None:
        return few
    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(p, y.astype(np.float64))
    return Isotonic(np.asarray(fitted.X_thresholds_, dtype=np.float64), np.asarray(fitted.y_thresholds_, np.float64))


def to_prevalence(probabilities: ArrayLike, before: ArrayLike, now: ArrayLike) -> FloatArray:
    r"""Probabilities of exclusive classes under other class shares, each class looking as it did.

    .. math:: p'(c \mid x) \propto p(c \mid x) \, q_c / \pi_c

    Args:
        probabilities: (n, classes), summing to 1.
        before: shares under which they hold, above 0, (classes,).
        now: shares to be had, (classes,).

    Returns:
        (n, classes), summing to 1.

    Reference:
        Saerens, Latinne & Decaestecker 2002, Neural Computation 14.
    """
    table = np.maximum(np.asarray(probabilities, dtype=np.float64), 1e-12)
    joint = table * (np.asarray(now, dtype=np.float64) / np.asarray(before, dtype=np.float64))
    return np.asarray(joint / joint.sum(axis=1, keepdims=True))


def parts_of_brier(positive: ArrayLike, probabilities: ArrayLike) -> tuple[float, float, float]:
    r"""Miscalibration, discrimination and uncertainty: the Brier score is MCB - DSC + UNC, exactly and without bins.

    Args:
        positive: labels 0 or 1, at least one, (n,).
        probabilities: in [0, 1], (n,).

    Returns:
        What isotonic recalibration on these studies would take off; what it then gains over the prevalence; and the
        Brier score of the prevalence. All at least 0.

    Reference:
        Dimitriadis, Gneiting & Jordan 2021, "Stable reliability diagrams for probabilistic classifiers", PNAS 118.
    """
    y, p = np.asarray(positive, dtype=np.float64), np.asarray(probabilities, dtype=np.float64)
    recalibrated = IsotonicRegression(y_min=0.0, y_max=1.0).fit_transform(p, y)
    score, best = float(np.square(p - y).mean()), float(np.square(recalibrated - y).mean())
    constant = float(np.square(y.mean() - y).mean())
    return max(0.0, score - best), max(0.0, constant - best), constant


def _cooled(table: FloatArray, temperature: float) -> FloatArray:
    scaled = np.log(np.clip(table, INWARDS, 1.0)) / temperature
    return np.asarray(scaled - logsumexp(scaled, axis=1, keepdims=True))


def _too_few(counts: IntArray | BoolArray) -> NotEstimable | None:
    if counts.min() >= LEAST:
        return None
    return NotEstimable(f"{int(counts.min())} labelled studies of the rarer class, a calibration needs {LEAST}")
