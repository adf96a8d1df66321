"""Specificity at a fixed sensitivity, read off the ROC curve."""
from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from medtl.functional.measure import FloatArray, Metric, NotEstimable, Reference, ratio
from medtl.functional.resampling import BinarySample, Resampled, weighted_value

SLACK = 1e-12
"""Rates are compared with this tolerance, so that 19 of 20 reach .95."""


def at(reference: Reference) -> Metric:
    """The metric at a reference sensitivity.

    Args:
        reference: whose sensitivity is meant.

    Returns:
        The metric; its title states the sensitivity.
    """
    wanted = reference.sensitivity

    def kernel(resampled: Resampled) -> FloatArray:
        needed = (wanted - SLACK) * resampled.positives
        fits = resampled.positives_reaching >= needed[:, None]  # (replicates, k)
        alarms = np.min(np.where(fits, resampled.negatives_reaching, np.inf), axis=1, initial=np.inf)
        value = 1 - ratio(np.minimum(alarms, resampled.negatives), resampled.negatives)
        return np.where(resampled.positives > 0, value, np.nan)

    return Metric(
        name="specificity_at_sensitivity", title=f"Specificity at sensitivity {wanted:g}", short=f"Spec@{wanted:g}",
        needs="scores", higher_is_better=True, low=0.0, high=1.0, classes="both", kernel=kernel,
        least=50,
    )


METRIC = at(Reference())


def specificity_at_sensitivity(
    positive: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None, *,
    sensitivity: float = Reference().sensitivity,
) -> float | NotEstimable:
    """The highest specificity among thresholds whose sensitivity on these studies is at least the wanted one.

    The threshold is chosen on the studies that it is judged on, so this describes the curve; it promises nothing for a
    threshold carried elsewhere.

    Args:
        positive: labels 0 or 1, (n,).
        scores: any finite numbers, higher is more positive, (n,).
        weights: weight per study, at least 0, (n,).
        sensitivity: in (0, 1).

    Returns:
        A value in [0, 1], or why there is none: one class only.

    Raises:
        ValueError: shapes that differ, labels other than 0 and 1, numbers that are not finite.

    Reference:
        Pepe 2003, "The Statistical Evaluation of Medical Tests for Classification and Prediction", chapter 4.
    """
    reference = Reference(sensitivity=sensitivity)
    return weighted_value(at(reference), BinarySample.of(positive, scores), weights)
