"""From positions to an affine: sort by projection on the normal, fit one line, judge gaps, tilt and residuals.

The step between neighbours only finds gaps; the affine rests on a least-squares line through all positions, since
rounding in the header makes any single step, and their median, drift over a long stack.
"""
from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from medtl.io.dicom.instances import Frame
from medtl.io.dicom.limits import Refusal
from medtl.io.reasons import Reason

Steps = Literal["uniform", "gaps", "variable"]
Vector = NDArray[np.float64]

_TILT_DEGREES = 0.1
_COSINE_TOLERANCE = 2e-3
_ROUNDING_MM = 0.051  # positions in whole millimetres explain nothing: any jitter would pass
_ROUNDING_SHARE = 0.2  # above a fifth of the step, rounding could hide a missing slice


@dataclass(frozen=True, eq=False)
class Geometry:
    """Where a stack lies.

    Attributes:
        order: indices into the frames, sorted along the normal.
        places: (slices,), the slice number of each sorted frame; has holes where slices are missing.
        projections: (slices,), mm along the normal, sorted.
        affine_lps: (4, 4), (column, row, slice) to LPS mm; slice 0 is place 0.
        spacing_mm: along i, j, k; k is ``None`` for a single slice.
        steps: how the slices follow each other.
        missing: number of slices missing inside the stack.
        tilt_degrees: angle between the stack's direction and the normal.
        tilted: whether that angle is more than rounding explains.
        rounded: whether rounded positions needed a tolerance of their own.
        histogram: (step in mm, count) pairs.
    """

    order: tuple[int, ...]
    places: NDArray[np.intp]
    projections: Vector
    affine_lps: Vector
    spacing_mm: tuple[float, float, float | None]
    steps: Steps
    missing: int
    tilt_degrees: float | None
    tilted: bool
    rounded: bool
    histogram: tuple[tuple[float, int], ...]

    def along_mm(self) -> Vector:
        """(slices,), mm along the stack's own direction from its first slice; it starts at 0."""
        normal = np.cross(self.affine_lps[:3, 0], self.affine_lps[:3, 1])
        step = self.affine_lps[:3, 2]
        lean = float(step @ normal) / float(np.linalg.norm(step) * np.linalg.norm(normal))
        along: Vector = (self.projections - self.projections[0]) / lean
        return along

    def slices(self) -> int:
        """Slices of the volume, with those that are to be interpolated."""
        if self.steps == "gaps":
            return int(self.places[-1]) + 1
        if self.steps == "variable" and self.spacing_mm[2] and self.spacing_mm[2] > 0:
            return int(float(self.along_mm()[-1]) / self.spacing_mm[2] + 1e-6) + 1
        return len(self.order)


def axes_of(orientations: Vector) -> tuple[Vector, Vector, Vector]:
    """The mean row and column directions of parallel slices, orthonormal, and their normal.

    Args:
        orientations: (slices, 6), ImageOrientationPatient.

    Returns:
        Row direction (along which columns count), column direction, normal; each (3,).

    Raises:
        Refusal: they are not orthogonal unit vectors.
    """
    row, column = orientations[:, :3].mean(0), orientations[:, 3:].mean(0)
    lengths = float(np.linalg.norm(row)), float(np.linalg.norm(column))
    if max(abs(lengths[0] - 1), abs(lengths[1] - 1), abs(float(row @ column))) > _COSINE_TOLERANCE:
        raise Refusal(Reason.BAD_ORIENTATION, "the direction cosines are not two orthogonal unit vectors")
    row, column = row / lengths[0], column / lengths[1]
    normal = np.cross(row, column)
    normal /= np.linalg.norm(normal)
    skew = 0.5 * float(row @ column)  # split evenly, so that neither axis is preferred
    row, column = row - skew * column, column - skew * row
    return row / np.linalg.norm(row), column / np.linalg.norm(column), normal


