"""Scans in plain order, for a model that only answers: no roles, no labels, no augmentation."""
from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from medtl.data.batches import Batch
from medtl.data.prepared import Prepared


def scans(prepared: Prepared, rows: NDArray[np.int64], batch_size: int) -> Iterator[Batch]:
    """Batches of prepared scans whose labels are all masked.

    Args:
        prepared: arrays by position.
        rows: positions of kept rows, in the order wanted.
        batch_size: rows of a batch; the last may be short.

    Yields:
        Batches.
    """
    labels = len(prepared.catalogue.label_names)
    for start in range(0, len(rows), batch_size):
        part = rows[start:start + batch_size]
        yield Batch(
            images=torch.from_numpy(np.stack([prepared.array(int(row)) for row in part])),
            labels=torch.zeros(len(part), labels),
            known=torch.zeros(len(part), labels, dtype=torch.bool),
            weights=torch.ones(len(part)),
            domain=torch.zeros(len(part), dtype=torch.int64),
            rows=torch.from_numpy(np.asarray(part, dtype=np.int64)),
        )
