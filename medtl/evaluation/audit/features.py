"""What is measured of one prepared scan: small, plain numbers that a disease is hardly made of."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Picture = NDArray[np.float32]
Vector = NDArray[np.float64]

STATISTICS = (
    "mean", "spread", "5th percentile", "10th percentile", "25th percentile", "median", "75th percentile",
    "90th percentile", "95th percentile", "share of black points", "share of white points", "sharpness",
)
BLACK, WHITE = 0.02, 0.98
GRID = 16
"""Cells along each side."""
RING = 2
"""Cells of the border."""
SMALL = 24
"""Side of the small picture."""
LEVELS = np.linspace(0.0, 1.0, 33)
"""At which grey values' quantiles are taken."""
_BODY = 0.08
_LEAST_OUTSIDE = 0.02


@dataclass(frozen=True)
class Features:
    """Of one scan's middle slice.

    Attributes:
        pixels: small picture, (576,).
        statistics: the dozen of :data:`STATISTICS`, (12,).
        borders: mean, maximum and spread of each border cell, (336,).
        outside: grey values and noise of what lies outside the body, (35,).
        quantiles: of grey values, (33,).
        coarse: picture of 16 x 16 means, (256,).
    """

    pixels: Vector
    statistics: Vector
    borders: Vector
    outside: Vector
    quantiles: Vector
    coarse: Vector


def middle(scan: NDArray[np.float32]) -> Picture:
    """The middle slice of a prepared scan, (rows, columns)."""
    return np.asarray(scan[len(scan) // 2, 0], dtype=np.float32)


def features_of(picture: Picture) -> Features:
    """Measures a picture.

    Args:
        picture: float32 in [0, 1], (rows, columns), each at least 16.
    """
    values = np.sort(picture, axis=None)
    places = (LEVELS * (values.size - 1)).round().astype(np.int64)
    mean, top, spread = cells(picture, GRID)
    inner = np.zeros((GRID, GRID), dtype=bool)
    inner[RING:-RING, RING:-RING] = True
    borders = np.concatenate([each[~inner] for each in (mean, top, spread)])
    return Features(
        pixels=cells(picture, min(SMALL, *picture.shape))[0].ravel(),
        statistics=statistics_of(picture, values),
        borders=borders,
        outside=outside_of(picture),
        quantiles=values[places].astype(np.float64),
        coarse=mean.ravel(),
    )


def statistics_of(picture: Picture, ordered: Picture | None = None) -> Vector:
    """The dozen of :data:`STATISTICS`, which know nothing of where a point lies but for its sharpness.

    Args:
        picture: float32 in [0, 1], (rows, columns).
        ordered: its values, sorted, if they are at hand.
    """
    values = np.sort(picture, axis=None) if ordered is None else ordered
    levels = values[(np.array([0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95]) * (values.size - 1)).round().astype(np.int64)]
    black, white = np.searchsorted(values, BLACK, "right"), np.searchsorted(values, WHITE, "left")
    sharp = 0.5 * (np.abs(np.diff(picture, axis=0)).mean() + np.abs(np.diff(picture, axis=1)).mean())
    return np.array([
        values.mean(), values.std(), *levels, black / values.size, 1.0 - white / values.size, sharp
    ], dtype=np.float64)


def cells(picture: Picture, count: int) -> tuple[Vector, Vector, Vector]:
    """Mean, maximum and standard deviation within cells, each (count, count)."""
    down, across = (np.linspace(0, n, count + 1).round().astype(np.int64) for n in picture.shape)
    wide = picture.astype(np.float64)

    def summed(values: Vector) -> Vector:
        rows = np.add.reduceat(values, down[:-1], axis=0)
        return np.asarray(np.add.reduceat(rows, across[:-1], axis=1), dtype=np.float64)

    area = np.outer(np.diff(down), np.diff(across))
    mean, square = summed(wide) / area, summed(wide**2) / area
    top = np.maximum.reduceat(np.maximum.reduceat(wide, down[:-1], axis=0), across[:-1], axis=1)
    return mean, top, np.sqrt(np.maximum(square - mean**2, 0.0))


def body_of(picture: Picture) -> NDArray[np.bool_]:
    """The largest thing that is not black, with its holes: the body, where there is one; bool, (rows, columns)."""
    labelled, count = ndimage.label(ndimage.uniform_filter(picture, 3) > _BODY)
    if not count:
        return np.zeros(picture.shape, dtype=bool)
    sizes = np.bincount(labelled.ravel())[1:]
    filled = ndimage.binary_fill_holes(labelled == 1 + int(np.argmax(sizes)))
    return np.asarray(ndimage.binary_dilation(filled, iterations=2))


def outside_of(picture: Picture) -> Vector:
    """Grey values and noise outside the body, whole and by quadrant, (35,); 0 where hardly anything is outside.

    The body's outline has no part in it: only how the outside looks.
    """
    outside = ~body_of(picture)
    rows, columns = picture.shape
    noise = picture - ndimage.uniform_filter(picture, 3)
    quadrants = [(slice(None), slice(None))] + [
        (slice(a * rows // 2, (a + 1) * rows // 2), slice(b * columns // 2, (b + 1) * columns // 2))
        for a in (0, 1) for b in (0, 1)
    ]
    parts = [(picture[q][outside[q]], noise[q][outside[q]], outside[q].size) for q in quadrants]
    return np.concatenate([_described(*part) for part in parts])


def _described(values: Picture, noise: Picture, of: int) -> Vector:
    if values.size < max(8, _LEAST_OUTSIDE * of):
        return np.zeros(7)
    low, half, high = np.percentile(values, (5, 50, 95))
    return np.array([
        values.mean(), values.std(), low, half, high, (values <= BLACK).mean(), noise.std()
    ], dtype=np.float64)
