"""Smooth calibration error: without bins, and with a scale that follows from the data."""
from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from medtl.functional.measure import FloatArray, Metric, NotEstimable, ratio
from medtl.functional.resampling import BinarySample, Resampled, weighted_value
from medtl.functional.smoothing import binned, smooth_errors


def _kernel(resampled: Resampled) -> FloatArray:
    sample = resampled.sample
    residual = sample.positive - sample.scores
    sums = binned(sample.scores, resampled.counts[:, sample.cluster] * residual)
    total = (resampled.positives + resampled.negatives)[:, None]
    return smooth_errors(ratio(sums, np.broadcast_to(total, sums.shape)))


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
