"""An interval, and the scales on which one is built."""
from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist


@dataclass(frozen=True)
class Interval:
    """A confidence interval.

    Args:
        low: lower end.
        high: upper end, at least low.
        method: how it was computed, for the reader.
        level: nominal coverage, in (0, 1).
    """

    low: float
    high: float
    method: str
    level: float = 0.95


def normal_quantile(level: float) -> float:
    """Two-sided standard normal quantile, 1.96 at 0.95.

    Args:
        level: nominal coverage, in (0, 1).

    Returns:
        The quantile.

    Raises:
        ValueError: a level outside (0, 1).
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"an interval's level lies strictly between 0 and 1, got {level}")
    return NormalDist().inv_cdf(0.5 + level / 2)


def logit_ends(value: float, standard_error: float, quantile: float) -> tuple[float, float]:
    """Ends of a Wald interval built on the logit scale, so that they stay within (0, 1).

    .. math:: \\mathrm{logit}^{-1}\\left(\\mathrm{logit}\\,v \\pm q\\,\\frac{s}{v (1 - v)}\\right)

    Args:
        value: the estimate, strictly within (0, 1).
        standard_error: of the estimate on its own scale, at least 0.
        quantile: how many standard errors either way.

    Returns:
        Lower and upper end.

    Reference:
        Pepe 2003, "The Statistical Evaluation of Medical Tests for Classification and Prediction", section 5.2.
    """
    centre = math.log(value / (1 - value))
    reach = quantile * standard_error / (value * (1 - value))
    return _expit(centre - reach), _expit(centre + reach)


def _expit(x: float) -> float:
    if x >= 0:
        return 1 / (1 + math.exp(-x))
    return math.exp(x) / (1 + math.exp(x)) if x > -700 else 0.0
