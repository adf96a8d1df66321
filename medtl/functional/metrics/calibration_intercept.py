"""Calibration in the large: 0 where as many studies are positive as the probabilities say."""
from __future__ import annotations

from numpy.typing import ArrayLike

from medtl.functional.logistic import fitted_offset
from medtl.functional.measure import FloatArray, Metric, NotEstimable
from medtl.functional.resampling import BinarySample, Resampled, weighted_value


def _kernel(resampled: Resampled) -> FloatArray:
    return fitted_offset(resampled)


METRIC = Metric(
    name="calibration_intercept", title="Calibration in the large", short="Interc.", needs="probabilities",
    higher_is_better=None, low=-float("inf"), high=float("inf"), classes="both", kernel=_kernel, scale="free",
)


def calibration_intercept(
    positive: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None
) -> float | NotEstimable:
    r"""Intercept of the logistic regression of the label with the logit of its probability as offset.

    .. math:: \mathrm{logit} P(y = 1) = a + \mathrm{logit} \, p

    a = 0 is right, above 0 the probabilities are too low on the whole, below 0 too high.

    Args:
        positive: labels 0 or 1, (n,).
        probabilities: in [0, 1], (n,); the ends are moved inwards by 1e-7.
        weights: weight per study, at least 0, (n,).

    Returns:
        The intercept, or why there is none: one class only.

    Raises:
        ValueError: shapes that differ, labels other than 0 and 1, numbers that are not finite.

    Reference:
        Cox 1958, "Two further applications of a model for binary regression", Biometrika 45.
    """
    return weighted_value(METRIC, BinarySample.of(positive, probabilities), weights)
