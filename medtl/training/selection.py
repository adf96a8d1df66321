"""The rule that picks a checkpoint: by source validation studies only, never by a target label."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from medtl.tasks.base import Task
from medtl.types import Cohort

RULES = {
    "source_validation": "lowest mean over source sites of the validation loss; the earliest epoch of equals",
    "last": "the last epoch",
}
"""What each rule of `train.selection` does, for reports."""


def validation_loss(task: Task, cohort: Cohort, rows: NDArray[np.int64], logits: NDArray[np.float32]) -> float:
    """Mean over source sites of the task's loss on their validation studies; scans of one study are averaged first.

    Args:
        task: whose loss counts.
        cohort: whose visible labels count; every row must be a source row.
        rows: positions in the catalogue, (n,).
        logits: float32, (n, outputs).

    Returns:
        The mean, in float64; sites without a known label are left out.

    Raises:
        ValueError: a target row, or no known label at all.
    """
    if any(cohort.role[i] != "source" for i in rows):
        raise ValueError("selection saw a row that is not of the source")
    items = cohort.catalogue.items
    labels = cohort.visible_labels
    losses = []
    for site in sorted({items[i].site for i in rows}):
        studies: dict[str, list[int]] = {}
        for k, i in enumerate(rows):
            if items[i].site == site:
                studies.setdefault(items[i].study, []).append(k)
        mean = torch.from_numpy(np.stack([logits[ks].mean(axis=0) for ks in studies.values()]))
        truth = torch.from_numpy(np.stack([labels[rows[ks[0]]] for ks in studies.values()]))
        known = ~torch.isnan(truth)
        if known.any():
            loss = task.loss(mean, torch.nan_to_num(truth), known, torch.ones(len(mean)))
            losses.append(float(loss))
    if not losses:
        raise ValueError("no validation study of the source has a known label")
    return float(np.mean(losses))


@dataclass
class Choice:
    """The chosen epoch so far.

    Attributes:
        rule: of `train.selection`; `last` for stages that nothing can score.
        best_epoch: the chosen one, -1 before the first.
        lowest: validation loss so far, None before the first.
        stale: epochs without gain.
    """

    rule: str
    best_epoch: int = -1
    lowest: float | None = None
    stale: int = 0

    def offer(self, epoch: int, value: float | None) -> bool:
        """Takes note of an epoch's validation loss (None where it has none), and says whether the epoch is chosen."""
        gained = value is None or self.lowest is None or value < self.lowest
        self.stale = 0 if gained else self.stale + 1
        if gained:
            self.lowest = value
        chosen = gained or self.rule == "last"
        if chosen:
            self.best_epoch = epoch
        return chosen
