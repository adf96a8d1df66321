"""Slices as a radiologist sees them: planes, order, and an orthogonal grid for tilted stacks."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medtl.io.volume import Volume

AXIAL, CORONAL, SAGITTAL = "LPS", "LIP", "PIL"
"""Where columns, rows and slices lead: to the patient's left, posterior, superior, inferior."""
THICK = 2.0
"""A stack whose slices lie this many pixels apart is shown in the planes that it was acquired in."""
MAX_SHEAR = 2e-3
"""Cosine between slice direction and slice plane beyond which a grid is not orthogonal (0.1 degree)."""


@dataclass(frozen=True)
class Display:
    """How a volume is shown.

    Attributes:
        codes: where columns, rows and slices lead, or empty: as stored.
        axis: array axis along which slices lie.
        reverse: whether slices are stored against the order of display.
        pixel_mm: distance between columns and between rows as shown.
    """

    codes: str
    axis: int
    reverse: bool
    pixel_mm: tuple[float, float]


def display_of(volume: Volume) -> Display:
    """Chooses the planes and their order from the affine.

    Volumes are shown in axial planes, seen from the feet with the front up; thick coronal and sagittal stacks in their
    own planes; a single slice in its own plane, turned upright only if it is axial.

    Args:
        volume: with an orthogonal grid.

    Returns:
        The display.
    """
    import nibabel

    spacing = np.linalg.norm(volume.affine[:3, :3], axis=0)
    orientation = nibabel.orientations.io_orientation(volume.affine)
    world_of_axis = [int(world) for world in orientation[:, 0]]  # 0 left-right, 1 front-back, 2 head-foot
    single = volume.spacing_mm[2] is None or volume.array.shape[2] == 1
    coarse = int(np.argmax(spacing))
    thick = single or spacing[coarse] >= THICK * float(np.delete(spacing, coarse).max())
    slice_world = world_of_axis[2 if single else coarse] if thick else 2
    if single and slice_world != 2:
        return Display("", 2, False, (float(spacing[0]), float(spacing[1])))
    codes = {2: AXIAL, 1: CORONAL, 0: SAGITTAL}[slice_world]
    axes = [world_of_axis.index("LPI".index(code.replace("S", "I"))) for code in codes]
    positive = orientation[axes[2], 1] > 0  # towards right, front or head in RAS+
    return Display(
        codes=codes,
        axis=axes[2],
        reverse=bool(positive) != (codes[2] == "S"),
        pixel_mm=(float(spacing[axes[0]]), float(spacing[axes[1]])),
    )


def spread(depth: int, slices: int) -> list[int]:
    """Positions of slices spread evenly over a depth; of a shallower stack some repeat.

    Args:
        depth: slices there are.
        slices: slices wanted.

    Returns:
        As many positions as wanted, ascending, at the centres of equal parts.
    """
    return [(2 * i + 1) * depth // (2 * slices) for i in range(slices)]


def oriented(array: NDArray[np.float32], affine: NDArray[np.float64], codes: str) -> NDArray[np.float32]:
    """The array with its axes swapped and flipped so that they lead where they should; nothing is interpolated.

    Args:
        array: (i, j, k).
        affine: indices to RAS+ mm.
        codes: where each axis shall lead, such as ``LPS``.

    Returns:
        A view.
    """
    from nibabel import orientations

    wanted = orientations.axcodes2ornt(tuple(codes))
    turn = orientations.ornt_transform(orientations.io_orientation(affine), wanted)
    return np.asarray(orientations.apply_orientation(array, turn))


def fitted(slices: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Slices cropped or padded with 0 to a square about their centre; of an odd rest the far side gets more.

    Args:
        slices: (slices, rows, columns).
        size: rows and columns wanted.

    Returns:
        (slices, size, size), float32, contiguous.
    """
    square = np.zeros((len(slices), size, size), dtype=np.float32)
    into: list[slice] = []
    come: list[slice] = []
    for extent in slices.shape[1:]:
        taken = min(extent, size)
        first = max(extent // 2 - size // 2, 0)
        place = (size - taken) // 2
        come.append(slice(first, first + taken))
        into.append(slice(place, place + taken))
    square[:, into[0], into[1]] = slices[:, come[0], come[1]]
    return square


def is_sheared(affine: NDArray[np.float64]) -> bool:
    """Whether slices are stacked aslant, as under a gantry tilt."""
    unit = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return bool(max(abs(unit[:, 0] @ unit[:, 2]), abs(unit[:, 1] @ unit[:, 2])) > MAX_SHEAR)


def orthogonal(volume: Volume) -> Volume:
    """Resamples a sheared volume once onto an orthogonal grid that holds all of it; what was not seen is its minimum.

    Columns, rows and the distance between planes stay; each slice moves within its own plane only.

    Args:
        volume: any.

    Returns:
        The volume itself if its grid is orthogonal already.
    """
    if volume.spacing_mm[2] is None or volume.array.shape[2] == 1 or not is_sheared(volume.affine):
        return volume
    import torch
    from monai.data import MetaTensor
    from monai.transforms import SpatialResample

    columns = volume.affine[:3, :3]
    normal = np.cross(columns[:, 0], columns[:, 1])
    normal /= np.linalg.norm(normal)
    grid = np.eye(4)
    grid[:3, :2] = columns[:, :2]
    grid[:3, 2] = normal * (columns[:, 2] @ normal)
    corners = np.stack(np.meshgrid(*[(0, n - 1) for n in volume.array.shape], indexing="ij"), -1).reshape(-1, 3)
    placed = (corners @ columns.T) @ np.linalg.inv(grid[:3, :3]).T
    low, high = np.floor(placed.min(0) + 1e-6), np.ceil(placed.max(0) - 1e-6)
    grid[:3, 3] = volume.affine[:3, 3] + grid[:3, :3] @ low
    floor = float(volume.array.min())  # SpatialResample fills with 0, which is water in Hounsfield units
    image = MetaTensor(torch.from_numpy(np.ascontiguousarray(volume.array - floor))[None], affine=volume.affine)
    resample = SpatialResample(mode="bilinear", padding_mode="zeros", align_corners=True, dtype=torch.float32)
    size = tuple(int(n) for n in high - low + 1)
    moved = resample(image, dst_affine=torch.from_numpy(grid), spatial_size=size)
    array = np.asarray(moved[0].numpy(), dtype=np.float32) + floor
    return Volume(array, grid, (*volume.spacing_mm[:2], float(abs(columns[:, 2] @ normal))), volume.unit)
