"""What one training step receives: a batch of the source and a batch of the target."""
from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Scans of one role.

    Attributes:
        images: float32 in [0, 1], (n, slices, 1, height, width).
        labels: float32, (n, labels), 0 where not known.
        known: bool, (n, labels): False where unknown or hidden.
        weights: float32, (n,), of the studies.
        domain: int64, (n,), number of the site or scanner.
        rows: int64, (n,), positions in the cohort's catalogue.
    """

    images: Tensor
    labels: Tensor
    known: Tensor
    weights: Tensor
    domain: Tensor
    rows: Tensor

    def to(self, device: object) -> Batch:
        """The same batch on another device."""
        return Batch(*(getattr(self, name).to(device, non_blocking=True) for name in self.__dataclass_fields__))

    def __len__(self) -> int:
        return int(self.rows.shape[0])


@dataclass(frozen=True)
class Pair:
    """One step's data.

    Attributes:
        source: the source batch.
        target: the target batch, or None where no method wants one.
    """

    source: Batch
    target: Batch | None
