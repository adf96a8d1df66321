"""Scans in plain order, for a model that only answers: no roles, no labels, no augmentation."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medtl.data.ahead import made_ahead
from medtl.data.batches import Batch
from medtl.data.drawn import Drawn
from medtl.data.prepared import Prepared


class Scanning:
    """Prepared scans whose labels are all masked.

    Args:
        prepared: arrays by position.
        batch_size: rows of a batch; the last may be short.
        domains: number of the site of each position, for a network that tells sites apart; 0 for all if None.
    """

    def __init__(self, prepared: Prepared, batch_size: int, domains: NDArray[np.int64] | None = None) -> None:
        self.prepared, self.batch_size, self.domains = prepared, batch_size, domains

    def scan(self, rows: Sequence[int] | NDArray[np.int64]) -> Iterator[Batch]:
        """Kept rows in this order."""
        numbers = np.asarray(rows, dtype=np.int64)
        parts = (numbers[start:start + self.batch_size] for start in range(0, len(numbers), self.batch_size))
        return made_ahead((partial(self._made, part) for part in parts), 2)

    def seen(self, rows: NDArray[np.int64], views: NDArray[np.int64]) -> Drawn:
        """The rows as they are."""
        return Drawn(rows, views, None)

    def key(self, row: int, view: int) -> str:
        """What a scan is made of."""
        return self.prepared.key(row)

    def images(self, shown: Drawn) -> Tensor:
        """The pixels, float32, (n, slices, 1, height, width)."""
        return torch.from_numpy(np.stack([self.prepared.array(int(row)) for row in shown.rows]))

    def labelled(
        self, images: Tensor, rows: NDArray[np.int64], weights: NDArray[np.float32] | None, labels: bool
    ) -> Batch:
        """Images, or what a front made of them, as a batch of which nothing else is known."""
        count = len(self.prepared.catalogue.label_names)
        return Batch(
            images=images,
            labels=torch.zeros(len(rows), count),
            known=torch.zeros(len(rows), count, dtype=torch.bool),
            weights=torch.ones(len(rows)),
            domain=torch.from_numpy(np.zeros(len(rows), np.int64) if self.domains is None else self.domains[rows]),
            rows=torch.from_numpy(np.asarray(rows, dtype=np.int64)),
        )

    def _made(self, part: NDArray[np.int64]) -> Batch:
        return self.labelled(self.images(Drawn(part, np.full(len(part), -1), None)), part, None, False)
