"""Histogram matching: every scan's grey values are moved so that its landmarks become those of the training source."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

LEVELS = (1.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 99.0)
"""Percentiles that are landmarks."""
FLOOR = 0.02
"""Values up to here are air and padding: they are no part of a histogram and stay as they are."""
ENOUGH = 64
"""Pixels above the floor, below which a scan is left as it is."""


@dataclass(frozen=True)
class HistogramMatching:
    """A piecewise linear map per scan, through its own landmarks to the standard ones; 0 and 1 stay where they are.

    It needs nothing but the scan, so a scan of a hospital that nobody has seen is treated like any other.

    Attributes:
        landmarks: standard grey values at :data:`LEVELS`, ascending, in [0, 1].

    Reference:
        Nyul, Udupa & Zhang 2000, "New variants of a method of MRI scale standardization". Ours differs in two things:
        landmarks are averaged as they are, since prepared scans share a scale already; and the mean of the source
        sites' means is taken, so that a large site does not count for more.
    """

    landmarks: tuple[float, ...]
    method: ClassVar[str] = "histogram"

    def __call__(self, scan: NDArray[np.float32]) -> NDArray[np.float32]:
        """One scan: float32 in [0, 1], (slices, 1, rows, columns), to the same shape and range."""
        own = landmarks_of(scan)
        if own is None:
            return scan
        knots, first = np.unique(own, return_inverse=True)  # saturated scans have equal landmarks: their mean counts
        places = np.bincount(first, weights=np.asarray(self.landmarks)) / np.bincount(first)
        low, high = float(FLOOR), 1.0
        if knots[0] > low:
            knots, places = np.append(low, knots), np.append(low, places)
        if knots[-1] < high:
            knots, places = np.append(knots, high), np.append(places, high)
        places = np.maximum.accumulate(np.clip(places, low, high))
        moved = np.interp(scan, knots, places).astype(np.float32)
        return np.where(scan > np.float32(FLOOR), moved, scan)

    def contract(self) -> dict[str, Any]:
        """All that another program must know; JSON-able."""
        return {"method": self.method, "levels": list(LEVELS), "floor": FLOOR, "landmarks": list(self.landmarks)}

    @classmethod
    def from_contract(cls, contract: Mapping[str, Any]) -> HistogramMatching:
        """As :meth:`contract` described it."""
        return cls(tuple(float(value) for value in contract["landmarks"]))


def landmarks_of(scan: NDArray[np.float32]) -> NDArray[np.float64] | None:
    """A scan's percentiles above the floor, (11,); None where there is hardly a pixel.

    Args:
        scan: float32 in [0, 1], any shape.
    """
    shown = scan[scan > np.float32(FLOOR)]
    if shown.size < ENOUGH:
        return None
    return np.asarray(np.percentile(shown.astype(np.float64), LEVELS))


def learn_landmarks(by_site: Sequence[Sequence[NDArray[np.float64]]]) -> HistogramMatching:
    """The standard landmarks: the mean over sites of the mean over their scans.

    Args:
        by_site: per source site, landmarks of each training scan.

    Raises:
        ValueError: no site with a scan.
    """
    means = [np.mean(np.stack(list(site)), axis=0) for site in by_site if len(site)]
    if not means:
        raise ValueError("no scan to learn landmarks from")
    return HistogramMatching(tuple(float(value) for value in np.mean(np.stack(means), axis=0)))
