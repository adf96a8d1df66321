"""How undecided predictions are."""
from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def prediction_entropy(logits: Tensor, kind: str) -> Tensor:
    """Entropy of each study's prediction, in nats.

    Args:
        logits: (n, K).
        kind: of the task: ``binary`` and ``multiclass`` have one distribution over K classes; ``multilabel`` has K of
            two values each, whose entropies are averaged.

    Returns:
        float32, (n,), in [0, ln K], or in [0, ln 2] for ``multilabel``.

    Raises:
        ValueError: a regression has no entropy.
    """
    logits = logits.float()
    if kind == "regression":
        raise ValueError("a regression predicts values, which have no entropy")
    if kind == "multilabel":
        yes = torch.sigmoid(logits)
        return (yes * functional.softplus(-logits) + (1.0 - yes) * functional.softplus(logits)).mean(dim=1)
    logs = functional.log_softmax(logits, dim=1)
    return -(logs.exp() * logs).sum(dim=1)
