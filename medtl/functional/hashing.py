"""Codes that are alike within a class: the losses that make them, the classes they give, and nearest codes."""
from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def likeness_loss(codes: Tensor, classes: Tensor) -> Tensor:
    r"""Mean over pairs i ≠ j of :math:`-(s_{ij} \langle u_i, u_j \rangle - \log(1 + e^{\langle u_i, u_j \rangle}))`.

    s is 1 within a class and 0 otherwise: the negative log likelihood of likeness with log odds <u_i, u_j>.

    Args:
        codes: (n, bits).
        classes: int64, (n,).

    Returns:
        Scalar, float32; 0 for fewer than two studies.

    Reference:
        Venkateswara et al. 2017, "Deep Hashing Network for Unsupervised Domain Adaptation" (a sum there).
    """
    with torch.autocast(codes.device.type, enabled=False):
        inner = codes.float() @ codes.float().T
    alike = (classes[:, None] == classes[None, :]).float()
    losses = functional.softplus(inner) - alike * inner
    count = len(codes)
    return (losses.sum() - losses.diagonal().sum()) / max(1, count * (count - 1))


def quantisation_loss(codes: Tensor) -> Tensor:
    """Mean over studies of the squared distance of a code to its signs.

    Args:
        codes: (n, bits).

    Reference:
        Venkateswara et al. 2017, the term that brings codes near to signs.
    """
    return (codes.float() - codes.detach().float().sign()).square().sum() / max(1, len(codes))


def class_shares(codes: Tensor, stored: Tensor) -> Tensor:
    r"""Probability of each class, :math:`p_{ic} = \sum_k e^{\langle u_i, u_k^c \rangle} / \sum_{c'} \sum_k e^{\ldots}`.

    Args:
        codes: (n, bits).
        stored: codes of each class, (classes, k, bits).

    Returns:
        Logarithms of the probabilities, float32, (n, classes).

    Reference:
        Venkateswara et al. 2017.
    """
    with torch.autocast(codes.device.type, enabled=False):
        inner = torch.einsum("nb,ckb->nck", codes.float(), stored.float())
    return functional.log_softmax(torch.logsumexp(inner, dim=2), dim=1)


def nearest_codes(codes: Tensor, others: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The nearest binary codes by Hamming distance; of equals, the first.

    Args:
        codes: (n, bits); only signs count.
        others: (m, bits).
        count: how many, at most m.

    Returns:
        Positions among the others, int64 (n, count), nearest first, and their distances in bits, int64 (n, count).
    """
    one, two = (torch.where(c > 0, 1.0, -1.0) for c in (codes, others))
    bits = ((one.shape[1] - one @ two.T) / 2).round().long()
    distances, order = bits.sort(dim=1, stable=True)
    return order[:, :count], distances[:, :count]
