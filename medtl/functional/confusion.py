"""Losses of a network that wants its domain unreadable and its classes related as the source says."""
from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def confusion_losses(logits: Tensor) -> Tensor:
    r"""Cross entropy of the uniform distribution and a discriminator's answer, :math:`-\sum_k \frac1K \log q_k`.

    Args:
        logits: (n, K), or (n, 1) for two domains.

    Returns:
        float32, (n,), at least ln K, which is reached where no domain is preferred.

    Reference:
        Tzeng et al. 2015, "Simultaneous Deep Transfer Across Domains and Tasks".
    """
    logits = logits.float()
    if logits.shape[1] == 1:
        return 0.5 * (functional.softplus(logits) + functional.softplus(-logits))[:, 0]
    return -functional.log_softmax(logits, dim=1).mean(dim=1)


def soft_labels(logits: Tensor, labels: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """What the source says of each class: the mean of its studies' softened predictions.

    Args:
        logits: of labelled source studies, (n, K).
        labels: their classes, int64, (n,).
        temperature: above 0.

    Returns:
        Soft labels, (K, K), a row per class, without gradient; and which classes occur, bool (K,).

    Reference:
        Tzeng et al. 2015, "Simultaneous Deep Transfer Across Domains and Tasks".
    """
    softened = functional.softmax(logits.detach().float() / temperature, dim=1)
    members = functional.one_hot(labels, logits.shape[1]).float()  # (n, K)
    counts = members.sum(dim=0)
    with torch.autocast(logits.device.type, enabled=False):
        return (members.T @ softened) / counts.clamp_min(1.0)[:, None], counts > 0


def soft_label_loss(logits: Tensor, labels: Tensor, soft: Tensor, present: Tensor, temperature: float) -> Tensor:
    """Mean cross entropy of target studies' softened predictions and the soft label of their class.

    Args:
        logits: of labelled target studies, (m, K).
        labels: their classes, int64, (m,).
        soft: soft labels, (K, K).
        present: which rows of ``soft`` hold, (K,); studies of other classes are left out.
        temperature: above 0.

    Returns:
        Scalar; 0 where nothing counts.

    Reference:
        Tzeng et al. 2015, "Simultaneous Deep Transfer Across Domains and Tasks".
    """
    losses = -(soft[labels] * functional.log_softmax(logits.float() / temperature, dim=1)).sum(dim=1)
    counts = present[labels].float()
    return (losses * counts).sum() / counts.sum().clamp_min(1.0)


def as_classes(labels: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Classes of the studies whose label is known.

    Args:
        labels: float32, (n, 1).
        known: bool, (n, 1).

    Returns:
        Positions, int64, (k,), and classes, int64, (k,).
    """
    rows = torch.nonzero(known[:, 0])[:, 0]
    return rows, labels[rows, 0].long()
