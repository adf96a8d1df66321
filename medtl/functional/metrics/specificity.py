"""Specificity at the threshold."""
from __future__ import annotations

from numpy.typing import ArrayLike

from medtl.functional.measure import FloatArray, Metric, NotEstimable, ratio
from medtl.functional.resampling import BinarySample, Resampled, single


def _kernel(resampled: Resampled) -> FloatArray:
    return ratio(resampled.true_negatives, resampled.negatives)


METRIC = Metric(
    name="specificity", title="Specificity", short="Spec.", needs="decisions", higher_is_better=True, low=0.0, high=1.0,
    classes="negative", kernel=_kernel,
)


def specificity(positive: ArrayLike, decided: ArrayLike, weights: ArrayLike | None = None) -> float | NotEstimable:
    """Share of the negative studies that are called negative.

    Args:
        positive: labels 0 or 1, (n,).
        decided: calls 0 or 1, (n,).
        weights: weight per study, at least 0, (n,).

    Returns:
        A value in [0, 1], or why there is none: no negative study.

    Raises:
        ValueError: shapes that differ, labels other than 0 and 1.
    """
    resampled = single(BinarySample.of(positive, decided, decided=decided), weights)
    gap = METRIC.missing(float(resampled.positives[0]), float(resampled.negatives[0]))
    return gap if gap is not None else float(_kernel(resampled)[0])