def geometry_of(frames: list[Frame]) -> Geometry:
    """Fits the geometry of one stack of parallel slices at different positions.

    Args:
        frames: at least one, each with position and orientation, of one orientation and one pixel spacing.

    Returns:
        The geometry; gaps and unequal steps are stated in it, not refused.

    Raises:
        Refusal: no pixel spacing, no orthonormal orientation, or positions that lie on no line.
    """
    spacing = frames[0].spacing
    if spacing is None:
        raise Refusal(Reason.NO_PIXEL_SPACING, "PixelSpacing is not two positive numbers")
    positions = np.array([frame.position for frame in frames], np.float64)  # (slices, 3)
    row, column, normal = axes_of(np.array([frame.orientation for frame in frames], np.float64))
    projections = positions @ normal
    order = np.argsort(projections, kind="stable")
    positions, projections = positions[order], projections[order]
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = row * spacing[1], column * spacing[0]
    if len(frames) == 1:
        affine[:3, 2], affine[:3, 3] = normal, positions[0]
        return Geometry((0,), np.zeros(1, np.intp), projections, affine, (spacing[1], spacing[0], None), "uniform", 0,
                        None, False, False, ())
    rounding = np.array([frame.quanta for frame in frames], np.float64).min(0)  # a digit dropped is a trailing zero
    fit = _fit(positions, projections, rounding)
    direction = fit.step / np.linalg.norm(fit.step)
    across = fit.step - (fit.step @ normal) * normal
    tilt = float(np.degrees(np.arctan2(np.linalg.norm(across), abs(float(fit.step @ normal)))))
    extent = float(np.linalg.norm(across)) * float(fit.places[-1])
    tilted = tilt > _TILT_DEGREES and extent > 2 * float(rounding.sum())
    affine[:3, 2], affine[:3, 3] = fit.step, fit.origin
    steps_mm = np.diff(positions @ direction)
    histogram = tuple(sorted(Counter(np.round(steps_mm, 3).tolist()).items()))
    missing = int(fit.places[-1]) + 1 - len(frames) if fit.steps == "gaps" else 0
    return Geometry(
        tuple(int(i) for i in order), fit.places, projections, affine,
        (spacing[1], spacing[0], float(np.linalg.norm(fit.step))), fit.steps, missing, tilt, tilted, fit.rounded,
        histogram)


@dataclass(frozen=True, eq=False)
class _Fit:
    origin: Vector
    step: Vector
    places: NDArray[np.intp]
    steps: Steps
    rounded: bool


def _fit(positions: Vector, projections: Vector, rounding: Vector) -> _Fit:
    """Tries equal steps, then steps with holes, then any steps on one line."""
    count = len(positions)
    gaps = np.diff(projections)
    best: _Fit | None = None
    candidates = [np.arange(count)]
    for unit in (float(np.median(gaps)), float(gaps.min())):
        multiples = np.rint(gaps / unit).astype(np.intp) if unit > 0 else np.ones(count - 1, np.intp)
        if multiples.max(initial=1) < 3 * count:
            candidates.append(np.concatenate([[0], np.cumsum(np.maximum(multiples, 1))]))
    for places in candidates:
        if places[-1] >= 3 * count:
            continue
        origin, step = _line(positions, places)
        residual = positions - (origin + places[:, None] * step)
        length = float(np.linalg.norm(step))
        plain = max(0.01, 0.01 * length)
        worst = float(np.linalg.norm(residual, axis=1).max())
        explained = rounding.max() < min(_ROUNDING_MM, _ROUNDING_SHARE * length) and bool(
            np.all(np.abs(residual) <= 1.5 * rounding + 1e-6))
        if worst <= plain or explained:
            holes = bool(np.any(np.diff(places) > 1))
            best = _Fit(origin, step, places.astype(np.intp), "gaps" if holes else "uniform", worst > plain)
            break
    if best is not None:
        return best
    origin, slope = _line(positions, projections - projections[0])
    beside = positions - (origin + (projections - projections[0])[:, None] * slope)
    length = float(np.linalg.norm(slope)) * float(np.median(gaps))
    if np.linalg.norm(beside, axis=1).max() > max(0.01, 0.01 * length, 1.05 * float(np.linalg.norm(rounding))):
        raise Refusal(Reason.IRREGULAR_POSITIONS, "the slice positions do not lie on one straight line")
    return _Fit(origin, slope * float(np.median(gaps)), np.arange(count), "variable", False)


def _line(positions: Vector, places: NDArray[np.intp] | Vector) -> tuple[Vector, Vector]:
    """Least-squares origin and step with ``positions = origin + places * step``."""
    centred = places - places.mean()
    step = centred @ positions / float(centred @ centred)
    return positions.mean(0) - places.mean() * step, step
