"""Gaussian kernels over one shared matrix of distances, and the weights that tell two domains apart best.

Everything here is float32 whatever the precision around it, and nothing synchronises a device: the quadratic program
of the weights is solved by trying every support at once, which for a handful of kernels is exact and a single batch.
"""
from __future__ import annotations

import torch
from torch import Tensor

BANDWIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Multiples of the pooled mean squared distance, two octaves either way."""


def squared_distances(rows: Tensor) -> Tensor:
    """Squared Euclidean distances between all rows.

    Args:
        rows: features of any float type, (n, d).

    Returns:
        float32, (n, n), zero on the diagonal and never negative: |a|² + |b|² - 2ab can round below zero.
    """
    with torch.autocast(rows.device.type, enabled=False):  # bf16 products would lose near neighbours
        rows = rows.float()
        rows = rows - rows.detach().mean(dim=0)  # distances stay; far from the origin their digits survive
        norms = rows.square().sum(dim=1)
        squared = torch.addmm(norms[:, None] + norms[None, :], rows, rows.T, alpha=-2.0).clamp_min(0.0)
        return squared - torch.diag(squared.diagonal())


def pooled_scale(squared: Tensor) -> Tensor:
    """Mean squared distance between different rows, without gradient and above zero.

    It is taken over both domains together, so that it does not change when they are swapped.

    Args:
        squared: squared distances of the pooled sample, float32, (n, n), n ≥ 2.

    Returns:
        Scalar, float32; the smallest normal number where all rows are one point.
    """
    count = len(squared)
    mean = squared.detach().sum() / (count * (count - 1))
    return mean.clamp_min(torch.finfo(squared.dtype).tiny)


def gaussian_kernels(squared: Tensor, bandwidths: tuple[float, ...] = BANDWIDTHS) -> Tensor:
    """Gaussian kernel matrices of several widths.

    Args:
        squared: squared distances of the pooled sample, float32, (n, n).
        bandwidths: each kernel's squared width as a multiple of :func:`pooled_scale`, above 0.

    Returns:
        float32, (kernels, n, n).
    """
    unit = squared / (-2.0 * pooled_scale(squared))
    return torch.stack([(unit / width).exp() for width in bandwidths])


def kernel_weights(mmd2s: Tensor, covariance: Tensor, ridge: float = 1e-3) -> Tensor:
    r"""The weights of kernels by the quadratic program of MK-MMD, rescaled to sum 1.

    .. math:: \min_\beta \beta^\top (Q + \epsilon I) \beta \quad \text{with} \quad d^\top \beta = 1,\ \beta \ge 0

    It has the direction of the minimum of ½ β'Aβ - d'β over β ≥ 0, which has one solution per support; the best
    feasible one is taken.

    Args:
        mmd2s: each kernel's squared discrepancy d, (kernels,), at most 10.
        covariance: covariance Q of the linear-time terms, (kernels, kernels).
        ridge: ε as a fraction of the mean of Q's diagonal.

    Returns:
        float32, (kernels,), non-negative with sum 1, without gradient; uniform where no d is positive.

    Raises:
        ValueError: more than 10 kernels.

    Reference:
        Gretton et al. 2012, "Optimal kernel choice for large-scale two-sample tests"; Long et al. 2015,
        "Learning Transferable Features with Deep Adaptation Networks".
    """
    count = len(mmd2s)
    if count > 10:
        raise ValueError(f"the quadratic program tries every subset of at most 10 kernels, got {count}")
    device = mmd2s.device
    d = mmd2s.detach().double()
    q = covariance.detach().double()
    epsilon = (ridge * q.diagonal().mean()).clamp_min(torch.finfo(torch.float64).tiny)
    a = q + epsilon * torch.eye(count, dtype=torch.float64, device=device)
    a = a / a.diagonal().mean()  # a positive factor changes β's length, not its direction

    numbers = torch.arange(1, 2**count, device=device)
    support = ((numbers[:, None] >> torch.arange(count, device=device)) & 1).double()  # (subsets, kernels)
    inside = support[:, :, None] * support[:, None, :]
    system = a * inside + torch.diag_embed(1.0 - support)
    beta = torch.linalg.solve_ex(system, (d * support)[:, :, None])[0][:, :, 0]
    objective = 0.5 * torch.einsum("si,ij,sj->s", beta, a, beta) - beta @ d
    feasible = (beta >= 0).all(dim=1) & torch.isfinite(objective)
    best = beta[torch.where(feasible, objective, torch.inf).argmin()]

    uniform = torch.full_like(best, 1.0 / count)
    total = best.sum()
    usable = (d > 0).any() & (total > 0) & torch.isfinite(total)
    return torch.where(usable, best / total, uniform).float()
