"""Brier score: the mean squared error of probabilities."""
from __future__ import annotations

from numpy.typing import ArrayLike

from medtl.functional.measure import FloatArray, Metric, NotEstimable, ratio
from medtl.functional.resampling import BinarySample, Resampled, single


def _kernel(resampled: Resampled) -> FloatArray:
    return ratio(resampled.squared_error, resampled.positives + resampled.negatives)


METRIC = Metric(
    name="brier", title="Brier", short="Brier", needs="probabilities", higher_is_better=False, low=0.0, high=1.0,
    classes="any", kernel=_kernel,
)


def brier(positive: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None) -> float | NotEstimable:
    r"""Weighted mean of (p - y)², 0 at best; a constant p of the prevalence scores prevalence (1 - prevalence).

    Args:
        positive: labels 0 or 1, (n,).
        probabilities: in [0, 1], (n,).
        weights: weight per study, at least 0, (n,).

    Returns:
        A value in [0, 1], or why there is none: no labelled study.

    Raises:
        ValueError: probabilities outside [0, 1], or shapes and labels as for the other metrics.

    Reference:
        Brier 1950, "Verification of forecasts expressed in terms of probability", in the one-column binary form.
    """
    sample = BinarySample.of(positive, probabilities)
    if ((sample.scores < 0) | (sample.scores > 1)).any():
        raise ValueError("the Brier score reads probabilities in [0, 1]")
    resampled = single(sample, weights)
    gap = METRIC.missing(float(resampled.positives[0]), float(resampled.negatives[0]))
    return gap if gap is not None else float(_kernel(resampled)[0])
