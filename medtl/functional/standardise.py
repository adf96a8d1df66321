"""Features on one scale, so that distances between them mean something."""
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def standardised(features: NDArray[np.floating]) -> NDArray[np.float64]:
    """Columns with mean 0 and standard deviation 1; a column that does not vary is 0.

    Args:
        features: (n, d).

    Returns:
        float64, (n, d).
    """
    mean, scale = location_and_scale(features)
    out: NDArray[np.float64] = (np.asarray(features, dtype=np.float64) - mean) / scale
    return out


def location_and_scale(features: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation per column; the latter infinite where rounding is all that varies.

    Args:
        features: (n, d).

    Returns:
        Two of (d,), float64.
    """
    x = np.asarray(features, dtype=np.float64)
    scale = x.std(axis=0)
    noise = 1e-6 * np.maximum(np.abs(x).max(axis=0), np.finfo(np.float32).tiny)
    return x.mean(axis=0), np.where(scale > noise, scale, np.inf)


def squared_distances(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared Euclidean distances, never negative.

    Args:
        a: (n, d).
        b: (m, d).

    Returns:
        float64, (n, m).
    """
    squared = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)[None, :] - 2.0 * (a @ b.T)
    return np.asarray(np.maximum(squared, 0.0))


def median_distance2(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Median squared distance between different rows of the pooled sample, at least the smallest normal number.

    Args:
        a: (n, d).
        b: (m, d).
    """
    pooled = np.concatenate([a, b])
    squared = squared_distances(pooled, pooled)[np.triu_indices(len(pooled), k=1)]
    return max(float(np.median(squared)) if len(squared) else 1.0, float(np.finfo(np.float64).tiny))
