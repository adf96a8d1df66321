"""Smooth calibration error by its definition: no bins, an integral on a grid and a root."""
from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

Array = NDArray[np.float64]


def smooth_error(score: Array, truth: ArrayLike) -> float:
    """The width at which the absolute integral of the smoothed residuals equals it."""
    residuals = (np.asarray(truth, dtype=np.float64) - score) / len(score)
    if float(_integrals(score, residuals[None], 1e-3)[0]) <= 1e-3:
        return float(_integrals(score, residuals[None], 1e-3)[0])
    return float(optimize.brentq(lambda width: float(_integrals(score, residuals[None], width)[0]) - width, 1e-3, 1.0,
                                 xtol=1e-4))


def smooth_errors_by_chance(score: Array, draws: int, seed: int) -> Array:
    """Smooth errors of labels drawn from the probabilities: those of a calibrated model."""
    rng = np.random.default_rng(seed)
    residuals = ((rng.random((draws, len(score))) < score) - score) / len(score)
    widths = np.geomspace(2e-3, 0.6, 24)
    integrals = np.stack([_integrals(score, residuals, width) for width in widths])  # (widths, draws)
    out = []
    for column in integrals.T:
        apart = column - widths
        place = int(np.argmax(apart <= 0)) if (apart <= 0).any() else len(widths) - 1
        place = max(place, 1)
        share = apart[place - 1] / (apart[place - 1] - apart[place])
        out.append(widths[place - 1] + share * (widths[place] - widths[place - 1]))
    return np.array(out)


def _integrals(score: Array, residuals: Array, width: float) -> Array:
    """Absolute integral over [0, 1] of residuals under a Gaussian that is reflected at both ends, per row."""
    cells = int(np.clip(np.ceil(4 / width), 256, 2048))
    grid = (np.arange(cells) + 0.5) / cells
    reach = 1 if width < 0.3 else 3
    smoothed = np.zeros((len(residuals), cells))
    for shift in range(-reach, reach + 1):
        for image in (2 * shift + score, 2 * shift - score):
            near = (image > -6 * width) & (image < 1 + 6 * width)
            if near.any():
                density = stats.norm.pdf(grid[None, :], image[near, None], width)
                smoothed += residuals[:, near] @ density
    return np.asarray(np.abs(smoothed).mean(axis=1))
