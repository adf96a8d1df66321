"""The ROC curve as points."""
from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from medtl.functional.measure import FloatArray
from medtl.functional.resampling import BinarySample


def roc_points(positive: ArrayLike, scores: ArrayLike) -> FloatArray:
    """Corners of the ROC curve, from (0, 0) to (1, 1); points on a straight stretch are left out.

    Args:
        positive: labels 0 or 1 with both present, (n,).
        scores: finite, (n,).

    Returns:
        False and true positive rate, (k, 2), neither decreasing.

    Raises:
        ValueError: one class only.

    Reference:
        Fawcett 2006, "An introduction to ROC analysis", algorithm 1.
    """
    sample = BinarySample.of(positive, scores)
    if sample.positive.all() or not sample.positive.any():
        raise ValueError("a ROC curve needs both classes")
    order = np.argsort(-sample.scores, kind="stable")
    descending, hit = sample.scores[order], sample.positive[order]
    last = np.flatnonzero(np.append(np.diff(descending) != 0, True))
    counts = np.stack([last + 1 - np.cumsum(hit)[last], np.cumsum(hit)[last]], axis=1)
    counts = np.vstack([[0, 0], counts])
    before, after = counts[1:-1] - counts[:-2], counts[2:] - counts[1:-1]
    turns = before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]
    corners = counts[np.concatenate([[True], turns, [True]])]
    return np.asarray(corners / corners[-1], dtype=np.float64)
