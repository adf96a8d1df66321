"""Distances between two samples of features: tensors in, a scalar out, no state."""
from __future__ import annotations

import torch
from torch import Tensor

from medtl.functional.kernels import BANDWIDTHS, gaussian_kernels, kernel_weights, squared_distances


def mmd2(source: Tensor, target: Tensor, bandwidths: tuple[float, ...] = BANDWIDTHS) -> Tensor:
    r"""Unbiased squared maximum mean discrepancy with a mean of Gaussian kernels.

    .. math:: \frac{1}{n(n-1)}\sum_{i \ne j} k(s_i, s_j) + \frac{1}{m(m-1)}\sum_{i \ne j} k(t_i, t_j)
              - \frac{2}{nm}\sum_{i,j} k(s_i, t_j)

    One distance matrix serves every kernel, so time is that of one matrix product and memory is O((n + m)²).

    Args:
        source: features of the source batch, (n, d).
        target: features of the target batch, (m, d); n and m may differ.
        bandwidths: kernel widths as multiples of the pooled mean squared distance, which carries no gradient.

    Returns:
        Scalar, float32. It may be negative: its expectation is zero when both batches come from one distribution.

    Raises:
        ValueError: fewer than two rows in a batch, or features of two widths.

    Reference:
        Gretton et al. 2012, "A Kernel Two-Sample Test", the unbiased estimate.
    """
    return mmd2_per_kernel(_pooled_kernels(source, target, bandwidths), len(source)).mean()


def mk_mmd2(source: Tensor, target: Tensor, bandwidths: tuple[float, ...] = BANDWIDTHS) -> Tensor:
    """Unbiased squared discrepancy of the combination of kernels that tells the two batches apart most reliably.

    The weights come from :func:`~medtl.functional.kernels.kernel_weights` and carry no gradient; the covariance is
    that of the linear-time terms of this batch, over disjoint pairs. Fewer than two such pairs give uniform weights.

    Args:
        source: features of the source batch, (n, d).
        target: features of the target batch, (m, d).
        bandwidths: kernel widths as multiples of the pooled mean squared distance.

    Returns:
        Scalar, float32.

    Raises:
        ValueError: fewer than two rows in a batch, or features of two widths.

    Reference:
        Long et al. 2015, "Learning Transferable Features with Deep Adaptation Networks".
    """
    kernels = _pooled_kernels(source, target, bandwidths)
    per_kernel = mmd2_per_kernel(kernels, len(source))
    terms = linear_time_terms(kernels.detach(), len(source))
    if terms.shape[1] < 2:
        return per_kernel.mean()
    with torch.autocast(source.device.type, enabled=False):
        covariance = torch.cov(terms).reshape(len(kernels), len(kernels))
        return (kernel_weights(per_kernel, covariance) * per_kernel).sum()


def mmd2_per_kernel(kernels: Tensor, n: int) -> Tensor:
    """Unbiased squared discrepancy under each kernel.

    Args:
        kernels: matrices over the pooled sample with ones on the diagonal, float32, (kernels, n + m, n + m).
        n: how many of the first rows are the source.

    Returns:
        float32, (kernels,).
    """
    m = kernels.shape[1] - n
    within_source = (kernels[:, :n, :n].sum(dim=(1, 2)) - n) / (n * (n - 1))
    within_target = (kernels[:, n:, n:].sum(dim=(1, 2)) - m) / (m * (m - 1))
    return within_source + within_target - 2.0 * kernels[:, :n, n:].mean(dim=(1, 2))


def linear_time_terms(kernels: Tensor, n: int) -> Tensor:
    """The independent terms h of the linear-time discrepancy, over disjoint pairs of rows.

    Args:
        kernels: matrices over the pooled sample, (kernels, n + m, n + m).
        n: how many of the first rows are the source.

    Returns:
        (kernels, p), p the half of the smaller batch: k(s, s') + k(t, t') - k(s, t') - k(s', t).

    Reference:
        Gretton et al. 2012, "A Kernel Two-Sample Test", lemma 14.
    """
    pairs = min(n, kernels.shape[1] - n) // 2
    first = torch.arange(pairs, device=kernels.device) * 2
    s, s_next, t, t_next = first, first + 1, first + n, first + n + 1
    return kernels[:, s, s_next] + kernels[:, t, t_next] - kernels[:, s, t_next] - kernels[:, s_next, t]


def _pooled_kernels(source: Tensor, target: Tensor, bandwidths: tuple[float, ...]) -> Tensor:
    n, m = len(source), len(target)
    if min(n, m) < 2:
        raise ValueError(f"a discrepancy needs at least two studies per domain, got {n} source and {m} target")
    if source.shape[1] != target.shape[1]:
        raise ValueError(f"a discrepancy compares features of one width, got {source.shape[1]} and {target.shape[1]}")
    return gaussian_kernels(squared_distances(torch.cat([source, target])), bandwidths)
