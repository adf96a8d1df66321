"""Smooth calibration error: without bins, and with a scale that follows from the data."""
from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from medtl.functional.measure import FloatArray, Metric, NotEstimable, ratio
from medtl.functional.resampling import BinarySample, Resampled, weighted_value

CELLS = 512
"""Probabilities are rounded to the middle of so many cells: an error of at most 1/1024 each."""


def _kernel(resampled: Resampled) -> FloatArray:
    sample = resampled.sample
    cell = np.minimum((sample.scores * CELLS).astype(np.int64), CELLS - 1)
    residual = sample.positive - sample.scores
    weights = resampled.counts[:, sample.cluster] * residual  # (replicates, n)
    sums = np.stack([np.bincount(cell, weights=row, minlength=CELLS) for row in weights])
    sums = np.stack([ratio(column, resampled.positives + resampled.negatives) for column in sums.T], axis=1)
    return np.array([_fixed_point(row) for row in sums])


def _fixed_point(residuals: FloatArray) -> float:
    if np.isnan(residuals).any():
        return float("nan")
    low, high = 1e-3, 1.0
    if _smoothed(residuals, low) <= low:  # too close to 0 to be told apart from it at this width
        return _smoothed(residuals, low)
    for _ in range(30):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if _smoothed(residuals, middle) > middle else (low, middle)
    return 0.5 * (low + high)


def _smoothed(residuals: FloatArray, width: float) -> float:
    """Integral of |smoothed residual| over [0, 1], the Gaussian reflected at both ends."""
    edges = np.arange(-2 * CELLS, 3 * CELLS + 1) / CELLS
    used = np.flatnonzero(residuals)
    centres = (used + 0.5) / CELLS
    mass = np.diff(ndtr((edges[None, :] - centres[:, None]) / width), axis=1)  # (used, 5 * CELLS), from -2 to 3
    folded = residuals[used] @ mass
    parts = folded.reshape(5, CELLS)
    whole = parts[0] + parts[1][::-1] + parts[2] + parts[3][::-1] + parts[4]
    return float(np.abs(whole).sum())


METRIC = Metric(
    name="smooth_ece", title="Smooth calibration error", short="smECE", needs="probabilities", higher_is_better=False,
    low=0.0, high=1.0, classes="any", kernel=_kernel, scale="none",
)


def smooth_ece(
    positive: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None
) -> float | NotEstimable:
    r"""The width at which the smoothed gap between labels and probabilities has that very size.

    .. math:: \mathrm{smECE}_\sigma = \int_0^1 \left| \frac1n \sum_i K_\sigma(t, p_i)(y_i - p_i) \right| dt, \qquad
              \mathrm{smECE}_{\sigma^*} = \sigma^*

    K is a Gaussian reflected at 0 and 1. It is above 0 in every finite sample, also of a model that is calibrated: set
    it beside what a calibrated model would show. Draws of patients add that very noise once more, so no interval is
    given.

    Args:
        positive: labels 0 or 1, (n,).
        probabilities: in [0, 1], (n,).
        weights: weight per study, at least 0, (n,).

    Returns:
        A value in [0, 1], or why there is none: no labelled study.

    Raises:
        ValueError: shapes that differ, labels other than 0 and 1, numbers that are not finite.

    Reference:
        Błasiok & Nakkiran 2024, "Smooth ECE: principled reliability diagrams via kernel density estimation", ICLR.
    """
    return weighted_value(METRIC, BinarySample.of(positive, probabilities), weights)
