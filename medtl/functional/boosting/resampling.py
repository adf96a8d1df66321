"""TrResampling: rounds that draw heavy source rows, and choose among several kinds of base learner."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from medtl.functional.boosting.learners import Error, Vote, Voter, fitted, shares, wrongness
from medtl.functional.boosting.tradaboost import AtChance, Correction, TrAdaBoost


class TrResampling(TrAdaBoost):
    """TrAdaBoost whose rounds draw source rows by weight, with replacement, and keep the base learner that is best on
    the target.

    The drawn rows share the source's mass equally; target rows keep their weights; all source rows are updated. The
    last half of the rounds votes.

    Args:
        bases: learners with ``sample_weight`` to choose from; three logistic regressions if None.
        rounds: N, at least 1.
        share: drawn rows over source rows, above 0.
        seed: of the draws.
        error: as in :class:`TrAdaBoost`.
        correction: as there.
        at_chance: as there.
        vote: as there.

    Attributes:
        chosen_: position of the base learner of each round.

    Reference:
        After Liu et al. 2018, "An ensemble transfer learning method" (TrResampling); the paper's text could not be
        read in full, and how drawn rows are weighted is ours.
    """

    def __init__(
        self, bases: Sequence[Any] | None = None, *, rounds: int = 10, share: float = 1.0, seed: int = 0,
        error: Error = "hard", correction: Correction = "none", at_chance: AtChance = "stop", vote: Vote = "hard",
    ) -> None:
        super().__init__(None, rounds=rounds, error=error, correction=correction, at_chance=at_chance, vote=vote)
        self.bases = bases
        self.share = share
        self.seed = seed

    def fit(self, Xs: Any, ys: Any, Xt: Any, yt: Any) -> TrResampling:
        """Boosts.

        Args:
            Xs: source features, (n, d).
            ys: their labels, (n,).
            Xt: target features, (m, d).
            yt: their labels, (m,).
        """
        self._draw = np.random.default_rng(self.seed)
        self.chosen_: list[int] = []
        super().fit(Xs, ys, Xt, yt)
        return self

    def _best(
        self, x: NDArray[Any], y: NDArray[Any], truth: NDArray[np.int64], p: NDArray[np.float64],
        source: NDArray[np.int64],
    ) -> tuple[Voter, NDArray[np.float64]]:
        n = len(source)
        mass = float(p[:n].sum())
        drawn = self._draw.choice(n, max(1, round(self.share * n)), p=p[:n] / mass)
        rows = np.concatenate([drawn, np.arange(n, len(x))])
        weights = np.concatenate([np.full(len(drawn), mass / len(drawn)), p[n:]])
        bases = self.bases or [LogisticRegression(C=c, max_iter=1000) for c in (0.01, 0.1, 1.0)]
        best: tuple[Voter, NDArray[np.float64], int] | None = None
        for place, base in enumerate(bases):
            learner = fitted(base, x[rows], y[rows], weights)
            wrong = wrongness(shares(learner, x, self.classes_, soft=self.error == "soft", flipped=False), truth)
            error = float((p[n:] * wrong[n:]).sum() / p[n:].sum())
            if best is None or error < best[0].error:
                best = Voter(learner, 0.0, error), wrong, place
        assert best is not None
        self.chosen_.append(best[2])
        return best[0], best[1]
