"""Convolutional sparse coding at several scales: codes, pictures made of them, and what filters of scales share."""
from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

Banks = Sequence[Tensor]
"""Filters per scale, each (filters, 1, k, k) with odd k, the same number at every scale or not."""


def bounded(banks: Banks) -> list[Tensor]:
    """Filters of length at most 1: longer ones are shortened.

    Args:
        banks: filters per scale.
    """
    return [b / b.flatten(1).norm(dim=1).clamp_min(1.0)[:, None, None, None] for b in banks]


def compose(codes: Sequence[Tensor], banks: Banks) -> Tensor:
    r"""The picture :math:`\sum_{s,k} D_{sk} * Z_{sk}`.

    Args:
        codes: per scale, (n, filters, h, w).
        banks: filters per scale.

    Returns:
        (n, 1, h, w).
    """
    parts = [functional.conv_transpose2d(z, d, padding=d.shape[-1] // 2) for z, d in zip(codes, banks, strict=True)]
    return torch.stack(parts).sum(dim=0)


def correlate(images: Tensor, banks: Banks) -> list[Tensor]:
    """The adjoint of :func:`compose`.

    Args:
        images: (n, 1, h, w).
        banks: filters per scale.

    Returns:
        Per scale, (n, filters, h, w).
    """
    return [functional.conv2d(images, d, padding=d.shape[-1] // 2) for d in banks]


def shrink(values: Tensor, threshold: Tensor | float) -> Tensor:
    """Soft threshold: towards 0 by the threshold, and no further.

    Args:
        values: any shape.
        threshold: at least 0.
    """
    return values.sign() * (values.abs() - threshold).clamp_min(0.0)


@torch.no_grad()
def sparse_codes(images: Tensor, banks: Banks, sparsity: float, iterations: int) -> list[Tensor]:
    r"""Codes that lower :math:`\tfrac12 \lVert X - \sum D * Z \rVert^2 + \lambda \lVert Z \rVert_1` over all scales.

    Args:
        images: X, (n, 1, h, w).
        banks: filters per scale.
        sparsity: λ, at least 0.
        iterations: of FISTA, from codes of 0.

    Returns:
        Per scale, (n, filters, h, w), without gradient.

    Reference:
        Beck & Teboulle 2009, "A Fast Iterative Shrinkage-Thresholding Algorithm for Linear Inverse Problems".
    """
    size = _largest_gain(images, banks)
    codes = [torch.zeros_like(c) for c in correlate(images, banks)]
    ahead, momentum = codes, 1.0
    for _ in range(iterations):
        slopes = correlate(compose(ahead, banks) - images, banks)
        new = [shrink(z - slope / size, sparsity / size) for z, slope in zip(ahead, slopes, strict=True)]
        following = 0.5 * (1.0 + (1.0 + 4.0 * momentum**2) ** 0.5)
        ahead = [z + (momentum - 1.0) / following * (z - old) for z, old in zip(new, codes, strict=True)]
        codes, momentum = new, following
    return codes


def coding_objective(images: Tensor, codes: Sequence[Tensor], banks: Banks, sparsity: float) -> Tensor:
    """What :func:`sparse_codes` lowers, per pixel.

    Args:
        images: (n, 1, h, w).
        codes: per scale, (n, filters, h, w).
        banks: filters per scale.
        sparsity: λ.

    Reference:
        Chang et al. 2018, "Unsupervised Transfer Learning via Multi-Scale Convolutional Sparse Coding for Biomedical
        Applications".
    """
    missed = 0.5 * (images - compose(codes, banks)).square().sum()
    return (missed + sparsity * torch.stack([z.abs().sum() for z in codes]).sum()) / images.numel()


def shared_between_scales(banks: Banks) -> Tensor:
    """Mean squared cosine of filters of different scales, centres laid upon each other: 0 where no two are alike.

    Args:
        banks: filters per scale.

    Returns:
        Scalar in [0, 1]; 0 for a single scale.
    """
    widest = max(b.shape[-1] for b in banks)
    flat = []
    for bank in banks:
        margin = (widest - bank.shape[-1]) // 2
        flat.append(functional.normalize(functional.pad(bank, (margin,) * 4).flatten(1), dim=1))
    shared = [(a @ b.T).square().mean() for i, a in enumerate(flat) for b in flat[i + 1:]]
    return torch.stack(shared).mean() if shared else banks[0].new_zeros(())


def _largest_gain(images: Tensor, banks: Banks) -> float:
    """A bound on the largest eigenvalue of correlate(compose(.)): the largest sum of squared spectra, by FFT."""
    height, width = (images.shape[axis] + max(b.shape[-1] for b in banks) for axis in (-2, -1))
    spectra = [torch.fft.rfft2(b[:, 0], s=(height, width)).abs().square().sum(dim=0) for b in banks]
    return max(float(torch.stack(spectra).sum(dim=0).max()) * 1.1, 1e-12)
