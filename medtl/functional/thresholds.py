"""Where a score becomes a call."""
from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc

from medtl.functional.conformal import worst_of
from medtl.functional.measure import NotEstimable
from medtl.functional.resampling import BinarySample


def youden(positive: ArrayLike, scores: ArrayLike) -> float | NotEstimable:
    r"""The score with the largest sensitivity + specificity - 1, a study being called positive from it upwards.

    Among equally good scores the highest is taken. Counts are compared as integers, so ties are exact.

    Args:
        positive: labels 0 or 1, (n,).
        scores: finite, (n,).

    Returns:
        One of the scores, or why there is none: one class only.

    Raises:
        ValueError: shapes that differ, labels other than 0 and 1, scores that are not finite.

    Reference:
        Youden 1950, "Index for rating diagnostic tests", Cancer 3.
    """
    sample = BinarySample.of(positive, scores)
    positives = int(sample.positive.sum())
    negatives = len(sample.positive) - positives
    if positives == 0 or negatives == 0:
        return NotEstimable("one class only" if positives or negatives else "no labelled study")
    order = np.argsort(-sample.scores, kind="stable")
    descending, hits = sample.scores[order], np.cumsum(sample.positive[order])
    last = np.flatnonzero(np.append(np.diff(descending) != 0, True))  # the last study of each distinct score
    alarms = last + 1 - hits[last]
    return float(descending[last[np.argmax(hits[last] * negatives - alarms * positives)]])


def threshold_for_sensitivity(
    positive: ArrayLike, scores: ArrayLike, wanted: float, patients: ArrayLike | None = None, confidence: float = 0.95
) -> float | NotEstimable:
    r"""The highest threshold that keeps a wanted sensitivity with confidence, whatever the scores' distribution.

    Of n positive patients' scores, the threshold at the r-th lowest has a sensitivity that is distributed as
    Beta(n - r + 1, r); r is the largest with :math:`P(\mathrm{Beta} \ge \mathrm{wanted}) \ge \mathrm{confidence}`. A
    patient's score is that of his lowest positive study, so that all of them are called. Even r = 1 needs
    :math:`1 - \mathrm{wanted}^n \ge \mathrm{confidence}`, 59 patients for .95 at .95. The empirical quantile promises
    nothing of the kind.

    Args:
        positive: labels 0 or 1, (n,).
        scores: finite, (n,).
        wanted: sensitivity, in (0, 1).
        patients: who each study is of, any values, (n,); None is one patient each.
        confidence: in (0, 1).

    Returns:
        One of the scores, or why it is not attainable: too few positive patients.

    Raises:
        ValueError: shapes that differ, labels other than 0 and 1, scores that are not finite.

    Reference:
        Wilks 1941, "Determination of sample sizes for setting tolerance limits", Annals of Mathematical Statistics 12.
    """
    sample = BinarySample.of(positive, scores)
    who = np.arange(len(sample.scores)) if patients is None else np.unique(np.asarray(patients), return_inverse=True)[1]
    lowest = np.sort(worst_of(sample.scores[sample.positive], who[sample.positive]))
    n, need = len(lowest), positives_needed(wanted, confidence)
    if n < need:
        return NotEstimable(f"not attainable: {n} positive patients, a sensitivity of {wanted:g} held with confidence "
                            f"{confidence:g} needs {need}")
    ranks = np.arange(1, n + 1)
    holds = betainc(ranks, n - ranks + 1, 1 - wanted) >= confidence
    return float(lowest[int(ranks[holds].max()) - 1])


def positives_needed(wanted: float, confidence: float = 0.95) -> int:
    """The fewest positive patients with which any threshold can promise a sensitivity.

    Args:
        wanted: sensitivity, in (0, 1).
        confidence: in (0, 1).

    Returns:
        59 for .95 and .95.
    """
    return math.ceil(math.log(1 - confidence) / math.log(wanted) - 1e-9)
