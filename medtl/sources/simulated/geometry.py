"""The parallel-beam geometry and its two sparse matrices: image to sinogram, filtered sinogram to image.

A third-generation scanner's fan beam is rebinned to parallel rays before reconstruction; here the rays are parallel
from the start. Lengths are in mm; images are (rows, columns) with x to the patient's left and y to the back.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, wraps
from threading import Lock
from typing import ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

P = ParamSpec("P")
T = TypeVar("T")


def built_once(build: Callable[P, T]) -> Callable[P, T]:
    """Keep what a function built for its last eight arguments; threads that ask at once wait for one to build it."""
    kept = lru_cache(maxsize=8)(build)
    lock = Lock()

    @wraps(build)
    def get(*args: P.args, **kwargs: P.kwargs) -> T:
        with lock:
            return kept(*args, **kwargs)  # type: ignore[arg-type]

    return get


@dataclass(frozen=True)
class Geometry:
    """Scan geometry and the grid on which anatomy is laid out.

    Args:
        columns: pixels of the anatomy's grid from the patient's right to left.
        rows: pixels from front to back.
        pixel_mm: size of a pixel of that grid.
        angles: number of projections over half a turn.
        bins: detector bins.
        pitch_mm: width of a detector bin, at the isocentre.
    """

    columns: int = 160
    rows: int = 116
    pixel_mm: float = 2.75
    angles: int = 120
    bins: int = 160
    pitch_mm: float = 2.75

    @property
    def scan_radius_mm(self) -> float:
        """Radius of the circle that every projection covers."""
        return self.bins * self.pitch_mm / 2

    def x_mm(self) -> NDArray[np.float32]:
        """Centres of the columns, (columns,)."""
        return ((np.arange(self.columns) - (self.columns - 1) / 2) * self.pixel_mm).astype(np.float32)

    def y_mm(self) -> NDArray[np.float32]:
        """Centres of the rows, (rows,)."""
        return ((np.arange(self.rows) - (self.rows - 1) / 2) * self.pixel_mm).astype(np.float32)

    def theta(self) -> NDArray[np.float64]:
        """Angles of the detector axis against x, in radians, (angles,)."""
        return np.arange(self.angles) * np.pi / self.angles

    def bins_mm(self) -> NDArray[np.float64]:
        """Centres of the detector bins, (bins,)."""
        return np.asarray((np.arange(self.bins) - (self.bins - 1) / 2) * self.pitch_mm, dtype=np.float64)


def _footprint(offset: NDArray[np.float64], wide: float, narrow: float) -> NDArray[np.float64]:
    """Integral up to `offset` of a pixel's shadow: a trapezoid of area 1 with half-widths wide >= narrow."""
    if wide - narrow < 1e-9:
        return np.clip((offset + wide) / (2 * wide), 0.0, 1.0)
    rising = np.clip(offset, -wide, -narrow) + wide
    flat = np.clip(offset, -narrow, narrow) + narrow
    falling = wide - np.clip(offset, narrow, wide)
    height = 1.0 / (wide + narrow)
    ramp = height / (2 * (wide - narrow))
    return rising**2 * ramp + flat * height + ((wide - narrow) ** 2 - falling**2) * ramp


@built_once
def projection_matrix(geometry: Geometry) -> sparse.csr_matrix:
    """Build the matrix that takes an image to its line integrals, averaged over each detector bin.

    A pixel's shadow on the detector is an exact trapezoid; its overlap with a bin is integrated in closed form.

    Args:
        geometry: the scan geometry.

    Returns:
        float32 matrix of shape (angles * bins, rows * columns), in mm.

    Reference:
        Long, Fessler and Balter, 3D forward and back-projection for X-ray CT using separable footprints, 2010.
    """
    y, x = np.meshgrid(geometry.y_mm().astype(float), geometry.x_mm().astype(float), indexing="ij")
    inside = np.flatnonzero(np.hypot(x, y).ravel() <= geometry.scan_radius_mm)
    x, y = x.ravel()[inside], y.ravel()[inside]
    pitch, half = geometry.pitch_mm, geometry.pixel_mm / 2
    reach = int(np.ceil((np.sqrt(2) * geometry.pixel_mm + pitch) / pitch))
    rows, columns, values = [], [], []
    for number, theta in enumerate(geometry.theta()):
        cosine, sine = abs(np.cos(theta)) * half, abs(np.sin(theta)) * half
        wide, narrow = cosine + sine, abs(cosine - sine)
        centre = x * np.cos(theta) + y * np.sin(theta)
        first = np.floor((centre - wide) / pitch + geometry.bins / 2).astype(np.int64)
        bins = first[:, None] + np.arange(reach)
        left = (bins - geometry.bins / 2) * pitch - centre[:, None]
        share = _footprint(left + pitch, wide, narrow) - _footprint(left, wide, narrow)
        keep = (share > 1e-6) & (bins >= 0) & (bins < geometry.bins)
        rows.append((number * geometry.bins + bins[keep]).astype(np.int32))
        columns.append(np.broadcast_to(inside[:, None], bins.shape)[keep].astype(np.int32))
        values.append((share[keep] * geometry.pixel_mm**2 / pitch).astype(np.float32))
    shape = (geometry.angles * geometry.bins, geometry.rows * geometry.columns)
    return sparse.csr_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=shape)


@built_once
def backprojection_matrix(geometry: Geometry, size: int, fov_mm: float) -> sparse.csr_matrix:
    """Build the matrix that smears a filtered sinogram over the reconstructed field of view.

    Each pixel reads every projection by linear interpolation between two bins, weighted by pi / angles. Pixels outside
    the reconstruction circle have no entries.

    Args:
        geometry: the scan geometry.
        size: pixels of the reconstructed image in each direction.
        fov_mm: width of the reconstructed field of view.

    Returns:
        float32 matrix of shape (size * size, angles * bins).
    """
    pixel = fov_mm / size
    axis = (np.arange(size) - (size - 1) / 2) * pixel
    y, x = np.meshgrid(axis, axis, indexing="ij")
    inside = np.flatnonzero(reconstruction_circle(size).ravel())
    x, y = x.ravel()[inside], y.ravel()[inside]
    theta = geometry.theta()
    position = (np.outer(x, np.cos(theta)) + np.outer(y, np.sin(theta))) / geometry.pitch_mm + (geometry.bins - 1) / 2
    low = np.floor(position).astype(np.int64)
    if low.min() < 0 or low.max() + 1 >= geometry.bins:
        raise ValueError(f"field of view {fov_mm} mm is wider than the scan circle, {2 * geometry.scan_radius_mm} mm")
    fraction = position - low
    offset = np.arange(geometry.angles) * geometry.bins
    indices = np.stack([low + offset, low + 1 + offset], axis=-1).reshape(len(inside), -1)
    weights = np.stack([1 - fraction, fraction], axis=-1).reshape(len(inside), -1) * (np.pi / geometry.angles)
    counts = np.zeros(size * size, dtype=np.int64)
    counts[inside] = indices.shape[1]
    pointers = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return sparse.csr_matrix(
        (weights.ravel().astype(np.float32), indices.ravel().astype(np.int32), pointers),
        shape=(size * size, geometry.angles * geometry.bins),
    )


@built_once
def reconstruction_circle(size: int) -> NDArray[np.bool_]:
    """The circle inside the square image that is reconstructed; outside of it lies padding.

    Args:
        size: pixels in each direction.

    Returns:
        (size, size), true inside.
    """
    axis = (np.arange(size) - (size - 1) / 2) / (size / 2)
    return np.asarray(np.hypot(axis[:, None], axis[None, :]) <= 1.0)
