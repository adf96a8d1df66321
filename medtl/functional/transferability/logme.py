"""LogME: the evidence of a Bayesian linear model of the labels on the features, at its maximum."""
from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

GRID = np.linspace(-30.0, 30.0, 241)
"""Logarithms of the ratio of precisions, over the mean squared singular value, that the maximum is bracketed on."""


def logme(features: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Mean over classes of the largest log evidence per row of the class's indicator.

    Args:
        features: (n, d), n and d in any relation.
        labels: classes, (n,).

    Raises:
        ValueError: one class only.

    Reference:
        You et al. 2021, "LogME: Practical Assessment of Pre-trained Models for Transfer Learning", eq. 2-4; the maximum
        is found on the profile, not by the paper's fixed point.
    """
    classes = np.unique(labels)
    if len(classes) < 2:
        raise ValueError("labels are all of one class")
    basis = _thin(features)
    return float(np.mean([_largest_evidence(basis, (labels == c).astype(np.float64)) for c in classes]))


def logme_regression(features: NDArray[np.floating], values: NDArray[np.floating]) -> float:
    """The largest log evidence per row of numbers.

    Args:
        features: (n, d).
        values: (n,).
    """
    return _largest_evidence(_thin(features), np.asarray(values, dtype=np.float64))


def _thin(features: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Left singular vectors (n, k) and squared singular values (k,) above rounding."""
    x = np.asarray(features, dtype=np.float64)
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    kept = s > s.max(initial=0.0) * max(x.shape) * np.finfo(np.float64).eps
    return u[:, kept], s[kept] ** 2


def _largest_evidence(basis: tuple[NDArray[np.float64], NDArray[np.float64]], y: NDArray[np.float64]) -> float:
    r"""Maximum over prior precision α and noise precision β of log p(y), per row.

    With λ = α / β, y has covariance (I + F F' / λ) / β; the best β given λ has a closed form, and what is outside the
    span of F enters as a residual, so that one dimension is left to search.
    """
    u, squares = basis
    n = len(y)
    z2 = (u.T @ y) ** 2
    residual = max(float(y @ y) - float(z2.sum()), 0.0)
    unit = float(squares.mean()) if len(squares) else 1.0

    def evidence(log_ratio: float) -> float:
        ratio = unit * math.exp(log_ratio)
        energy = float((z2 * (ratio / (ratio + squares))).sum()) + residual
        energy = max(energy, 1e-12 * max(float(y @ y), 1e-300))  # labels that are fitted exactly
        return 0.5 * (n * math.log(n / energy) - n * math.log(2 * math.pi) - n - float(np.log1p(squares / ratio).sum()))

    ratios = unit * np.exp(GRID)[:, None]
    energies = (z2 * (ratios / (ratios + squares))).sum(axis=1) + residual
    energies = np.maximum(energies, 1e-12 * max(float(y @ y), 1e-300))
    values = -0.5 * (n * np.log(energies / n) + np.log1p(squares / ratios).sum(axis=1))  # but for a constant
    best = int(np.argmax(values))
    low, high = GRID[max(best - 1, 0)], GRID[min(best + 1, len(GRID) - 1)]
    golden = (math.sqrt(5.0) - 1.0) / 2.0
    for _ in range(60):
        left, right = high - golden * (high - low), low + golden * (high - low)
        low, high = (low, right) if evidence(float(left)) >= evidence(float(right)) else (left, high)
    return max(evidence(float(0.5 * (low + high))), evidence(float(GRID[best]))) / n
