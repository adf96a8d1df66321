"""Residuals smoothed over [0, 1], and the width at which their integral has that very size."""
from __future__ import annotations

from functools import cache

import numpy as np
from scipy.special import ndtr

from medtl.functional.measure import FloatArray

CELLS = 256
"""Probabilities are rounded to the middle of so many cells: an error of at most 1/512 each."""
WIDTHS = np.geomspace(1e-3, 1.0, 48)


def binned(probabilities: FloatArray, values: FloatArray) -> FloatArray:
    """Values summed within cells of the probabilities.

    Args:
        probabilities: in [0, 1], (n,).
        values: (replicates, n).

    Returns:
        (replicates, CELLS).
    """
    cell = np.minimum((probabilities * CELLS).astype(np.int64), CELLS - 1)
    return np.stack([np.bincount(cell, weights=row, minlength=CELLS) for row in values])


def smooth_errors(residuals: FloatArray) -> FloatArray:
    """The width at which the smoothed residuals' absolute integral equals it, per replicate.

    Args:
        residuals: sums of label minus probability within cells, over the number of studies, (replicates, CELLS).

    Returns:
        (replicates,), nan where residuals are nan.

    Reference:
        Błasiok & Nakkiran 2024, "Smooth ECE: principled reliability diagrams via kernel density estimation", ICLR.
    """
    smoothed = np.stack([np.abs(residuals @ smoother).sum(axis=1) for smoother in _smoothers()], axis=1)
    return np.array([_fixed_point(row) for row in smoothed])


def _fixed_point(smoothed: FloatArray) -> float:
    """Where the integral, which falls with the width, meets the width; linear between widths."""
    if np.isnan(smoothed).any():
        return float("nan")
    apart = smoothed - WIDTHS
    if apart[0] <= 0:  # too close to 0 to be told apart from it
        return float(smoothed[0])
    place = int(np.argmax(apart <= 0)) if (apart <= 0).any() else len(apart) - 1
    before, after = apart[place - 1], min(float(apart[place]), 0.0)
    return float(WIDTHS[place - 1] + (WIDTHS[place] - WIDTHS[place - 1]) * before / (before - after))


@cache
def _smoothers() -> FloatArray:
    """Mass that a Gaussian about each cell, reflected at 0 and 1, gives to each cell: (widths, cells, cells)."""
    edges = np.arange(-2 * CELLS, 3 * CELLS + 1) / CELLS
    centres = (np.arange(CELLS) + 0.5) / CELLS
    out = []
    for width in WIDTHS:
        mass = np.diff(ndtr((edges[None, :] - centres[:, None]) / width), axis=1)  # (cells, 5 * cells), from -2 to 3
        parts = mass.reshape(CELLS, 5, CELLS)
        out.append(parts[:, 0] + parts[:, 1, ::-1] + parts[:, 2] + parts[:, 3, ::-1] + parts[:, 4])
    return np.stack(out)
