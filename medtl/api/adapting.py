"""``evaluate.adapt``: the rows of predictions.csv that a network gives while it adapts to the target's test scans."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from medtl.api.assemble import as_predictions
from medtl.data.batches import Batch
from medtl.data.seeds import names_in_seeds
from medtl.models.adapt.tent import NAME, tent
from medtl.models.model import Model
from medtl.predictions import Predictions
from medtl.predictions.joined import joined
from medtl.tasks.base import Task
from medtl.types import Cohort

NOTE = (
    "tent: a copy of the network adapted to each target site's test scans while it answered them, without labels, one "
    "pass in a fixed shuffled order; what is exported is the network before. The source's rows of tent are that "
    "network's"
)


def adapted_at_test(
    model: Model,
    scan: Callable[[NDArray[np.int64]], Iterable[Batch]],
    cohort: Cohort,
    rows: NDArray[np.int64],
    unadapted: Predictions,
    *,
    task: Task,
    batch_size: int,
    seed: int,
    device: torch.device | str,
) -> Predictions:
    """TENT's rows, marked ``tent`` in the column ``model``; each site starts from the network as it was trained.

    Args:
        model: as trained.
        scan: gives rows as batches.
        cohort: whose positions ``rows`` are.
        rows: target test rows.
        unadapted: what the network said before, whose source rows give ``tent`` its thresholds.
        task: of the run.
        batch_size: scans per batch.
        seed: of the order.
        device: where it runs.
    """
    sites = [cohort.catalogue.items[int(row)].site for row in rows]
    drawn_as = names_in_seeds(item.site for item in cohort.catalogue.items)
    parts = [replace(unadapted.where(unadapted.role == "source"), logits=None)]
    for site in dict.fromkeys(sites):
        own = rows[np.array([name == site for name in sites])]
        answered = tent(
            model, scan, own, kind=task.kind, batch_size=batch_size, seed=seed, site=drawn_as[site], device=device
        )
        parts.append(replace(as_predictions(task, cohort, answered.rows, answered.logits, NAME), logits=None))
    all_rows = joined(parts)
    return replace(all_rows, model=np.array([NAME] * len(all_rows), dtype=np.str_))
