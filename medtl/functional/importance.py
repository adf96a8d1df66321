"""The density ratio as a sum of kernels at target rows, of the largest likelihood."""
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def ratio_coefficients(
    target_kernel: NDArray[np.float64],
    source_kernel: NDArray[np.float64],
    *,
    tolerance: float = 1e-4,
    steps: int = 5000,
) -> NDArray[np.float64]:
    r"""Maximises the mean over targets of log Σ_l α_l k(t, c_l), α ≥ 0, whose mean over the source is 1.

    With b_l the source mean of kernel l, π_l = α_l b_l are the shares of a mixture of density ratios k_l / b_l, so that
    expectation maximisation climbs to the one maximum. The largest mean over targets of k_l / (b_l r), less 1,
    bounds what is still missing of the mean log likelihood, and stops the climb.

    Args:
        target_kernel: of target rows and centres, (m, c), positive somewhere in each row.
        source_kernel: of source rows and centres, (n, c).
        tolerance: how much mean log likelihood may be missing.
        steps: at most so many.

    Returns:
        α, float64, (c,); 0 for a centre that no source row is near to.

    Raises:
        ValueError: no centre is near any source row.

    Reference:
        Sugiyama et al. 2008, "Direct Importance Estimation for Covariate Shift Adaptation", eq. 11; the ascent is ours.
    """
    means = source_kernel.mean(axis=0)
    usable = means > 1e-12 * max(float(means.max()), np.finfo(np.float64).tiny)
    if float(means.max()) <= 0:
        raise ValueError("no source row is near any target row")
    ratios = target_kernel[:, usable] / means[usable]
    shares = np.full(int(usable.sum()), 1.0 / int(usable.sum()))
    for _ in range(steps):
        mixed = np.maximum(ratios @ shares, np.finfo(np.float64).tiny)
        gain = ratios.T @ (1.0 / mixed) / len(ratios)
        if float(gain.max()) - 1.0 <= tolerance:
            break
        shares = shares * gain
        shares = shares / shares.sum()
    alpha = np.zeros(len(means))
    alpha[usable] = shares / means[usable]
    return alpha
