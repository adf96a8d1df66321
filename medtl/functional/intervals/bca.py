"""Bias-corrected and accelerated intervals from cluster-bootstrap draws."""
from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from medtl.functional.intervals.interval import Interval, normal_quantile
from medtl.functional.measure import FloatArray, Metric, NotEstimable
from medtl.functional.resampling import BinarySample, Resampled

METHOD_BCA = "patient-cluster bootstrap, BCa"


def without_each(sample: BinarySample, metric: Metric) -> FloatArray:
    """The metric with each patient left out in turn.

    Args:
        sample: studies of at least two patients.
        metric: figure of merit.

    Returns:
        (clusters,); nan where the rest lacks a class.
    """
    kernel = metric.kernel(Resampled(sample, np.ones((sample.clusters, sample.clusters)) - np.eye(sample.clusters)))
    return np.asarray(kernel)


def bca(value: float, draws: ArrayLike, left_out: ArrayLike, level: float = 0.95) -> Interval | NotEstimable:
    r"""Percentiles of the draws, moved by their bias and by how the error changes with the truth.

    .. math::
        \alpha_{1,2} = \Phi\left(z_0 + \frac{z_0 \pm z}{1 - a (z_0 \pm z)}\right), \qquad
        a = \frac{\sum_i (\bar\theta - \theta_{-i})^3}{6 \left(\sum_i (\bar\theta - \theta_{-i})^2\right)^{3/2}}

    Args:
        value: the estimate.
        draws: bootstrap values, (replicates,); nan ones are left out.
        left_out: the estimate with each patient left out, (patients,); nan ones are left out.
        level: nominal coverage, in (0, 1).

    Returns:
        The interval, or why there is none: draws or patients that do not vary.

    Reference:
        Efron 1987, "Better bootstrap confidence intervals", JASA 82.
    """
    drawn, rest = (np.asarray(x, dtype=np.float64).ravel() for x in (draws, left_out))
    drawn, rest = drawn[np.isfinite(drawn)], rest[np.isfinite(rest)]
    if drawn.size < 2 or drawn.min() == drawn.max() or rest.size < 2:
        return NotEstimable("the draws do not vary")
    below = float(np.mean(drawn < value) + 0.5 * np.mean(drawn == value))
    below = min(max(below, 0.5 / drawn.size), 1 - 0.5 / drawn.size)
    bias = float(ndtri(below))
    apart = rest.mean() - rest
    scale = float(np.square(apart).sum()) ** 1.5
    skew = float((apart**3).sum()) / (6 * scale) if scale > 0 else 0.0
    z = normal_quantile(level)
    shares = [float(ndtr(bias + (bias + side) / (1 - skew * (bias + side)))) for side in (-z, z)]
    low, high = np.quantile(drawn, sorted(shares))
    return Interval(float(low), float(high), METHOD_BCA, level)
