"""Average precision at a reference prevalence."""
from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from medtl.functional.measure import FloatArray, Metric, NotEstimable, Reference
from medtl.functional.resampling import BinarySample, Resampled, weighted_value


def at(reference: Reference) -> Metric:
    """The metric at a reference prevalence.

    Args:
        reference: whose prevalence is meant.

    Returns:
        The metric; its title states the prevalence.
    """
    share = reference.prevalence

    def kernel(resampled: Resampled) -> FloatArray:
        positives, negatives = resampled.positives[:, None], resampled.negatives[:, None]
        known = (positives > 0) & (negatives > 0)
        shape = resampled.positives_reaching.shape
        found, false, at_score = (
            np.divide(weight, whole, out=np.zeros(shape), where=known)
            for weight, whole in ((resampled.positives_reaching, positives), (resampled.negatives_reaching, negatives),
                                  (resampled.positives_at, positives))
        )
        called = share * found + (1 - share) * false
        precision = np.divide(share * found, called, out=np.zeros(shape), where=called > 0)
        return np.where(known[:, 0], np.einsum("rk,rk->r", at_score, precision), np.nan)

    return Metric(
        name="reference_average_precision", title=f"Average precision at prevalence {share:g}", short=f"AP@{share:g}",
        needs="scores", higher_is_better=True, low=0.0, high=1.0, classes="both", kernel=kernel,
        least=50,
    )


METRIC = at(Reference())


def reference_average_precision(
    positive: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None, *,
    prevalence: float = Reference().prevalence,
) -> float | NotEstimable:
    r"""Average precision of the same ROC curve, were so many of the studies positive.

    .. math:: \sum_k (R_k - R_{k-1}) \frac{\pi R_k}{\pi R_k + (1 - \pi) F_k}

    with R and F the true and false positive rate at each score. Unlike plain average precision it compares between
    sites whose prevalences differ.

    Args:
        positive: labels 0 or 1, (n,).
        scores: any finite numbers, higher is more positive, (n,).
        weights: weight per study, at least 0, (n,).
        prevalence: in (0, 1).

    Returns:
        A value in (0, 1], or why there is none: one class only.

    Raises:
        ValueError: shapes that differ, labels other than 0 and 1, numbers that are not finite.

    Reference:
        Siblini et al. 2020, "Master your metrics with calibration", IDA: precision at a reference prevalence.
    """
    return weighted_value(at(Reference(prevalence)), BinarySample.of(positive, scores), weights)
