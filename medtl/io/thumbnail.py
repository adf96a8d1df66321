"""Small pictures of scans for reports, in which whatever may be burned-in text is masked."""
from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from medtl.io.burned_in import mask_text, scaled
from medtl.io.volume import Volume

SIDE = 160
"""Pixels of the longer side: enough to see what kind of image it is."""

FRAME = 0.2
"""The share of each side that is masked in a scan that may carry text: what the search misses stands there."""


def thumbnail(volume: Volume, *, side: int = SIDE, frame: bool = False) -> NDArray[np.uint8]:
    """The middle slice, contrast between its 1st and 99th percentile, text masked before anything is scaled.

    Args:
        volume: any volume.
        side: pixels of the longer side.
        frame: mask the borders too, for a scan that may carry text.

    Returns:
        uint8, (rows, columns), the pixels square in millimetres.
    """
    array = volume.array
    image = scaled(np.ascontiguousarray(array[:, :, array.shape[2] // 2].T))
    return picture(image, aspect=volume.spacing_mm[1] / volume.spacing_mm[0], side=side, frame=frame)


def picture(image: NDArray[np.float32], *, aspect: float = 1.0, side: int = SIDE, frame: bool = False
            ) -> NDArray[np.uint8]:
    """As :func:`thumbnail`, of one image.

    Args:
        image: (rows, columns), in [0, 1].
        aspect: height of a pixel over its width.
        side: pixels of the longer side.
        frame: mask the borders too.

    Returns:
        uint8, (rows, columns).
    """
    masked = mask_text(image)
    if frame:
        rows, columns = (round(FRAME * n) for n in masked.shape)
        inside = masked[rows:masked.shape[0] - rows, columns:masked.shape[1] - columns].copy()
        masked[:] = np.median(inside) if inside.size else 0.0
        masked[rows:masked.shape[0] - rows, columns:masked.shape[1] - columns] = inside
    low, high = (float(q) for q in np.percentile(masked, (1, 99)))
    shown = np.clip((masked - low) / max(high - low, 1e-6), 0, 1)
    height, width = masked.shape[0] * aspect, float(masked.shape[1])
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = Image.fromarray((shown * 255).round().astype(np.uint8)).resize(size, Image.Resampling.BOX)
    return np.asarray(small)


def png(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG file of grey pixels with nothing but pixels in it.

    Args:
        pixels: uint8, (rows, columns).

    Returns:
        The file's bytes.
    """
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
