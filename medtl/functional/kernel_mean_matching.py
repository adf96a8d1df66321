"""Weights of source rows under which their kernel mean is nearest to the target's."""
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def kernel_mean_matching(
    source_kernel: NDArray[np.float64],
    cross_kernel: NDArray[np.float64],
    *,
    bound: float,
    slack: float,
    ridge: float = 0.0,
    tolerance: float = 1e-8,
    steps: int = 5000,
) -> NDArray[np.float64]:
    r"""Minimises ½ w'Kw − κ'w + ½ ridge ‖w − 1‖² with κ = n·mean over targets of k(x_i, t), within bounds.

    The bounds are 0 ≤ w ≤ bound and |Σw − n| ≤ n·slack.

    Accelerated projected gradient with restarts; the projection onto the box and the band is exact (a shift found by
    bisection). It stops when a step moves no weight by more than the tolerance times the bound's scale.

    Args:
        source_kernel: k of source rows, positive semidefinite, (n, n).
        cross_kernel: k of source and target rows, (n, m).
        bound: largest weight, above 0; bound times n must reach n·(1 − slack).
        slack: how far the mean weight may be from 1, at least 0.
        ridge: pull of each weight to 1, at least 0; 0 is the paper, whose weights are spiky where K is nearly singular.
        tolerance: largest change that counts as none.
        steps: at most so many.

    Returns:
        float64, (n,).

    Raises:
        ValueError: no weights meet the bounds.

    Reference:
        Huang et al. 2006, "Correcting Sample Selection Bias by Unlabeled Data", eq. 12.
    """
    n = len(source_kernel)
    low, high = n * max(0.0, 1.0 - slack), n * (1.0 + slack)
    if bound * n < low:
        raise ValueError(f"weights of at most {bound:g} cannot have a mean of {1.0 - slack:g}")
    kappa = n * cross_kernel.mean(axis=1) + ridge
    kernel = source_kernel + ridge * np.eye(n)
    length = 1.0 / max(float(np.linalg.eigvalsh(kernel)[-1]), float(np.finfo(np.float64).tiny))
    weights = _project(np.ones(n), bound, low, high)
    ahead, momentum = weights, 1.0
    for _ in range(steps):
        new = _project(ahead - length * (kernel @ ahead - kappa), bound, low, high)
        change = float(np.abs(new - weights).max())
        if float((ahead - new) @ (new - weights)) > 0:  # the momentum points uphill
            momentum, ahead = 1.0, new
        else:
            grown = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * momentum * momentum))
            ahead, momentum = new + ((momentum - 1.0) / grown) * (new - weights), grown
        weights = new
        if change <= tolerance:
            break
    return weights


def _project(weights: NDArray[np.float64], bound: float, low: float, high: float) -> NDArray[np.float64]:
    """The nearest weights within [0, bound] whose sum is within [low, high]."""
    clipped = np.clip(weights, 0.0, bound)
    total = float(clipped.sum())
    if low <= total <= high:
        return clipped
    wanted = low if total < low else high
    left, right = -float(weights.max()), bound - float(weights.min())  # all 0, all at the bound
    for _ in range(100):
        shift = 0.5 * (left + right)
        if float(np.clip(weights + shift, 0.0, bound).sum()) < wanted:
            left = shift
        else:
            right = shift
    return np.clip(weights + 0.5 * (left + right), 0.0, bound)
