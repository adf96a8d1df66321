"""Negative predictive value at the threshold and at a reference prevalence."""
from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from medtl.functional.measure import FloatArray, Metric, NotEstimable, Reference, ratio
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
        missed = share * (1 - ratio(resampled.true_positives, resampled.positives))
        right = (1 - share) * ratio(resampled.true_negatives, resampled.negatives)
        return ratio(np.asarray(right), np.asarray(right + missed))

    return Metric(
        name="npv", title=f"NPV at prevalence {share:g}", short=f"NPV@{share:g}", needs="decisions",
        higher_is_better=True, low=0.0, high=1.0, classes="both", kernel=kernel,
        undefined="no study is called negative",
    )


METRIC = at(Reference())


def npv(
    positive: ArrayLike, decided: ArrayLike, weights: ArrayLike | None = None, *,
    prevalence: float = Reference().prevalence,
) -> float | NotEstimable:
    r"""Share of true negatives among negative calls, were so many of the studies positive.

    .. math:: \frac{(1 - \pi) \mathrm{sp}}{(1 - \pi) \mathrm{sp} + \pi (1 - \mathrm{se})}

    Args:
        positive: labels 0 or 1, (n,).
        decided: calls 0 or 1, (n,).
        weights: weight per study, at least 0, (n,).
        prevalence: in (0, 1).

    Returns:
        A value in [0, 1], or why there is none: one class only, or every study called positive.

    Raises:
        ValueError: shapes that differ, labels other than 0 and 1.

    Reference:
        Altman & Bland 1994, "Diagnostic tests 2: predictive values", BMJ 309.
    """
    return weighted_value(at(Reference(prevalence)), BinarySample.of(positive, decided, decided=decided), weights)
