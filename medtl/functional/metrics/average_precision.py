"""Average precision: the area under the precision-recall steps."""
from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from medtl.functional.measure import FloatArray, Metric, NotEstimable, ratio
from medtl.functional.resampling import BinarySample, Resampled, single


def _kernel(resampled: Resampled) -> FloatArray:
    called = resampled.positives_reaching + resampled.negatives_reaching
    precision = np.divide(resampled.positives_reaching, called, out=np.zeros_like(called), where=called > 0)
    value = ratio(np.einsum("rk,rk->r", resampled.positives_at, precision), resampled.positives)
    return np.where(resampled.negatives > 0, value, np.nan)


METRIC = Metric(
    name="average_precision", title="Average precision", short="AP", needs="scores", higher_is_better=True, low=0.0,
    high=1.0, classes="both", kernel=_kernel,
)


def average_precision(positive: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> float | NotEstimable:
    r"""Mean precision over the positives, each at the threshold that just includes it.

    .. math:: \sum_k (R_k - R_{k-1}) P_k

    over the distinct scores in descending order, without interpolation. It depends on prevalence, so values of two
    sites compare only where their prevalences do.

    Args:
        positive: labels 0 or 1, (n,).
        scores: any finite numbers, higher is more positive, (n,).
        weights: weight per study, at least 0, (n,).

    Returns:
        A value in (0, 1], or why there is none: with one class only it says nothing (1 by construction, or undefined).

    Raises:
        ValueError: shapes that differ, labels other than 0 and 1, numbers that are not finite.

    Reference:
        Davis & Goadrich 2006, "The relationship between precision-recall and ROC curves", ICML.
    """
    resampled = single(BinarySample.of(positive, scores), weights)
    gap = METRIC.missing(float(resampled.positives[0]), float(resampled.negatives[0]))
    return gap if gap is not None else float(_kernel(resampled)[0])
