"""Intervals from cluster-bootstrap replicates that keep their coverage in small samples.

The percentile interval falls short where they matter most: with 50 patients and an AUROC of .96 it covered 83 %. The
interval shipped here takes the bootstrap's standard error to the logit scale with a t quantile, whose degrees of
freedom are those of the rarer class counted in patients; `tests/functional/intervals/test_coverage.py` simulates its
coverage.
"""
from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from medtl.functional.intervals.interval import Interval, logit_ends, normal_quantile
from medtl.functional.measure import FloatArray, NotEstimable

MIN_PATIENTS = 5
"""Patients needed in each class that a metric reads, below which an interval is not estimable."""
MIN_DEFINED = 0.95
"""Share of replicates that must have a value."""
METHOD = "patient-cluster bootstrap, logit t"
METHOD_BOUNDARY = "bound from separate patients"
METHOD_DIFFERENCE = "paired patient-cluster bootstrap, t"
METHOD_GAP = "two intervals recovered (MOVER)"


def t_quantile(patients: int, level: float = 0.95) -> float:
    """Two-sided t quantile with patients - 1 degrees of freedom.

    Args:
        patients: of the rarer class, at least 2.
        level: nominal coverage, in (0, 1).

    Returns:
        The quantile.
    """
    normal_quantile(level)
    return float(stdtrit(patients - 1, 0.5 + level / 2))


def trusted(replicates: ArrayLike, patients: int, least: int = MIN_PATIENTS) -> NotEstimable | FloatArray:
    """Bootstrap values that an interval may be built on.

    Args:
        replicates: values, nan where undefined, (replicates,).
        patients: of the rarer class among those that the figure reads.
        least: patients that an interval needs.

    Returns:
        The defined ones, or why there is no interval: too few patients, or too many draws without the figure.
    """
    drawn = np.asarray(replicates, dtype=np.float64).ravel()
    if drawn.size == 0:
        return NotEstimable("no bootstrap was asked for")
    if patients < least:
        return NotEstimable(f"{patients} patients in the rarer class, an interval needs {least}")
    finite = drawn[np.isfinite(drawn)]
    if len(finite) < MIN_DEFINED * len(drawn):
        return NotEstimable(f"not defined in {len(drawn) - len(finite)} of {len(drawn)} bootstrap draws")
    return finite


def logit_t(
    value: float, replicates: ArrayLike, patients: int, level: float = 0.95, least: int = MIN_PATIENTS
) -> Interval | NotEstimable:
    r"""Interval of a figure in [0, 1] from its bootstrap standard error, on the logit scale with a t quantile.

    To the bootstrap's variance is added :math:`v(1-v)/2k^2`, k patients of the rarer class: the share of one patient,
    which vanishes as they grow and without which a value near 1 looks surer than it is.

    At 0 or 1 the bootstrap has no spread. There, k separate patients (for an AUROC k separate pairs) that are all right
    have probability at most :math:`v^k`, so :math:`v \ge (\alpha/2)^{1/k}` bounds it, as Clopper and Pearson do.

    Args:
        value: the estimate, in [0, 1].
        replicates: bootstrap values, nan where undefined, (replicates,).
        patients: of the rarer class among those that the figure reads.
        level: nominal coverage, in (0, 1).
        least: patients that an interval needs.

    Returns:
        The interval, or why there is none.

    Reference:
        Scale: Pepe 2003, section 5.2. Clusters: Field & Welsh 2007, "Bootstrapping clustered data", JRSS B 69.
    """
    drawn = trusted(replicates, patients, least)
    if isinstance(drawn, NotEstimable):
        return drawn
    bound = ((1 - level) / 2) ** (1 / patients)
    if value >= 1.0:
        return Interval(bound, 1.0, METHOD_BOUNDARY, level)
    if value <= 0.0:
        return Interval(0.0, 1.0 - bound, METHOD_BOUNDARY, level)
    floor = value * (1 - value) / (2 * patients**2)
    spread = math.sqrt(float(drawn.var(ddof=1)) + floor)
    low, high = logit_ends(value, spread, t_quantile(patients, level))
    return Interval(low, high, METHOD, level)


def paired_difference(
    value: float, differences: ArrayLike, patients: int, level: float = 0.95
) -> Interval | NotEstimable:
    """Interval of a difference of two models on the same patients, from differences under the same draws.

    Args:
        value: the estimated difference.
        differences: its bootstrap values, nan where undefined, (replicates,).
        patients: of the rarer class among those that the figure reads.
        level: nominal coverage, in (0, 1).

    Returns:
        The interval, or why there is none.
    """
    drawn = trusted(differences, patients)
    if isinstance(drawn, NotEstimable):
        return drawn
    reach = t_quantile(patients, level) * float(drawn.std(ddof=1))
    return Interval(value - reach, value + reach, METHOD_DIFFERENCE, level)


def independent_difference(first: float, one: Interval, second: float, other: Interval) -> Interval:
    """Interval of first - second for two independent samples, recovered from their own intervals.

    Unlike a bootstrap of the difference it inherits the coverage of the two intervals, also next to 0 and 1.

    Args:
        first: estimate of the first sample.
        one: its interval.
        second: estimate of the second sample, independent of the first.
        other: its interval, of the same level.

    Returns:
        The interval of the difference.

    Reference:
        Zou & Donner 2008, "Construction of confidence limits about effect measures", Statistics in Medicine 27.
    """
    difference = first - second
    low = difference - math.hypot(first - one.low, other.high - second)
    high = difference + math.hypot(one.high - first, second - other.low)
    return Interval(low, high, METHOD_GAP, one.level)
