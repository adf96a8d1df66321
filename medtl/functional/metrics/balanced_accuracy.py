"""Balanced accuracy at the threshold."""
from __future__ import annotations

from numpy.typing import ArrayLike

from medtl.functional.measure import FloatArray, Metric, NotEstimable, ratio
from medtl.functional.resampling import BinarySample, Resampled, single


def _kernel(resampled: Resampled) -> FloatArray:
    sensitivity = ratio(resampled.true_positives, resampled.positives)
    return 0.5 * (sensitivity + ratio(resampled.true_negatives, resampled.negatives))


METRIC = Metric(
    name="balanced_accuracy", title="Balanced accuracy", short="Bal. acc.", needs="decisions", higher_is_better=True,
    low=0.0, high=1.0, classes="both", kernel=_kernel, macro_of="sensitivity",
)


def balanced_accuracy(
    positive: ArrayLike, decided: ArrayLike, weights: ArrayLike | None = None
) -> float | NotEstimable:
    """Mean of sensitivity and specificity; with three or more exclusive classes, the mean of their sensitivities.

    Args:
        positive: labels 0 or 1, (n,).
        decided: calls 0 or 1, (n,).
        weights: weight per study, at least 0, (n,).

    Returns:
        A value in [0, 1], or why there is none: one class only.

    Raises:
        ValueError: shapes that differ, labels other than 0 and 1.

    Reference:
        Brodersen et al. 2010, "The balanced accuracy and its posterior distribution", ICPR.
    """
    resampled = single(BinarySample.of(positive, decided, decided=decided), weights)
    gap = METRIC.missing(float(resampled.positives[0]), float(resampled.negatives[0]))
    return gap if gap is not None else float(_kernel(resampled)[0])
