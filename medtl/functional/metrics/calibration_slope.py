"""Calibration slope: 1 where probabilities are neither too bold nor too timid."""
from __future__ import annotations

from numpy.typing import ArrayLike

from medtl.functional.logistic import fitted_line
from medtl.functional.measure import FloatArray, Metric, NotEstimable
from medtl.functional.resampling import BinarySample, Resampled, weighted_value


def _kernel(resampled: Resampled) -> FloatArray:
    return fitted_line(resampled)[:, 1]


METRIC = Metric(
    name="calibration_slope", title="Calibration slope", short="Slope", needs="probabilities", higher_is_better=None,
    low=-float("inf"), high=float("inf"), classes="both", kernel=_kernel, scale="free",
    undefined="the probabilities separate the classes, or all are equal",
)


def calibration_slope(
    positive: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None
) -> float | NotEstimable:
    r"""Slope of the logistic regression of the label on the logit of its probability.

    .. math:: \mathrm{logit} P(y = 1) = a + b \, \mathrm{logit} \, p

    b = 1 is right, below 1 the probabilities are too extreme, above 1 too cautious.

    Args:
        positive: labels 0 or 1, (n,).
        probabilities: in [0, 1], (n,); the ends are moved inwards by 1e-7.
        weights: weight per study, at least 0, (n,).

    Returns:
        The slope, or why there is none: one class only, or classes that the probabilities separate.

    Raises:
        ValueError: shapes that differ, labels other than 0 and 1, numbers that are not finite.

    Reference:
        Cox 1958, "Two further applications of a model for binary regression", Biometrika 45.
    """
    return weighted_value(METRIC, BinarySample.of(positive, probabilities), weights)
