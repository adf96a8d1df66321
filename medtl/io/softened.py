"""Text burned into a picture made illegible while the anatomy around it stays to be seen.

:func:`medtl.io.burned_in.mask_text` masks whole boxes, and takes vessels of the lung for letters, which is right where
a scan is only to be recognised. Where a reader looks for what a network looked at, only thin strokes must go.
"""
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from medtl.io.burned_in import text_boxes

STROKE = 11
"""Pixels: no stroke of a letter of up to 48 pixels is as wide."""
FRAME = 0.1
"""The share of each side that is softened whatever the search says: what it misses stands there."""
NEAR, EDGE_LETTERS = 0.2, 3
"""Towards a border few spots in a line are taken for letters,"""
ANYWHERE_LETTERS = 5
"""elsewhere more: vessels stand in short rows."""


def soften_text(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """The image without bright or dark strokes wherever there may be text.

    Along the borders, and within each box round what looks like letters, what is thinner than ``STROKE`` gives way to
    its ground, by a grey opening and a closing.

    Args:
        image: (rows, columns), in [0, 1].

    Returns:
        A copy, float32, (rows, columns).
    """
    out = np.array(image, dtype=np.float32)
    if not out.size:
        return out
    where = np.zeros(out.shape, dtype=np.bool_)
    rows, columns = (max(1, round(FRAME * n)) for n in out.shape)
    where[:rows] = where[-rows:] = where[:, :columns] = where[:, -columns:] = True
    boxes = (*text_boxes(out, border=NEAR, letters=EDGE_LETTERS), *text_boxes(out, letters=ANYWHERE_LETTERS))
    for top, left, bottom, right in boxes:
        where[top:bottom, left:right] = True
    plain = ndimage.grey_closing(ndimage.grey_opening(out, size=STROKE), size=STROKE)
    return np.where(where, plain, out)
