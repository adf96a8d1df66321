"""Discrepancies of several layers at once: joint distributions of activations instead of one layer's marginal."""
from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from medtl.functional.discrepancy import mmd2_per_kernel
from medtl.functional.kernels import BANDWIDTHS, gaussian_kernels, squared_distances

Layers = Sequence[Tensor]


def jmmd2(source: Layers, target: Layers, bandwidths: tuple[float, ...] = BANDWIDTHS) -> Tensor:
    r"""Unbiased squared joint maximum mean discrepancy: that of the product over layers of each layer's kernel.

    Each layer's kernel is the mean of Gaussian kernels on that layer's own pooled mean squared distance. The terms
    i = j that the unbiased estimate leaves out are those of the PRODUCT.

    Args:
        source: activations per layer, each (n, d_l).
        target: likewise, each (m, d_l).
        bandwidths: kernel widths as multiples of the pooled mean squared distance.

    Returns:
        Scalar, float32; may be negative.

    Raises:
        ValueError: fewer than two rows in a batch.

    Reference:
        Long et al. 2017, "Deep Transfer Learning with Joint Adaptation Networks".
    """
    n = _rows(source, target)
    kernel = torch.ones((), device=source[0].device)
    for s, t in zip(source, target, strict=True):
        kernel = kernel * gaussian_kernels(squared_distances(torch.cat([s, t])), bandwidths).mean(dim=0)
    return mmd2_per_kernel(kernel[None], n)[0]


def tensor_mmd2(source: Layers, target: Layers, bandwidths: tuple[float, ...] = BANDWIDTHS) -> Tensor:
    r"""Unbiased squared discrepancy of the outer product of several layers' activations, which is never formed.

    .. math:: \lVert a \otimes b - c \otimes d \rVert^2
              = \lVert a \rVert^2 \lVert b \rVert^2 + \lVert c \rVert^2 \lVert d \rVert^2
              - 2 \langle a, c \rangle \langle b, d \rangle

    Args:
        source: activations per layer, each (n, d_l).
        target: likewise, each (m, d_l).
        bandwidths: kernel widths as multiples of the pooled mean squared distance of the outer products.

    Returns:
        Scalar, float32; may be negative.

    Raises:
        ValueError: fewer than two rows in a batch.

    Reference:
        Long et al. 2016, "Unsupervised Domain Adaptation with Residual Transfer Networks".
    """
    n = _rows(source, target)
    return mmd2_per_kernel(gaussian_kernels(outer_squared_distances(source, target), bandwidths), n).mean()


def outer_squared_distances(source: Layers, target: Layers) -> Tensor:
    """Squared distances between the rows' outer products over layers, from inner products alone.

    Args:
        source: activations per layer, each (n, d_l).
        target: likewise, each (m, d_l).

    Returns:
        float32, (n + m, n + m), zero on the diagonal, not negative.
    """
    with torch.autocast(source[0].device.type, enabled=False):
        inner = torch.ones((), device=source[0].device)
        for s, t in zip(source, target, strict=True):
            rows = torch.cat([s, t]).float()
            inner = inner * (rows @ rows.T)
        norms = inner.diagonal()
        squared = (norms[:, None] + norms[None, :] - 2.0 * inner).clamp_min(0.0)
        return squared - torch.diag(squared.diagonal())


def _rows(source: Layers, target: Layers) -> int:
    n, m = len(source[0]), len(target[0])
    if min(n, m) < 2:
        raise ValueError(f"a discrepancy needs at least two studies per domain, got {n} source and {m} target")
    return n
