"""Learning curves as inverse power laws: what more labels would still give, and how many a goal takes."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from medtl.functional.measure import FloatArray

EXPONENTS = np.geomspace(0.1, 2.0, 60)
"""Decays that are tried: slower ones cannot be told from a line, faster ones from a step."""


@dataclass(frozen=True, eq=False)
class PowerLaw:
    r"""Curves :math:`a - b\,n^{-c}`, one or many.

    Args:
        ceiling: a, what is reached with ever more labels, in [0, 1], (curves,).
        gain: b, at least 0, (curves,).
        decay: c, above 0, (curves,).
    """

    ceiling: FloatArray
    gain: FloatArray
    decay: FloatArray

    def at(self, n: ArrayLike) -> FloatArray:
        """Values at numbers of labels.

        Args:
            n: above 0, (points,).

        Returns:
            (curves, points).
        """
        count = np.asarray(n, dtype=np.float64)
        return np.asarray(self.ceiling[:, None] - self.gain[:, None] * count[None, :] ** -self.decay[:, None])

    def needed(self, wanted: float) -> FloatArray:
        """The number of labels at which each curve reaches a goal; infinite where it never does.

        Args:
            wanted: the goal.

        Returns:
            (curves,), at least 0.
        """
        room = self.ceiling - wanted
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            n = (self.gain / np.where(room > 0, room, 1.0)) ** (1.0 / self.decay)
        return np.where(room > 0, n, np.where((room == 0) & (self.gain == 0), 0.0, np.inf))


def fit_power_law(n: ArrayLike, values: ArrayLike) -> PowerLaw:
    r"""Least squares of :math:`a - b\,n^{-c}` with :math:`0 \le a \le 1`, :math:`b \ge 0` and c on a grid.

    For a given c the curve is linear in a and b, so that the best of the grid is the best fit and cannot get stuck.

    Args:
        n: numbers of labels, above 0, at least 3 different ones, (points,).
        values: one or many curves, (points,) or (curves, points).

    Returns:
        A curve for each.

    Raises:
        ValueError: fewer than 3 numbers of labels, or values of another shape.

    Reference:
        Mukherjee et al. 2003, "Estimating dataset size requirements for classifying DNA microarray data", Journal of
        Computational Biology 10.
    """
    count, found = np.asarray(n, dtype=np.float64), np.atleast_2d(np.asarray(values, dtype=np.float64))
    if len(np.unique(count)) < 3 or found.shape[1] != len(count):
        raise ValueError(f"a curve needs 3 numbers of labels and a value of each, got {count} for {found.shape}")
    best = np.full(len(found), np.inf)
    ceiling, gain, decay = np.zeros((3, len(found)))
    for c in EXPONENTS:
        x = -(count ** -c)
        centred = x - x.mean()
        b = np.maximum(found @ centred / (centred @ centred), 0.0)
        a = found.mean(axis=1) - b * x.mean()
        over = a > 1.0
        if over.any():  # the ceiling is 1, and the gain is fitted anew beneath it
            b = np.where(over, np.maximum((found - 1.0) @ x / (x @ x), 0.0), b)
            a = np.where(over, 1.0, a)
        a = np.maximum(a, 0.0)
        left = np.square(found - a[:, None] - b[:, None] * x).sum(axis=1)
        better = left < best
        best = np.where(better, left, best)
        ceiling, gain, decay = (np.where(better, new, old) for new, old in ((a, ceiling), (b, gain), (c, decay)))
    return PowerLaw(ceiling, gain, decay)
