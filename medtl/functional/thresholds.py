"""Where a score becomes a call."""
from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

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
