"""What a split may not divide: all rows of a patient, or of a study where the patient is unknown."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medtl.types import Catalogue

Signature = tuple[tuple[float, ...], ...]
"""Per label column, the sorted values that occur in a unit."""


@dataclass(frozen=True)
class Unit:
    """Rows that stay together.

    Attributes:
        rows: positions in the catalogue.
        patient: opaque id, empty when unknown.
    """

    rows: tuple[int, ...]
    patient: str


def units_of(catalogue: Catalogue, rows: Iterable[int]) -> tuple[Unit, ...]:
    """Groups rows into units, in order of first appearance.

    Args:
        catalogue: the table.
        rows: positions, in catalogue order.

    Returns:
        The units.
    """
    groups: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        item = catalogue.items[row]
        key = ("patient", item.patient) if item.patient else ("study", item.study)
        groups.setdefault(key, []).append(row)
    return tuple(
        Unit(tuple(group), catalogue.items[group[0]].patient if kind == "patient" else "")
        for (kind, _), group in groups.items()
    )


def signature(unit: Unit, labels: NDArray[np.float32]) -> Signature:
    """The label values that occur in a unit, per column; empty where nothing is known."""
    rows = labels[list(unit.rows)]
    return tuple(tuple(sorted({float(v) for v in column[~np.isnan(column)]})) for column in rows.T)
