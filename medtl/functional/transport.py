"""Optimal transport of a source batch to a target batch, in features and labels together."""
from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


def transport_plan(cost: Tensor) -> Tensor:
    """The optimal plan between equal masses, exactly, by POT's network simplex on the CPU.

    Args:
        cost: (n, m); its values count, its gradient does not.

    Returns:
        float32 on the cost's device, (n, m), rows summing to 1/n and columns to 1/m, without gradient.
    """
    import ot  # slow to import, and of use here only

    n, m = cost.shape
    values = cost.detach().double().cpu().numpy()
    plan = ot.emd(np.full(n, 1.0 / n), np.full(m, 1.0 / m), np.ascontiguousarray(values))
    return torch.from_numpy(np.asarray(plan, dtype=np.float32)).to(cost.device)


def feature_costs(source: Tensor, target: Tensor) -> Tensor:
    """Squared Euclidean distances between source and target rows.

    Args:
        source: (n, d).
        target: (m, d).

    Returns:
        float32, (n, m), not negative.
    """
    with torch.autocast(source.device.type, enabled=False):
        middle = target.detach().float().mean(dim=0)
        s, t = source.float() - middle, target.float() - middle
        return (s.square().sum(dim=1)[:, None] + t.square().sum(dim=1)[None, :] - 2.0 * s @ t.T).clamp_min(0.0)


def label_costs(labels: Tensor, known: Tensor, logits: Tensor, kind: str) -> Tensor:
    """What each target prediction would cost if it had each source study's label.

    Args:
        labels: of the source, float32, (n, labels).
        known: bool, (n, labels); an unknown label costs 0.
        logits: of the target, (m, K).
        kind: of the task: cross entropy for ``binary`` and ``multiclass``, mean binary cross entropy over the known
            labels for ``multilabel``, squared error for ``regression``.

    Returns:
        float32, (n, m), not negative.
    """
    logits = logits.float()
    if kind in ("binary", "multiclass"):
        costs = -functional.log_softmax(logits, dim=1)[:, labels[:, 0].long()].T
        return torch.where(known[:, :1], costs, torch.zeros_like(costs))
    gaps = (
        functional.softplus(logits)[None] - labels[:, None] * logits[None]
        if kind == "multilabel" else (labels[:, None] - logits[None]).square()
    )  # (n, m, labels)
    given = known[:, None].expand_as(gaps)
    return torch.where(given, gaps, torch.zeros_like(gaps)).sum(dim=2) / known.sum(dim=1).clamp_min(1)[:, None]
