"""Weights of studies: how much evidence is left, and one scale for all."""
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def effective_sample_size(weights: NDArray[np.floating]) -> float:
    """How many equally weighted studies carry as much evidence, (Σw)² / Σw².

    Args:
        weights: non-negative, (n,).

    Returns:
        Between 0 (no weight at all) and n.

    Reference:
        Kish 1965, "Survey Sampling".
    """
    w = np.asarray(weights, dtype=np.float64)
    squares = float(np.square(w).sum())
    return float(w.sum()) ** 2 / squares if squares > 0 else 0.0


def mean_one(weights: NDArray[np.floating], rows: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The same weights on a scale where their mean over some rows is 1.

    Args:
        weights: non-negative, (n,).
        rows: which rows the mean is over, bool, (n,).

    Returns:
        float32, (n,).

    Raises:
        ValueError: a weight is negative or not finite, or all of those rows weigh 0.
    """
    w = np.asarray(weights, dtype=np.float64)
    if not np.isfinite(w).all() or (w < 0).any():
        raise ValueError("weights must be finite and not negative")
    mean = float(w[rows].mean()) if rows.any() else 0.0
    if mean <= 0:
        raise ValueError("the weights of all source studies are zero")
    return (w / mean).astype(np.float32)
