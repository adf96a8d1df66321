"""Logistic regression of a label on one number, under many weightings at once."""
from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

from medtl.functional.measure import FloatArray
from medtl.functional.resampling import Resampled

INWARDS = 1e-7
"""How far probabilities of 0 and 1 are moved, so that they have a logit."""
STEPS = 60
STEEPEST = 100.0
"""A slope beyond this is that of classes which the number separates."""


def logits_of(probabilities: FloatArray) -> FloatArray:
    """Log odds, finite at 0 and 1 too.

    Args:
        probabilities: in [0, 1], any shape.

    Returns:
        The logits, of the same shape.
    """
    return np.asarray(logit(np.clip(probabilities, INWARDS, 1 - INWARDS)), dtype=np.float64)


def fitted_line(resampled: Resampled) -> FloatArray:
    """Intercept and slope on the logit of the scores, by maximum likelihood.

    Args:
        resampled: a sample whose scores are probabilities, under any number of weightings.

    Returns:
        (replicates, 2); nan where a class is missing, the scores are all equal or separate the classes.
    """
    sample = resampled.sample
    x, y = logits_of(sample.scores), sample.positive.astype(np.float64)
    weights = resampled.counts[:, sample.cluster]  # (replicates, n)
    total = weights.sum(axis=1)
    mean = np.divide(weights @ x, total, out=np.zeros(len(total)), where=total > 0)
    spread = weights @ np.square(x) - total * np.square(mean)
    known = (resampled.positives > 0) & (resampled.negatives > 0) & (spread > 1e-9 * np.maximum(total, 1.0))
    rate = np.divide(resampled.positives, total, out=np.full(len(total), 0.5), where=known)
    line = np.stack([logits_of(rate), np.zeros(len(total))], axis=1)
    done = ~known
    for _ in range(STEPS):
        todo = np.flatnonzero(~done)
        if not len(todo):
            break
        w, (a, b) = weights[todo], line[todo].T
        p = expit(a[:, None] + b[:, None] * x)
        gap, curve = w * (y - p), w * p * (1 - p)
        g0, g1 = gap.sum(axis=1), gap @ x
        h00, h01, h11 = curve.sum(axis=1), curve @ x, curve @ np.square(x)
        determinant = h00 * h11 - np.square(h01)
        flat = determinant <= 1e-12 * np.maximum(h00 * h11, 1e-300)
        determinant[flat] = 1.0
        step = np.stack([h11 * g0 - h01 * g1, h00 * g1 - h01 * g0], axis=1) / determinant[:, None]
        size = np.abs(step).max(axis=1)
        step *= np.minimum(1.0, 4.0 / np.maximum(size, 1e-300))[:, None]
        line[todo] += step
        lost = flat | (np.abs(line[todo, 1]) > STEEPEST)
        line[todo[lost]] = np.nan
        done[todo[(size < 1e-10) | lost]] = True
    line[~done | ~known] = np.nan
    return line


def fitted_offset(resampled: Resampled) -> FloatArray:
    """What must be added to the logits of the scores so that they sum to the positives.

    Args:
        resampled: a sample whose scores are probabilities, under any number of weightings.

    Returns:
        (replicates,); nan where a class is missing.
    """
    sample = resampled.sample
    x = logits_of(sample.scores)
    weights = resampled.counts[:, sample.cluster]
    known = (resampled.positives > 0) & (resampled.negatives > 0)
    low, high = np.full(len(weights), -50.0), np.full(len(weights), 50.0)
    for _ in range(28):  # the sum rises with the offset: halving cannot fail, and leaves little to Newton's steps
        middle = 0.5 * (low + high)
        expected = np.einsum("rn,rn->r", weights, expit(middle[:, None] + x))
        above = expected > resampled.positives
        high, low = np.where(above, middle, high), np.where(above, low, middle)
    offset = 0.5 * (low + high)
    for _ in range(2):
        p = expit(offset[:, None] + x)
        curve = np.einsum("rn,rn->r", weights, p * (1 - p))
        gap = resampled.positives - np.einsum("rn,rn->r", weights, p)
        offset += np.divide(gap, curve, out=np.zeros(len(offset)), where=curve > 0)
    return np.where(known, offset, np.nan)
