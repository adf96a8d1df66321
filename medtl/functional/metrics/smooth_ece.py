"""Smooth calibration error: without bins, and with a scale that follows from the data."""
from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from medtl.functional.measure import FloatArray, Metric, NotEstimable, ratio
from medtl.functional.resampling import BinarySample, Resampled, weighted_value

CELLS = 256
"""Probabilities are rounded to the middle of so many cells: an error of at most 1/512 each."""
WIDTHS = np.geomspace(1e-3, 1.0, 48)


def _kernel(resampled: Resampled) -> FloatArray:
    sample = resampled.sample
    cell = np.minimum((sample.scores * CELLS).astype(np.int64), CELLS - 1)
    residual = sample.positive - sample.scores
    weights = resampled.counts[:, sample.cluster] * residual  # (replicates, n)
    sums = np.stack([np.bincount(cell, weights=row, minlength=CELLS) for row in weights])
    total = (resampled.positives + resampled.negatives)[:, None]
    sums = ratio(sums, np.broadcast_to(total, sums.shape))
    smoothed = np.stack([np.abs(sums @ smoother).sum(axis=1) for smoother in _smoothers()], axis=1)
    return np.array([_fixed_point(row) for row in smoothed])


def _fixed_point(smoothed: FloatArray) -> float:
    """Where the integral, which falls with the width, meets the width; linear between widths."""
    if np.isnan(smoothed).any():
        return float("nan")
    apart = smoothed - WIDTHS
    if apart[0] <= 0:  # too close to 0 to be told apart from it
        return float(smoothed[0])
    place = int(np.argmax(apart <= 0)) if (apart <= 0).any() else len(apart) - 1
    before, after = apart[place - 1], min(float(apart[place]), 0.0)
    return float(WIDTHS[place - 1] + (WIDTHS[place] - WIDTHS[place - 1]) * before / (before - after))


@cache
def _smoothers() -> FloatArray:
    """Mass that a Gaussian about each cell, reflected at 0 and 1, gives to each cell: (widths, cells, cells)."""
    edges = np.arange(-2 * CELLS, 3 * CELLS + 1) / CELLS
    centres = (np.arange(CELLS) + 0.5) / CELLS
    out = []
    for width in WIDTHS:
        mass = np.diff(ndtr((edges[None, :] - centres[:, None]) / width), axis=1)  # (cells, 5 * cells), from -2 to 3
        parts = mass.reshape(CELLS, 5, CELLS)
        out.append(parts[:, 0] + parts[:, 1, ::-1] + parts[:, 2] + parts[:, 3, ::-1] + parts[:, 4])
    return np.stack(out)


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
