"""How target features relate to labelled ones: by similarity, without a classifier, so that classes may be new."""
from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def similarities(rows: Tensor, others: Tensor, temperature: float, normalise: bool = True) -> Tensor:
    """Inner products over the temperature.

    Args:
        rows: (m, d).
        others: (n, d).
        temperature: above 0.
        normalise: whether rows are brought to length 1 first, so that the temperature does not depend on the width.

    Returns:
        float32, (m, n).
    """
    with torch.autocast(rows.device.type, enabled=False):
        rows, others = rows.float(), others.float()
        if normalise:
            rows, others = functional.normalize(rows, dim=1), functional.normalize(others, dim=1)
        return rows @ others.T / temperature


def similarity_entropy(similarity: Tensor) -> Tensor:
    """Mean entropy of the softmax over the others: low where each row resembles few of them.

    Args:
        similarity: (m, n).

    Returns:
        Scalar, in [0, ln n]; 0 for no row.

    Reference:
        Luo et al. 2017, "Label Efficient Learning of Transferable Representations across Domains and Tasks".
    """
    logs = functional.log_softmax(similarity, dim=1)
    return -(logs.exp() * logs).sum() / max(1, len(similarity))


def prototypes(rows: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
    """Mean of the rows of each class that occurs.

    Args:
        rows: (n, d).
        classes: int64, (n,).

    Returns:
        float32, (c, d), and the position of each row's class among them, int64 (n,).
    """
    _, position = torch.unique(classes, return_inverse=True)
    members = functional.one_hot(position).float()  # (n, c)
    with torch.autocast(rows.device.type, enabled=False):
        return (members.T @ rows.float()) / members.sum(dim=0)[:, None], position
