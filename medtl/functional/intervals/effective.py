"""Exact and score intervals for shares whose studies come in patients: as many trials as the studies are worth."""
from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from medtl.functional.intervals.binomial import clopper_pearson, wilson
from medtl.functional.intervals.interval import Interval
from medtl.functional.measure import NotEstimable


def effective_trials(hits: ArrayLike, studies: ArrayLike, level: float = 0.95) -> float:
    r"""Independent trials that would give a share as much precision as these patients' studies do.

    .. math::
        n^* = \frac{p (1 - p)}{\widehat{\mathrm{var}}(p)} \left(\frac{t_{n - 1}}{t_{k - 1}}\right)^2, \qquad
        \widehat{\mathrm{var}}(p) = \frac{k}{k - 1} \frac{\sum_i (h_i - p m_i)^2}{(\sum_i m_i)^2}

    for k patients with m studies each; at most the number of studies. With a share of 0 or 1 nothing can be learned of
    how patients vary, and each counts as one trial. Where every patient has one study it is their number.

    Args:
        hits: studies of each patient that count, (patients,).
        studies: all studies of each patient, (patients,); patients without one are left out.
        level: at which the t quantiles are taken, in (0, 1).

    Returns:
        The number, above 0 for at least one patient.

    Reference:
        Korn & Graubard 1998, "Confidence intervals for proportions with small expected number of positive counts",
        Survey Methodology 24.
    """
    counts = np.asarray(studies, dtype=np.float64)
    there = counts > 0
    counts, found = counts[there], np.asarray(hits, dtype=np.float64)[there]
    patients, total = len(counts), float(counts.sum())
    if total == patients:
        return total
    share = float(found.sum()) / total
    if patients < 2 or share in (0.0, 1.0):
        return float(patients)
    spread = patients / (patients - 1) * float(np.square(found - share * counts).sum()) / total**2
    if spread <= 0:
        return float(patients)
    worth = share * (1 - share) / spread
    quantile = 0.5 + level / 2
    worth *= float(stdtrit(total - 1, quantile) / stdtrit(patients - 1, quantile)) ** 2
    return min(worth, total)


def share_interval(
    hits: ArrayLike, studies: ArrayLike, level: float = 0.95, form: Literal["exact", "wilson"] = "exact"
) -> Interval | NotEstimable:
    """Interval of a share of studies, exact (Clopper-Pearson) or Wilson's, at the effective number of trials.

    Args:
        hits: studies of each patient that count, (patients,).
        studies: all studies of each patient, (patients,).
        level: nominal coverage, in (0, 1).
        form: exact, which covers at least its level, or wilson, which covers it on average.

    Returns:
        The interval, or why there is none: no study.
    """
    total = float(np.asarray(studies, dtype=np.float64).sum())
    if total <= 0:
        return NotEstimable("no study")
    share = float(np.asarray(hits, dtype=np.float64).sum()) / total
    worth = effective_trials(hits, studies, level)
    found = (clopper_pearson if form == "exact" else wilson)(share * worth, worth, level)
    clustered = worth != total or bool((np.asarray(studies) > 1).any())
    return Interval(found.low, found.high, f"{found.method}{', effective patients' if clustered else ''}", level)
