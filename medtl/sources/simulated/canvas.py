"""The grid that anatomy is painted on: densities of water and bone, with anti-aliased edges."""
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medtl.sources.simulated.attenuation import Material
from medtl.sources.simulated.geometry import Geometry

Grid = NDArray[np.float32]


class Canvas:
    """Water and bone densities on (rows, columns, planes), painted over from the outside in.

    Args:
        pixel_mm: size of a pixel.
        x: mm, (1, columns, 1).
        y: mm, (rows, 1, 1).
        z: mm, (1, 1, planes).
        water: g/cm^3, (rows, columns, planes).
        bone: g/cm^3, (rows, columns, planes).
    """

    def __init__(self, pixel_mm: float, x: Grid, y: Grid, z: Grid, water: Grid, bone: Grid) -> None:
        self.pixel = pixel_mm
        self.x, self.y, self.z = x, y, z
        self.water, self.bone = water, bone

    @classmethod
    def blank(cls, geometry: Geometry, planes_mm: Grid) -> Canvas:
        """An empty canvas: air everywhere.

        Args:
            geometry: gives rows and columns.
            planes_mm: z of the planes, ascending.

        Returns:
            The canvas.
        """
        shape = (geometry.rows, geometry.columns, len(planes_mm))
        x, y = geometry.x_mm()[None, :, None], geometry.y_mm()[:, None, None]
        water, bone = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        return cls(geometry.pixel_mm, x, y, planes_mm[None, None, :], water, bone)

    def window(self, half_width: float, top: float, bottom: float) -> Canvas:
        """A part of the canvas that shares its memory, so that small structures cost little.

        Args:
            half_width: mm to either side of the midline.
            top: lowest y in mm.
            bottom: highest y in mm.

        Returns:
            The part.
        """
        columns = slice(*np.searchsorted(self.x.ravel(), [-half_width, half_width]).tolist())
        rows = slice(*np.searchsorted(self.y.ravel(), [top, bottom]).tolist())
        part = (rows, columns)
        return Canvas(self.pixel, self.x[:, columns], self.y[rows], self.z, self.water[part], self.bone[part])

    def coverage(self, depth_mm: Grid) -> Grid:
        """Share of a pixel that is inside a surface, from the distance to it (positive inside)."""
        share = depth_mm * np.float32(1.0 / self.pixel)
        share += np.float32(0.5)
        clipped: Grid = np.clip(share, np.float32(0.0), np.float32(1.0), out=share)
        return clipped

    def paint(self, coverage: Grid, material: Material, box: tuple[slice, ...] = (slice(None),) * 3) -> None:
        """Replace what is there by a material, as far as it covers each pixel."""
        for canvas, density in ((self.water, material.water), (self.bone, material.bone)):
            part = canvas[box]
            part += coverage * (np.float32(density) - part)

    def box(self, centre: NDArray[np.float64], reach: NDArray[np.float64]) -> tuple[slice, slice, slice] | None:
        """The part of the grid within `reach` of `centre` (x, y, z in mm), or None where it is empty."""
        slices = []
        for axis, along in ((self.y, 1), (self.x, 0), (self.z, 2)):
            low, high = np.searchsorted(axis.ravel(), [centre[along] - reach[along], centre[along] + reach[along]])
            if low >= high:
                return None
            slices.append(slice(int(low), int(high)))
        return slices[0], slices[1], slices[2]

    def local(self, box: tuple[slice, slice, slice]) -> tuple[Grid, Grid, Grid]:
        """The coordinates of a part of the grid: x, y, z, broadcasting."""
        return self.x[:, box[1]], self.y[box[0]], self.z[:, :, box[2]]
