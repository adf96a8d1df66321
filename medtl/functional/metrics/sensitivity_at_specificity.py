"""Sensitivity at a fixed specificity, read off the ROC curve."""
from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from medtl.functional.measure import FloatArray, Metric, NotEstimable, Reference, ratio
from medtl.functional.resampling import BinarySample, Resampled, weighted_value

SLACK = 1e-12
"""Rates are compared with this tolerance, so that 18 of 20 reach .9."""


def at(reference: Reference) -> Metric:
    """The metric at a reference specificity.

    Args:
        reference: whose specificity is meant.

    Returns:
        The metric; its title states the specificity.
    """
    wanted = reference.specificity

    def kernel(resampled: Resampled) -> FloatArray:
        allowed = (1 - wanted + SLACK) * resampled.negatives
        fits = resampled.negatives_reaching <= allowed[:, None]  # (replicates, k)
        best = np.max(np.where(fits, resampled.positives_reaching, 0.0), axis=1, initial=0.0)
        return np.where(resampled.negatives > 0, ratio(best, resampled.positives), np.nan)

    return Metric(
        name="sensitivity_at_specificity", title=f"Sensitivity at specificity {wanted:g}", short=f"Sens@{wanted:g}",
        needs="scores", higher_is_better=True, low=0.0, high=1.0, classes="both", kernel=kernel,
    )


METRIC = at(Reference())


def sensitivity_at_specificity(
    positive: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None, *,
    specificity: float = Reference().specificity,
) -> float | NotEstimable:
    """The highest sensitivity among thresholds whose specificity on these studies is at least the wanted one.

    The threshold is chosen on the studies that it is judged on, so this describes the curve; it promises nothing for a
    threshold carried elsewhere.

    Args:
        positive: labels 0 or 1, (n,).
        scores: any finite numbers, higher is more positive, (n,).
        weights: weight per study, at least 0, (n,).
        specificity: in (0, 1).

    Returns:
        A value in [0, 1], or why there is none: one class only.

    Raises:
        ValueError: shapes that differ, labels other than 0 and 1, numbers that are not finite.

    Reference:
        Pepe 2003, "The Statistical Evaluation of Medical Tests for Classification and Prediction", chapter 4.
    """
    reference = Reference(specificity=specificity)
    return weighted_value(at(reference), BinarySample.of(positive, scores), weights)
