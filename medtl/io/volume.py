"""A volume: voxels with their place in the patient, in the one convention of the project.

``array[i, j, k]`` is indexed by DICOM column, row and slice; ``affine`` maps (i, j, k, 1) to millimetres in RAS+.
A radiograph or a photograph is a volume of depth 1. This module is the only place where LPS meets RAS.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Unit = Literal["HU", "stored", "optical"]
"""HU for CT; ``stored`` for other modality values after the modality LUT; ``optical`` for display values in [0, 1]."""

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Volume:
    """Voxels and their place.

    Attributes:
        array: float32, (columns, rows, slices); a strided view is fine.
        affine: float64, (4, 4), index to RAS+ millimetres, last row (0, 0, 0, 1). A gantry tilt is a shear in it. For a
            single slice the third column is the unit slice normal.
        spacing_mm: distance between neighbours along i, j and k; ``None`` along k for a single slice.
        unit: what the numbers measure.
    """

    array: NDArray[np.float32]
    affine: NDArray[np.float64]
    spacing_mm: tuple[float, float, float | None]
    unit: Unit


def lps_to_ras(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turns an affine to LPS millimetres (DICOM, ITK) into one to RAS+ millimetres, or back.

    Args:
        affine: (4, 4).

    Returns:
        (4, 4), the first two rows negated.
    """
    return LPS_TO_RAS @ affine
