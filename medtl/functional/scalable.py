"""Maximum mean discrepancy for large batches: time and memory that grow with the rows, not with their square."""
from __future__ import annotations

import torch
from torch import Tensor

from medtl.functional.kernels import BANDWIDTHS


def linear_time_mmd2(source: Tensor, target: Tensor, bandwidths: tuple[float, ...] = BANDWIDTHS) -> Tensor:
    """Unbiased squared discrepancy from disjoint pairs of rows: each row is in one term, so time is O(n d).

    Its variance is larger than that of the full double sum. Rows beyond the smaller even batch are left out of the
    terms, not of the bandwidth.

    Args:
        source: (n, d).
        target: (m, d).
        bandwidths: kernel widths as multiples of the pooled mean squared distance, which carries no gradient.

    Returns:
        Scalar, float32; may be negative.

    Raises:
        ValueError: fewer than two rows in a batch.

    Reference:
        Gretton et al. 2012, "A Kernel Two-Sample Test", lemma 14.
    """
    source, target, scale = _prepared(source, target)
    pairs = min(len(source), len(target)) // 2
    (s, s_next), (t, t_next) = ((rows[0:2 * pairs:2], rows[1:2 * pairs:2]) for rows in (source, target))
    gaps = torch.stack([(a - b).square().sum(dim=1) for a, b in ((s, s_next), (t, t_next), (s, t_next), (s_next, t))])
    total = torch.zeros((), device=source.device)
    for width in bandwidths:
        within_source, within_target, across, again = (gaps / (-2.0 * width * scale)).exp()
        total = total + (within_source + within_target - across - again).mean()
    return total / len(bandwidths)


def random_feature_mmd2(
    source: Tensor, target: Tensor, frequencies: Tensor, bandwidths: tuple[float, ...] = BANDWIDTHS
) -> Tensor:
    r"""Squared discrepancy with each Gaussian kernel replaced by an inner product of random cosines and sines.

    A row maps to :math:`[\cos \omega_k^\top x, \sin \omega_k^\top x]_k / \sqrt{D}`, whose inner products have the
    kernel as their expectation and whose norm is exactly 1. So the terms i = j can be left out, and the expectation
    over the frequencies is the unbiased discrepancy. Time and memory are O((n + m) D).

    Args:
        source: (n, d).
        target: (m, d).
        frequencies: standard normal numbers, (d, D); the same ones serve every width.
        bandwidths: kernel widths as multiples of the pooled mean squared distance, which carries no gradient.

    Returns:
        Scalar, float32; may be negative.

    Raises:
        ValueError: fewer than two rows in a batch.

    Reference:
        Rahimi & Recht 2007, "Random Features for Large-Scale Kernel Machines", algorithm 1; Sutherland & Schneider
        2015, "On the Error of Random Fourier Features", for the paired form.
    """
    source, target, scale = _prepared(source, target)
    n, m, count = len(source), len(target), frequencies.shape[1]
    with torch.autocast(source.device.type, enabled=False):
        angles = torch.cat([source, target]) @ frequencies.float() / scale.sqrt()
        total = torch.zeros((), device=source.device)
        for width in bandwidths:
            turned = angles / width**0.5
            mapped = torch.cat([turned.cos(), turned.sin()], dim=1) / count**0.5  # (n + m, 2D)
            s, t = mapped[:n].sum(dim=0), mapped[n:].sum(dim=0)
            within = (s @ s - n) / (n * (n - 1)) + (t @ t - m) / (m * (m - 1))
            total = total + within - 2.0 * (s @ t) / (n * m)
    return total / len(bandwidths)


def _prepared(source: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Both batches about a common origin, and the pooled mean squared distance in O(n d)."""
    n, m = len(source), len(target)
    if min(n, m) < 2:
        raise ValueError(f"a discrepancy needs at least two studies per domain, got {n} source and {m} target")
    rows = torch.cat([source, target]).float()
    rows = rows - rows.detach().mean(dim=0)
    held = rows.detach()
    scale = 2.0 * held.square().sum() / (n + m - 1)  # rows have mean 0, so no cross terms remain
    return rows[:n], rows[n:], scale.clamp_min(torch.finfo(torch.float32).tiny)
