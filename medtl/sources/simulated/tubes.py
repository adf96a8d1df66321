"""Vessels on the grid, all of them at once."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medtl.sources.simulated.canvas import Canvas, Grid
from medtl.sources.simulated.vessels import Vessel


def cover_tubes(canvas: Canvas, vessels: Sequence[Vessel]) -> Grid:
    """Give the share of each pixel that is vessel.

    All pairs of a vessel and a plane that it crosses are treated at once: the pixels of every pair's box are listed one
    after the other, with their distance to the vessel's axis.

    Args:
        canvas: the grid.
        vessels: straight tapering tubes, in mm.

    Returns:
        (rows, columns, planes), 0 to 1.
    """
    cover = np.zeros(canvas.water.shape, np.float32)
    x, y, z = canvas.x.ravel(), canvas.y.ravel(), canvas.z.ravel()
    start = np.array([v.start_mm for v in vessels], np.float32).reshape(-1, 3)
    axis = np.array([v.end_mm for v in vessels], np.float32).reshape(-1, 3) - start
    first = np.array([v.start_radius_mm for v in vessels], np.float32)
    taper = np.array([v.end_radius_mm for v in vessels], np.float32) - first
    low = np.minimum(start[:, 2], start[:, 2] + axis[:, 2]) - first
    high = np.maximum(start[:, 2], start[:, 2] + axis[:, 2]) + first
    number, plane = np.nonzero((low[:, None] <= z) & (z <= high[:, None]))
    # The stretch of the axis that is within a radius of the plane bounds the box in x and y.
    rise = np.where(np.abs(axis[number, 2]) < 1e-3, np.float32(1e-3), axis[number, 2])
    ends = [(z[plane] + sign * first[number] - start[number, 2]) / rise for sign in (-1.0, 1.0)]
    ends = [np.clip(end, 0.0, 1.0) for end in ends]
    boxes = []
    for line, along in ((x, 0), (y, 1)):
        places = [start[number, along] + end * axis[number, along] for end in ends]
        reach = first[number] + canvas.pixel / 2
        boxes.append(np.searchsorted(line, np.minimum(*places) - reach))
        boxes.append(np.searchsorted(line, np.maximum(*places) + reach))
    left, right, top, bottom = boxes
    size = (right - left) * (bottom - top)
    pair = np.repeat(np.arange(len(size)), size)
    place = np.arange(len(pair)) - np.repeat(np.cumsum(size) - size, size)
    row, column = np.divmod(place, np.maximum(right - left, 1)[pair])
    row += top[pair]
    column += left[pair]
    vessel = number[pair]
    dx, dy, dz = x[column] - start[vessel, 0], y[row] - start[vessel, 1], z[plane][pair] - start[vessel, 2]
    ux, uy, uz = axis[vessel].T
    share = np.clip((dx * ux + dy * uy + dz * uz) / (axis**2).sum(axis=1)[vessel], 0.0, 1.0)
    gap = np.sqrt((dx - share * ux) ** 2 + (dy - share * uy) ** 2 + (dz - share * uz) ** 2)
    radius = first[vessel] + share * taper[vessel]
    # A tube thinner than a pixel covers at most its own width of it.
    inside = np.minimum(canvas.coverage(radius - gap), 2 * radius / np.float32(canvas.pixel))
    np.maximum.at(cover, (row, column, plane[pair]), inside)
    return cover
