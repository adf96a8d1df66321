"""Patients as numbers, in the order in which they first appear: no draw may hang on what they are called."""
from __future__ import annotations

from collections.abc import Hashable, Iterable

import numpy as np
from numpy.typing import NDArray


def numbered(patients: Iterable[Hashable]) -> NDArray[np.int64]:
    """Numbers patients from 0 by their first row, whatever their names; names are hashes that differ between projects.

    Args:
        patients: whose each row is, (n,).

    Returns:
        (n,), 0 for all rows of the first row's patient.
    """
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(patient, len(known)) for patient in patients], dtype=np.int64)
