"""The weighted median by which boosted regressors answer."""
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HALF = 0.5 - 1e-6
"""Half of the votes, less what rounding them to float32 takes: a head on disk and its estimators break ties alike."""


def weighted_median(values: NDArray[np.float64], votes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The smallest value that has at least half of the votes at or below it, per column.

    Args:
        values: (rounds, n).
        votes: non-negative, (rounds,).

    Returns:
        (n,).
    """
    order = values.argsort(axis=0, kind="stable")
    below = votes[order].cumsum(axis=0)
    first = (below >= HALF * votes.sum()).argmax(axis=0)
    columns = np.arange(values.shape[1])
    return np.asarray(values[order[first, columns], columns])
