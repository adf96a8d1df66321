"""Intensity windows: which values become 0 and 1."""
from __future__ import annotations

import numpy as np

from medtl.errors import DataError
from medtl.io.volume import Unit, Volume

HU_WINDOWS: dict[str, tuple[float, float]] = {
    "lung": (-1350.0, 150.0),  # level -600, width 1500
    "soft_tissue": (-160.0, 240.0),  # level 40, width 400
    "bone": (-500.0, 1300.0),  # level 400, width 1800
}
"""Lower and upper end in Hounsfield units, the levels and widths that radiologists use."""
PERCENTILES = (1.0, 99.0)
_ENOUGH = 4_000_000
"""Voxels; percentiles of more are taken on every second, third … voxel of each row and column."""


class UnitError(DataError):
    """A window and the unit of a volume do not fit."""


def check_unit(window: str, unit: Unit) -> None:
    """Refuses a window that means nothing for a unit.

    Args:
        window: name of ``data.input.window``.
        unit: what the volume's numbers measure.

    Raises:
        UnitError: a Hounsfield window for other values, or ``none`` for values that are not in [0, 1].
    """
    if window in HU_WINDOWS and unit != "HU":
        raise UnitError(
            f"data.input.window: {window} is in Hounsfield units, but the scan's values are {unit!r}; use percentiles"
        )
    if window == "none" and unit != "optical":
        raise UnitError(
            f"data.input.window: none takes values in [0, 1] as they are, but the scan's values are {unit!r}; "
            f"use percentiles" + (", lung, soft_tissue or bone" if unit == "HU" else "")
        )


def limits(window: str, volume: Volume) -> tuple[float, float]:
    """The values that become 0 and 1.

    Args:
        window: name.
        volume: whose percentiles are taken where the window asks for them, over all of its slices.

    Returns:
        Lower and upper end, in the volume's unit; equal for a constant volume under ``percentiles``.

    Raises:
        UnitError: as :func:`check_unit`.
    """
    check_unit(window, volume.unit)
    if window in HU_WINDOWS:
        return HU_WINDOWS[window]
    if window == "none":
        return 0.0, 1.0
    step = max(1, int(np.ceil(np.sqrt(volume.array.size / _ENOUGH))))
    low, high = np.percentile(volume.array[::step, ::step], PERCENTILES)
    return float(low), float(high)
