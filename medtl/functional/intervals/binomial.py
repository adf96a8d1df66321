"""Intervals for a proportion of independent patients."""
from __future__ import annotations

import math

from scipy.special import betaincinv

from medtl.functional.intervals.interval import Interval, normal_quantile


def clopper_pearson(successes: float, trials: float, level: float = 0.95) -> Interval:
    """Exact interval from the binomial tails; it covers at least its level, whatever the truth.

    Args:
        successes: from 0 to trials; a fraction is allowed, for effective sample sizes.
        trials: above 0.
        level: nominal coverage, in (0, 1).

    Returns:
        The interval, within [0, 1].

    Raises:
        ValueError: successes outside [0, trials], or no trials.

    Reference:
        Clopper & Pearson 1934, "The use of confidence or fiducial limits", Biometrika 26.
    """
    _check(successes, trials)
    normal_quantile(level)
    tail = (1 - level) / 2
    low = 0.0 if successes == 0 else float(betaincinv(successes, trials - successes + 1, tail))
    high = 1.0 if successes == trials else float(betaincinv(successes + 1, trials - successes, 1 - tail))
    return Interval(low, high, "Clopper-Pearson", level)


def wilson(successes: float, trials: float, level: float = 0.95) -> Interval:
    """Score interval: near its level on average, shorter than the exact one, never empty at 0 or 1.

    Args:
        successes: from 0 to trials; a fraction is allowed, for effective sample sizes.
        trials: above 0.
        level: nominal coverage, in (0, 1).

    Returns:
        The interval, within [0, 1].

    Raises:
        ValueError: successes outside [0, trials], or no trials.

    Reference:
        Wilson 1927, "Probable inference, the law of succession, and statistical inference", JASA 22.
    """
    _check(successes, trials)
    z2 = normal_quantile(level) ** 2
    share = successes / trials
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    reach = math.sqrt(z2 * (share * (1 - share) / trials + z2 / (4 * trials * trials))) / (1 + z2 / trials)
    low = 0.0 if successes == 0 else max(0.0, centre - reach)
    high = 1.0 if successes == trials else min(1.0, centre + reach)
    return Interval(low, high, "Wilson", level)


def _check(successes: float, trials: float) -> None:
    if not (trials > 0 and 0 <= successes <= trials):
        raise ValueError(f"a proportion needs 0 <= successes <= trials and trials > 0, got {successes} of {trials}")
