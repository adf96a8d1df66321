"""Reliability: what is observed among studies that were given about the same probability."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from medtl.functional.intervals.binomial import wilson
from medtl.functional.intervals.interval import Interval
from medtl.functional.resampling import BinarySample

BINS = 10
PER_BIN = 10
"""Fewest studies of a bin, so that its interval says something."""


@dataclass(frozen=True)
class Bin:
    """Studies of neighbouring probabilities.

    Args:
        predicted: mean probability.
        observed: share of positive studies.
        studies: how many.
        interval: Wilson's for the share, studies taken as independent.
    """

    predicted: float
    observed: float
    studies: int
    interval: Interval


def reliability_bins(positive: ArrayLike, probabilities: ArrayLike, level: float = 0.95) -> tuple[Bin, ...]:
    """Split studies by rank of their probability into bins of equal size; equal probabilities stay together.

    Args:
        positive: labels 0 or 1, (n,).
        probabilities: in [0, 1], (n,).
        level: nominal coverage of each bin's interval.

    Returns:
        At most BINS bins of about PER_BIN studies or more, by rising probability; none without studies.

    Reference:
        Bröcker & Smith 2007, "Increasing the reliability of reliability diagrams", Weather and Forecasting 22.
    """
    sample = BinarySample.of(positive, probabilities)
    count = len(sample.scores)
    if not count:
        return ()
    order = np.argsort(sample.scores, kind="stable")
    rising, hit = sample.scores[order], sample.positive[order]
    wanted = max(1, min(BINS, count // PER_BIN))
    cuts = np.searchsorted(rising, rising[(np.arange(1, wanted) * count) // wanted], side="left")
    edges = np.unique(np.concatenate([[0], cuts, [count]]))
    return tuple(
        Bin(float(rising[a:b].mean()), float(hit[a:b].mean()), b - a, wilson(float(hit[a:b].sum()), b - a, level))
        for a, b in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    )
