"""Which scans a batch shows, and in which variation, before a single pixel is read."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PLAIN = -1
"""The view that is the scan as it is, or one that is drawn once and never again."""


@dataclass(frozen=True)
class Drawn:
    """Rows of one role in one batch.

    Attributes:
        rows: int64, (n,), positions in the cohort's catalogue.
        views: int64, (n,), number of the variation, or ``PLAIN``.
        seeds: of the variations, or None for scans as they are.
    """

    rows: NDArray[np.int64]
    views: NDArray[np.int64]
    seeds: tuple[int, ...] | None
