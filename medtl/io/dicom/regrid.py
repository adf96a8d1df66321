"""Slices interpolated on request: missing ones filled, unequal steps made equal, a tilted stack made orthogonal."""
from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from medtl.io.dicom.geometry import Geometry
from medtl.io.volume import Volume

Voxels = NDArray[np.float32]


def regular_places(geometry: Geometry) -> NDArray[np.float64]:
    """Where the slices of the regular stack lie, in the unit of the irregular one's own places.

    Args:
        geometry: of a stack with gaps (unit: slice numbers) or of unequal steps (unit: mm along the stack).

    Returns:
        (slices,), equally spaced, from the first slice to no further than the last.
    """
    if geometry.steps == "gaps":
        return np.arange(int(geometry.places[-1]) + 1, dtype=np.float64)
    assert geometry.spacing_mm[2] is not None
    along = geometry.along_mm()
    count = int(along[-1] / geometry.spacing_mm[2] + 1e-6) + 1
    return np.arange(count, dtype=np.float64) * np.float64(geometry.spacing_mm[2])


def resample_slices(stack: Voxels, places: NDArray[Any], targets: NDArray[np.float64]) -> Voxels:
    """Interpolates linearly between the two nearest slices.

    Args:
        stack: (slices, rows, columns).
        places: (slices,), ascending, where the slices lie.
        targets: (wanted,), where slices are wanted, within ``places``.

    Returns:
        (wanted, rows, columns), float32; a slice that lies at a target is kept as it is.
    """
    out = np.empty((len(targets), *stack.shape[1:]), np.float32)
    after = np.clip(np.searchsorted(places, targets - 1e-6), 1, len(places) - 1)
    for number, (target, upper) in enumerate(zip(targets, after, strict=True)):
        low, high = float(places[upper - 1]), float(places[upper])
        share = np.float32(min(max((target - low) / (high - low), 0.0), 1.0))
        np.multiply(stack[upper - 1], 1 - share, out=out[number])
        out[number] += share * stack[upper]
    return out


def orthogonal(volume: Volume, fill: float) -> Volume:
    """Resamples a sheared stack (gantry tilt) once, to a grid whose slices lie straight above each other.

    Each slice is shifted within its own plane by linear interpolation; the grid grows so that no sample is lost.

    Args:
        volume: its third affine column may lean.
        fill: value outside the field of view, for example -1000 for CT.

    Returns:
        A volume with an orthogonal affine; the same object when nothing leans.
    """
    i, j, k = (volume.affine[:3, axis] for axis in range(3))
    normal = np.cross(i, j)
    normal /= np.linalg.norm(normal)
    lean = np.array([float(k @ i) / float(i @ i), float(k @ j) / float(j @ j)])  # pixels per slice
    columns, rows, slices = volume.array.shape
    if slices < 2 or np.abs(lean).max() * (slices - 1) < 1e-3:
        return volume
    shifts = np.arange(slices)[:, None] * lean  # (slices, 2)
    low, high = np.floor(shifts.min(0) + 1e-6).astype(int), np.ceil(shifts.max(0) - 1e-6).astype(int)
    size = (columns + int(high[0] - low[0]), rows + int(high[1] - low[1]))
    out = np.full((slices, size[1], size[0]), fill, np.float32)
    for number in range(slices):
        plane = np.asarray(volume.array[:, :, number]).T
        for axis, shift in ((1, shifts[number, 0] - low[0]), (0, shifts[number, 1] - low[1])):
            plane = _shift(plane, float(shift), size[0] if axis == 1 else size[1], axis, fill)
        out[number] = plane
    affine = volume.affine.copy()
    affine[:3, 2] = normal * float(k @ normal)
    affine[:3, 3] = volume.affine[:3, 3] + low[0] * i + low[1] * j
    spacing = (volume.spacing_mm[0], volume.spacing_mm[1], abs(float(k @ normal)))
    return Volume(out.transpose(2, 1, 0), affine, spacing, volume.unit)


def _shift(plane: Voxels, shift: float, size: int, axis: int, fill: float) -> Voxels:
    """Moves a plane along one axis by a fraction of pixels into a larger frame."""
    moved = np.moveaxis(plane, axis, 0)
    whole = int(np.floor(shift + 1e-6))
    share = np.float32(max(shift - whole, 0.0))
    out = np.full((size + 1, *moved.shape[1:]), fill, np.float32)
    out[whole:whole + len(moved)] = moved
    if share > 1e-6:
        out[1:] = (1 - share) * out[1:] + share * out[:-1]
    return np.moveaxis(out[:size], 0, axis)
