"""Scores less what they are by chance: the same score with labels drawn anew from themselves."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Adjusted:
    """A score and its null.

    Attributes:
        score: as it is.
        null_mean: mean over permutations.
        null_sd: standard deviation over permutations.
        p_value: share of permutations (and the labels as they are) that score at least as high.
    """

    score: float
    null_mean: float
    null_sd: float
    p_value: float

    @property
    def gain(self) -> float:
        """Score less the null's mean: what is read and reported."""
        return self.score - self.null_mean

    @property
    def standardised(self) -> float:
        """The gain in standard deviations of the null, for ranking features of different widths; 0 where both are 0."""
        return self.gain / self.null_sd if self.null_sd > 0 else (0.0 if self.gain == 0 else float(np.inf))


def less_null(
    score: Callable[[NDArray[np.integer]], float], labels: NDArray[np.integer], *, draws: int = 100, seed: int = 0
) -> Adjusted:
    """A score of labels against its distribution under permuted labels.

    Args:
        score: of labels, (n,).
        labels: classes, (n,); rows must be exchangeable: one per patient where patients have several.
        draws: permutations, at least 1.
        seed: of the permutations.
    """
    draw = np.random.default_rng(seed)
    value = score(labels)
    null = np.array([score(draw.permutation(labels)) for _ in range(draws)])
    at_least = int((null >= value - 1e-12 * max(1.0, abs(value))).sum())
    return Adjusted(value, float(null.mean()), float(null.std()), (1 + at_least) / (1 + draws))
