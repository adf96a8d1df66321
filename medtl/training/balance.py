"""What class-balanced batches do to a network's answers, and how it is undone."""
from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from medtl.models.model import Model
from medtl.types import Cohort


def source_shares(cohort: Cohort, classes: int, *, scanners: bool = False) -> NDArray[np.float64]:
    """Shares of the classes in the source's training part, each domain counting equally, as batches draw them.

    Args:
        cohort: of a run with one label column.
        classes: how many.
        scanners: whether a domain is a scanner within a site.

    Returns:
        (classes,), sums to 1; a class without a study has 0.
    """
    rows = cohort.rows("source", "train")
    labels = cohort.visible_labels[rows, 0]
    items = [cohort.catalogue.items[row] for row in rows]
    domain = np.array([f"{item.site}/{item.scanner}" if scanners else item.site for item in items])
    shares = []
    for name in np.unique(domain):
        known = labels[(domain == name) & ~np.isnan(labels)].astype(np.int64)
        if len(known):
            counts = np.bincount(known, minlength=classes)
            shares.append(counts / counts.sum())
    found: NDArray[np.float64] = np.mean(shares, axis=0)
    return found


@torch.no_grad()
def undo_balance(model: Model, shares: NDArray[np.float64]) -> bool:
    """Gives a network that saw every class equally often the source's class shares again, in its head's bias.

    Under equal shares the softmax is p(x | c) over its sum; adding log p(c) to the logits makes it the posterior under
    p. A class without a study keeps its logit.

    Args:
        model: changed in place.
        shares: of the classes at the source, (classes,).

    Returns:
        Whether it could be done: the head must be linear, with an output per class.

    Reference:
        Elkan 2001, "The Foundations of Cost-Sensitive Learning", theorem 2.
    """
    head = model.head
    if not isinstance(head, nn.Linear) or head.bias is None or len(head.bias) != len(shares):
        return False
    present = shares > 0
    move = np.where(present, np.log(np.where(present, shares, 1.0) * present.sum()), 0.0)
    head.bias.add_(torch.from_numpy(move).to(head.bias))
    return True
