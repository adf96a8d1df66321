"""A method against the baseline over the same seeds."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Gain:
    """Mean difference over paired seeds with its 95 % interval by Student's t.

    Attributes:
        mean: of method less baseline.
        low: of the interval.
        high: of the interval.
    """

    mean: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """Which side of 0 the whole interval is on."""
        return "better" if self.low > 0 else "worse" if self.high < 0 else "unclear"


def gain(method: Sequence[float], baseline: Sequence[float]) -> Gain:
    """The gain of a method, seed by seed.

    Args:
        method: a figure per seed, at least 2.
        baseline: of the same seeds.
    """
    apart = np.asarray(method, dtype=np.float64) - np.asarray(baseline, dtype=np.float64)
    half = stats.t.ppf(0.975, len(apart) - 1) * apart.std(ddof=1) / np.sqrt(len(apart))
    return Gain(float(apart.mean()), float(apart.mean() - half), float(apart.mean() + half))
