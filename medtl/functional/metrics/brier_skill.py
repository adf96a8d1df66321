"""Brier skill: how much better than answering the site's own prevalence."""
from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from medtl.functional.measure import FloatArray, Metric, NotEstimable, ratio
from medtl.functional.resampling import BinarySample, Resampled, weighted_value


def _kernel(resampled: Resampled) -> FloatArray:
    total = resampled.positives + resampled.negatives
    constant = ratio(resampled.positives * resampled.negatives, total)  # squared error of the prevalence, summed
    return np.asarray(1 - ratio(resampled.squared_error, constant))


METRIC = Metric(
    name="brier_skill", title="Brier skill", short="Skill", needs="probabilities", higher_is_better=True,
    low=-float("inf"), high=1.0, classes="both", kernel=_kernel, scale="free",
)


def brier_skill(
    positive: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None
) -> float | NotEstimable:
    r"""One minus the Brier score over that of a constant answer of the sample's prevalence.

    .. math:: 1 - \frac{\mathrm{BS}}{\bar y (1 - \bar y)}

    Above 0 the probabilities say more than the prevalence; below, less. The Brier score alone looks better the rarer
    the finding is.

    Args:
        positive: labels 0 or 1, (n,).
        probabilities: in [0, 1], (n,).
        weights: weight per study, at least 0, (n,).

    Returns:
        A value of at most 1, or why there is none: one class only.

    Raises:
        ValueError: shapes that differ, labels other than 0 and 1, numbers that are not finite.

    Reference:
        Murphy 1973, "Hedging and skill scores for probability forecasts", Journal of Applied Meteorology 12.
    """
    return weighted_value(METRIC, BinarySample.of(positive, probabilities), weights)
