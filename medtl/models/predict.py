"""Logits and features of many studies, by the branch that answers at inference."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from medtl.data.batches import Batch
from medtl.models import bn
from medtl.models.harmonize import route
from medtl.models.model import Model


@dataclass(frozen=True)
class Predicted:
    """What a network says of scans.

    Attributes:
        rows: int64, (n,), positions in the cohort's catalogue, in the order of the batches.
        logits: float32, (n, K).
        features: float32, (n, d), patches of a study averaged, or None when not asked for.
        branch: which branch answered: ``single``, ``source`` or ``target``.
    """

    rows: NDArray[np.int64]
    logits: NDArray[np.float32]
    features: NDArray[np.float32] | None
    branch: str


def predict(
    model: Model, batches: Iterable[Batch], device: torch.device | str = "cpu", *, features: bool = False
) -> Predicted:
    """Runs a network over batches in eval mode, without gradient; modes are put back afterwards.

    Args:
        model: moved to the device.
        batches: in any order; labels are not read.
        device: where it runs.
        features: whether to keep ``Outputs.features`` too.
    """
    modes = [(m, m.training) for m in model.modules()]
    model.to(device).eval()
    rows, logits, kept = [], [], []
    try:
        with torch.inference_mode():
            for batch in batches:
                route(model, batch.domain)
                outputs = model.full(batch.images.to(device))
                rows.append(batch.rows.cpu().numpy())
                logits.append(outputs.outputs.float().cpu().numpy())
                if features:
                    each = outputs.features.float()
                    kept.append((each.flatten(1, -2).mean(dim=1) if each.ndim > 2 else each).cpu().numpy())
    finally:
        route(model)
        for m, mode in modes:
            m.training = mode
    outputs_width = int(model.describe()["outputs"])
    return Predicted(
        np.concatenate(rows).astype(np.int64) if rows else np.zeros(0, np.int64),
        np.concatenate(logits) if logits else np.zeros((0, outputs_width), np.float32),
        (np.concatenate(kept) if kept else np.zeros((0, model.feature_width), np.float32)) if features else None,
        model.branch,
    )


def adapt_bn(model: Model, batches: Iterable[Batch], device: torch.device | str = "cpu") -> None:
    """AdaBN: sets the running statistics of a model with ``bn: adabn`` to those of the target's adapt images.

    Args:
        model: changed in place; left alone where its treatment is another.
        batches: an iterable that can be gone over again and again, such as a list.
        device: where it runs.
    """
    if model.treatment != "adabn":
        return
    model.to(device)
    bn.adapt_statistics(model, model.full, lambda: (batch.images.to(device) for batch in batches))
