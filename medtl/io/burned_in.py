"""Text burned into pixels: found by its strokes, so that a scan warns and a thumbnail masks it.

Letters are small, of one brightness, and stand in lines; anatomy is none of the three at once. The search is for lines
of at least a few letter-like spots. It reads no letters and is no proof that an image is free of text; modalities and
image types that are known for burned-in text are warned of whatever the pixels look like.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from medtl.io.series import Series

Box = tuple[int, int, int, int]
"""First row, first column, last row + 1, last column + 1."""

KNOWN_MODALITIES = frozenset({"US", "SC", "OT", "XC", "ES", "GM", "OP", "RF", "XA", "IVUS", "OCT", "DOC"})
KNOWN_TYPES = frozenset({"SCREEN SAVE", "SCREENSHOT", "SECONDARY CAPTURE", "CAPTURE", "RGB", "REPORT"})

BORDER = 0.25
"""The share of each side in which text is looked for when a scan is warned of."""

LETTER_PIXELS = (5, 48)
"""Height of a letter; smaller ones cannot be read, larger ones are no annotation."""

_CONTRAST = 0.15
_EVEN = 0.08
_GAP = 1.6
_STROKE = (11, 11)


@dataclass(frozen=True)
class BurnedIn:
    """Whether text may be burned in, and why.

    Attributes:
        verdict: ``stated`` by the header, ``likely`` by its pixels, ``possible`` by its kind, else ``none``.
        why: one sentence without identifiers.
        boxes: where the pixels look like text.
    """

    verdict: Literal["stated", "likely", "possible", "none"]
    why: str
    boxes: tuple[Box, ...] = ()


class _Spot(NamedTuple):
    top: int
    left: int
    bottom: int
    right: int
    level: float
    area: int


def burned_in(series: Series) -> BurnedIn:
    """Judges a series by what its header says, by its kind, and by text-like edges at the borders of its images.

    Args:
        series: with or without volume.

    Returns:
        The verdict. ``BurnedInAnnotation`` NO is not believed against the pixels.
    """
    found = [text_boxes(image, border=BORDER) for image in sample_images(series)]
    enough = 2 if len(found) > 2 else 1  # what is on one slice of a stack only is anatomy more often than text
    seen = sum(1 for boxes in found if boxes) >= enough
    boxes = tuple(dict.fromkeys(box for each in found for box in each)) if seen else ()
    if series.burned_in:
        return BurnedIn("stated", "BurnedInAnnotation says YES", boxes)
    if boxes:
        return BurnedIn("likely", f"{len(boxes)} lines of text-like edges near the border", boxes)
    types = {value.strip().upper() for value in series.image_type}
    if (series.modality or "") in KNOWN_MODALITIES or types & KNOWN_TYPES:
        if series.burned_in is False:
            return BurnedIn("none", "a kind of image known for text, but BurnedInAnnotation says NO and none is seen")
        return BurnedIn("possible", "a kind of image known for burned-in text")
    return BurnedIn("none", "")


def sample_images(series: Series) -> list[NDArray[np.float32]]:
    """First, middle and last slice as (rows, columns), scaled to [0, 1] each; text stays on all slices of a capture."""
    if series.volume is None:
        return []
    count = series.volume.array.shape[2]
    return [scaled(series.volume.array[:, :, k].T) for k in sorted({0, count // 2, count - 1})]


def scaled(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """An image from its smallest to its greatest value: text sits at an end, where percentiles would clip it.

    Args:
        image: finite numbers, (rows, columns).

    Returns:
        float32, (rows, columns), in [0, 1]; zeros for a constant image.
    """
    low, high = float(image.min()), float(image.max())
    if not high > low:
        return np.zeros_like(image, dtype=np.float32)
    return ((image - np.float32(low)) / np.float32(high - low)).astype(np.float32, copy=False)


def text_boxes(image: NDArray[np.float32], *, border: float = 0.5, letters: int = 4) -> tuple[Box, ...]:
    """Boxes round what looks like lines of text, bright or dark, across or upright.

    Args:
        image: (rows, columns), in [0, 1].
        border: share of each side that is searched; 0.5 is everywhere.
        letters: how many letter-like spots make a line.

    Returns:
        Boxes, each half a letter wider on all sides than the strokes.
    """
    boxes: list[tuple[bool, Box]] = []
    for signed in (image, 1.0 - image):
        spots = _letter_spots(np.ascontiguousarray(signed), border)  # once for both ways to write
        for upright in (False, True):
            wanted = letters + 2 if upright else letters  # ribs and vertebrae stand in columns
            turned = [_Spot(s.left, s.top, s.right, s.bottom, s.level, s.area) for s in spots] if upright else spots
            height, width = image.shape[::-1] if upright else image.shape
            for top, left, bottom, right in _lines([s for s in turned if _is_letter(s)], (height, width), wanted):
                boxes.append((upright, (left, top, right, bottom) if upright else (top, left, bottom, right)))
    return tuple(dict.fromkeys(box for _, box in sorted(boxes, key=lambda found: found[0])))


def mask_text(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """The image with all that may be text set to its median: more is masked than is warned of.

    Args:
        image: (rows, columns), in [0, 1].

    Returns:
        A copy, float32, (rows, columns).
    """
    masked = np.array(image, dtype=np.float32)
    fill = np.float32(np.median(masked)) if masked.size else np.float32(0)
    for top, left, bottom, right in text_boxes(image, letters=2):
        masked[top:bottom, left:right] = fill
    return masked


def _lines(letters: Sequence[_Spot], shape: tuple[int, int], wanted: int) -> list[Box]:
    spots = sorted(letters, key=lambda spot: (spot.left, spot.top))
    taken = [False] * len(spots)
    found: list[Box] = []
    for start, first in enumerate(spots):
        if taken[start]:
            continue
        line, end = [start], first.right
        for other in range(start + 1, len(spots)):
            spot = spots[other]
            if spot.left - end > _GAP * (first.bottom - first.top):
                break
            if not taken[other] and _follows(first, spot):
                line.append(other)
                end = max(end, spot.right)
        if len(line) < wanted:
            continue
        group = [spots[n] for n in line]
        for n in line:
            taken[n] = True
        pad = max(spot.bottom - spot.top for spot in group) // 2 + 1
        found.append((
            max(0, min(spot.top for spot in group) - pad), max(0, group[0].left - pad),
            min(shape[0], max(spot.bottom for spot in group) + pad), min(shape[1], end + pad),
        ))
    return found


def _follows(first: _Spot, other: _Spot) -> bool:
    """Whether two spots can be letters of one line: of one brightness, on one baseline or under one top line."""
    height, its = first.bottom - first.top, other.bottom - other.top
    slack = max(1.0, 0.12 * max(height, its))
    level = abs(first.bottom - other.bottom) <= slack or abs(first.top - other.top) <= slack
    return level and 0.6 <= its / height <= 1.7 and abs(first.level - other.level) <= _EVEN


def _letter_spots(image: NDArray[np.float32], border: float) -> list[_Spot]:
    """Spots that may be letters, across or upright: thin, of a letter's size, and near a border if one is asked for."""
    low, high = LETTER_PIXELS
    from scipy import ndimage  # a quarter of a second, and a scan of headers looks at no pixel

    strokes = image - ndimage.grey_opening(image, size=_STROKE)  # what is thinner than a stroke, against its ground
    labelled, count = ndimage.label(strokes > _CONTRAST, structure=np.ones((3, 3)))
    if not 0 < count <= 20_000:  # noise, not letters
        return []
    spots: list[_Spot] = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(labelled), start=1):
        sides = rows.stop - rows.start, columns.stop - columns.start
        if max(sides) < low or min(sides) > high:
            continue
        if not _near_border((rows.start, columns.start, rows.stop, columns.stop), image.shape, border):
            continue
        inside = labelled[rows, columns] == number
        area = int(np.count_nonzero(inside))
        if area < 5:
            continue
        values = np.sort(image[rows, columns][inside])
        level = float(values[int(0.9 * (area - 1))])
        spots.append(_Spot(rows.start, columns.start, rows.stop, columns.stop, level, area))
    return spots


def _is_letter(spot: _Spot) -> bool:
    """Whether a spot has the size of a letter, and is no bar or block."""
    height, width = spot.bottom - spot.top, spot.right - spot.left
    low, high = LETTER_PIXELS
    if not (low <= height <= high and width <= 3 * height):
        return False
    return not (spot.area > 0.9 * height * width and width > 0.5 * height)


def _near_border(box: Box, shape: tuple[int, ...], border: float) -> bool:
    row, column = (box[0] + box[2]) / 2 / shape[0], (box[1] + box[3]) / 2 / shape[1]
    return min(row, 1 - row) <= border or min(column, 1 - column) <= border
