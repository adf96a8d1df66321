"""An interval of a figure in [0, 1] over patients and seeds at once."""
from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from medtl.functional.intervals.clustered import logit_t
from medtl.functional.intervals.difference import from_draws
from medtl.functional.intervals.interval import Interval, logit_ends
from medtl.functional.measure import NotEstimable

METHOD = "bootstrap of patients and seeds, crossed, logit t"


def crossed_logit_t(
    values: ArrayLike, draws: ArrayLike, patients: int, seed: int = 0, level: float = 0.95
) -> Interval | NotEstimable:
    r"""Interval of the mean over seeds of a figure in [0, 1], for patients and seeds other than these.

    The standard error and its degrees of freedom are those of the crossed bootstrap
    (:func:`medtl.functional.intervals.difference.from_draws`); to its square :math:`v(1-v)/2k^2` is added and the
    interval is built on the logit scale, as :func:`medtl.functional.intervals.clustered.logit_t` does for one seed.

    Args:
        values: the figure of each seed, in [0, 1], (S,).
        draws: its values under the same draws of patients, nan where undefined, (S, replicates).
        patients: of the rarer class among those that the figure reads.
        seed: of the draws of seeds, at least 0.
        level: nominal coverage, in (0, 1).

    Returns:
        The interval, or why there is none.
    """
    found = np.atleast_1d(np.asarray(values, dtype=np.float64))
    drawn = np.atleast_2d(np.asarray(draws, dtype=np.float64))
    value = float(found.mean())
    if len(found) == 1 or value >= 1.0 or value <= 0.0:
        return logit_t(value, drawn.mean(axis=0), patients, level)
    crossed = from_draws(found, drawn, patients, seed)
    if isinstance(crossed, NotEstimable):
        return crossed
    spread = math.sqrt(crossed.error**2 + value * (1 - value) / (2 * patients**2))
    quantile = float(stdtrit(crossed.freedom, 0.5 + level / 2))
    return Interval(*logit_ends(value, spread, quantile), METHOD, level)
