"""One check for all readers: every voxel of the truth, where the reader's own affine puts it, whatever its axes."""
from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from medtl.io.volume import lps_to_ras
from tests.io.dicom.corpus import Expected, Truth

Outcome = Literal["right", "refused, rightly", "part", "refused", "wrong"]
PLACE_MM, VALUE = 0.05, 0.5


def agrees(array: NDArray[np.float64], affine: NDArray[np.float64], truth: Truth) -> bool:
    """Whether an image holds the true values at the true places.

    Args:
        array: (a, b) or (a, b, c), axes in any order and direction.
        affine: (4, 4), index to RAS+ mm.
        truth: what was written.

    Returns:
        True when every voxel is within 0.5 of its value and 0.05 mm of its place, and there are no others. Where the
        truth has no place in the patient (a radiograph), values in their stored order and pixel size are compared.
    """
    array = array[:, :, None] if array.ndim == 2 else array
    if array.ndim != 3 or array.size != truth.array.size or not np.isfinite(affine).all():
        return False
    if truth.affine_lps is None:
        return _same_picture(array, affine, truth)
    if abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        return False
    index = np.indices(truth.array.shape).reshape(3, -1)
    places = lps_to_ras(truth.affine_lps) @ np.vstack([index, np.ones(index.shape[1])])
    found = np.rint((np.linalg.inv(affine) @ places)[:3]).astype(int)
    if (found < 0).any() or (found >= np.array(array.shape)[:, None]).any():
        return False
    apart = (affine @ np.vstack([found, np.ones(found.shape[1])]) - places)[:3]
    if np.linalg.norm(apart, axis=0).max() > PLACE_MM:
        return False
    return bool(np.abs(array[tuple(found)] - truth.array.reshape(-1)).max() <= VALUE)


def _same_picture(array: NDArray[np.float64], affine: NDArray[np.float64], truth: Truth) -> bool:
    if truth.spacing_mm is not None:
        size = np.linalg.norm(affine[:3, :2], axis=0)
        if np.abs(size - truth.spacing_mm[:2]).max() > PLACE_MM:
            return False
    return array.shape == truth.array.shape and bool(np.abs(array - truth.array).max() <= VALUE)


def judge(images: list[tuple[NDArray[np.float64], NDArray[np.float64]]] | None, expected: Expected) -> Outcome:
    """What a reader made of one corpus series.

    Args:
        images: what it gave; ``None`` or empty when it refused or crashed.
        expected: the volumes that there are to read, if any.

    Returns:
        ``wrong`` as soon as one image is not among the true volumes; ``part`` when true volumes are lacking unsaid.
    """
    if not images:
        return "refused" if expected.volumes else "refused, rightly"
    left = list(expected.volumes)
    for array, affine in images:
        match = next((number for number, truth in enumerate(left) if agrees(array, affine, truth)), None)
        if match is None:
            return "wrong"
        left.pop(match)
    return "part" if left else "right"
