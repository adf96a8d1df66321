"""TrAdaBoost on the features that agree between domains."""
from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medtl.functional.boosting.learners import Error, Vote
from medtl.functional.boosting.tradaboost import AtChance, Correction, TrAdaBoost


class EnhancedTrAdaBoost(TrAdaBoost):
    r"""Drops features that differ between the domains, then boosts with the dynamic correction.

    The gap of a feature is the mean over classes of \|source class mean - target class mean\| over the pooled standard
    deviation: comparing within classes, a difference in prevalence does not count. Features with a gap of at most
    `gap` are kept, and at least the share `least` with the smallest gaps. The paper's own formula could not be read;
    this one is ours.

    Args:
        base: learner with ``sample_weight``; logistic regression if None.
        rounds: N, at least 1.
        gap: largest gap of a kept feature, in standard deviations.
        least: share of features that are kept in any case, in (0, 1].
        error: as in :class:`TrAdaBoost`.
        correction: as there.
        at_chance: as there.
        vote: as there.

    Attributes:
        support_: which features are kept, bool, (d,).
        gaps_: (d,).

    Reference:
        After Li et al. 2017, on sandstone images of several regions.
    """

    def __init__(
        self, base: Any = None, *, rounds: int = 10, gap: float = 0.5, least: float = 0.25, error: Error = "hard",
        correction: Correction = "dynamic", at_chance: AtChance = "stop", vote: Vote = "hard",
    ) -> None:
        super().__init__(base, rounds=rounds, error=error, correction=correction, at_chance=at_chance, vote=vote)
        self.gap = gap
        self.least = least

    def fit(self, Xs: Any, ys: Any, Xt: Any, yt: Any) -> EnhancedTrAdaBoost:
        """Selects, then boosts.

        Args:
            Xs: source features, (n, d).
            ys: their labels, (n,).
            Xt: target features, (m, d).
            yt: their labels, (m,).
        """
        xs, xt = np.asarray(Xs, dtype=np.float64), np.asarray(Xt, dtype=np.float64)
        self.gaps_ = class_gaps(xs, np.asarray(ys), xt, np.asarray(yt))
        count = max(1, math.ceil(self.least * len(self.gaps_)))
        self.support_ = self.gaps_ <= max(self.gap, float(np.sort(self.gaps_)[count - 1]))
        super().fit(xs[:, self.support_], ys, xt[:, self.support_], yt)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Shares of the votes, (n, K)."""
        return super().predict_proba(np.asarray(X)[:, self.support_])


def class_gaps(
    xs: NDArray[np.float64], ys: NDArray[Any], xt: NDArray[np.float64], yt: NDArray[Any]
) -> NDArray[np.float64]:
    """Mean over shared classes of the absolute difference of class means, in pooled standard deviations, (d,)."""
    spread = np.concatenate([xs, xt]).std(axis=0)
    shared = np.intersect1d(ys, yt)
    gaps = np.mean([np.abs(xs[ys == c].mean(axis=0) - xt[yt == c].mean(axis=0)) for c in shared], axis=0)
    return np.asarray(np.divide(gaps, spread, out=np.zeros_like(gaps), where=spread > 0))
