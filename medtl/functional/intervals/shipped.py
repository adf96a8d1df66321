"""Which interval stands beside which figure; `docs/statistics.md` has the coverage that each was chosen by."""
from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from medtl.functional.intervals.clustered import logit_t, t_quantile, trusted
from medtl.functional.intervals.effective import share_interval
from medtl.functional.intervals.interval import Interval
from medtl.functional.measure import Metric, NotEstimable
from medtl.functional.resampling import BinarySample

METHOD_FREE = "patient-cluster bootstrap, t"
SHARES = {"sensitivity": 0, "specificity": 1}
"""Figures that are a share of one class's studies, and the class's column in `BinarySample.totals`."""


def shipped(
    metric: Metric, sample: BinarySample, value: float, draws: ArrayLike, patients: int, level: float = 0.95
) -> Interval | NotEstimable:
    """The interval of one figure of one binary question.

    Sensitivity and specificity are shares of patients' studies and have the exact interval at their effective number of
    patients; the rest has the bootstrap's standard error, on the logit scale where the figure lies in [0, 1].

    Args:
        metric: the figure of merit.
        sample: the studies.
        value: the estimate.
        draws: its bootstrap values, (replicates,).
        patients: of the rarer class among those that the figure reads.
        level: nominal coverage, in (0, 1).

    Returns:
        The interval, or why there is none.
    """
    column = SHARES.get(metric.name)
    if column is None:
        return from_spread(metric, value, draws, patients, level)
    if np.asarray(draws).size == 0:
        return NotEstimable("no bootstrap was asked for")
    if patients < metric.least:
        return NotEstimable(f"{patients} patients of that class, an interval needs {metric.least}")
    return share_interval(sample.totals[:, column + 2], sample.totals[:, column], level)


def from_spread(
    metric: Metric, value: float, draws: ArrayLike, patients: int, level: float = 0.95
) -> Interval | NotEstimable:
    """The interval of a figure, or of a mean over several questions, from its bootstrap values.

    Args:
        metric: the figure of merit.
        value: the estimate.
        draws: its bootstrap values, nan where undefined, (replicates,).
        patients: of the rarer class among those that the figure reads.
        level: nominal coverage, in (0, 1).

    Returns:
        The interval, or why there is none.
    """
    if metric.scale == "none":
        return NotEstimable("draws of patients add the noise that this figure counts")
    if metric.scale == "unit":
        return logit_t(value, draws, patients, level, metric.least)
    drawn = trusted(draws, patients, metric.least)
    if isinstance(drawn, NotEstimable):
        return drawn
    reach = t_quantile(patients, level) * float(drawn.std(ddof=1))
    return Interval(value - reach, value + reach, METHOD_FREE, level)
