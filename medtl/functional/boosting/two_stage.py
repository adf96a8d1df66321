"""Two-stage TrAdaBoost.R2: source weights shrink step by step, and cross-validation on the target says when to stop."""
from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin

from medtl.functional.boosting.r2 import Estimate, Loss, adaboost_r2, adjusted_errors, answer, fitted


class TwoStageTrAdaBoostR2(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    r"""Stage one lowers the weights of source rows so that the target's mass grows by equal steps; stage two boosts the
    target's weights with the source's fixed, at every step.

    At step t of S the target's mass becomes m/(n+m) + t/(S-1) (1 - m/(n+m)): source weights are multiplied by β_t^e_i,
    with β_t by bisection and e_i the adjusted errors of a learner fitted with the current weights. The step whose
    AdaBoost.R2' has the lowest mean squared error, by shuffled cross-validation over target rows, answers. Source rows
    without error keep their weight under any β; where they alone are too heavy they are scaled down instead.

    Args:
        base: learner with ``sample_weight``, given weights of mean 1; a tree of depth 4 if None.
        steps: S, at least 2.
        folds: F, at least 2; at most as many as target rows are used.
        rounds: of AdaBoost.R2'.
        loss: how absolute errors over their largest are adjusted.
        seed: of the shuffle.

    Attributes:
        weights_: of each step, source rows first, sum 1.
        scores_: cross-validated mean squared error of each step.
        best_: position of the step that answers.
        estimates_: its regressors.

    Reference:
        Pardoe & Stone 2010, "Boosting for Regression Transfer", algorithm 4.
    """

    def __init__(
        self, base: Any = None, *, steps: int = 10, folds: int = 5, rounds: int = 10, loss: Loss = "linear",
        seed: int = 0,
    ) -> None:
        self.base = base
        self.steps = steps
        self.folds = folds
        self.rounds = rounds
        self.loss = loss
        self.seed = seed

    def fit(self, Xs: Any, ys: Any, Xt: Any, yt: Any) -> TwoStageTrAdaBoostR2:
        """Boosts.

        Args:
            Xs: source features, (n, d).
            ys: their values, (n,).
            Xt: target features, (m, d), m at least 2.
            yt: their values, (m,).
        """
        x = np.concatenate([np.asarray(Xs), np.asarray(Xt)])
        y = np.concatenate([np.asarray(ys), np.asarray(yt)]).astype(np.float64)
        n, m = len(Xs), len(Xt)
        fold = np.random.default_rng(self.seed).permutation(m) % min(self.folds, m)
        w = np.full(n + m, 1.0 / (n + m))
        self.weights_: list[NDArray[np.float64]] = []
        self.scores_: list[float] = []
        self.best_ = 0
        for step in range(self.steps):
            self.weights_.append(w)
            self.scores_.append(self._validated(x, y, w, n, fold))
            if step == 0 or self.scores_[step] < self.scores_[self.best_]:
                self.best_ = step
                self.estimates_ = self._boosted(x, y, w, n)
            if step + 1 < self.steps:
                errors = adjusted_errors(np.abs(y - fitted(self.base, x, y, w).predict(x)), self.loss)
                mass = m / (n + m) + (step + 1) / (self.steps - 1) * (1.0 - m / (n + m))
                w = _towards(w, errors[:n], mass)
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Values, (n,)."""
        return answer(self.estimates_, np.asarray(X))

    def _boosted(self, x: NDArray[Any], y: NDArray[Any], w: NDArray[np.float64], n: int) -> list[Estimate]:
        return adaboost_r2(self.base, x, y, w, rounds=self.rounds, loss=self.loss, kept=n)

    def _validated(
        self, x: NDArray[Any], y: NDArray[Any], w: NDArray[np.float64], n: int, fold: NDArray[np.int64]
    ) -> float:
        squares = np.zeros(len(fold))
        for number in range(int(fold.max()) + 1):
            out = np.concatenate([np.zeros(n, dtype=bool), fold == number])
            said = answer(self._boosted(x[~out], y[~out], w[~out], n), x[out])
            squares[fold == number] = (said - y[out]) ** 2
        return float(squares.mean())


def _towards(w: NDArray[np.float64], errors: NDArray[np.float64], mass: float) -> NDArray[np.float64]:
    """Weights whose target share is a wanted one, source weights multiplied by a power of one β in [0, 1].

    Args:
        w: source first, sum 1.
        errors: adjusted errors of source rows, in [0, 1], (n,).
        mass: wanted share of the target, in (0, 1].
    """
    n = len(errors)
    target = float(w[n:].sum())
    if mass >= 1.0 - 1e-12:  # the limit: no source row has weight
        return np.concatenate([np.zeros(n), w[n:] / target])
    wanted = target * (1.0 - mass) / mass  # the source's sum before scaling
    low, high = -2000.0, 0.0  # log β
    for _ in range(200):
        middle = 0.5 * (low + high)
        if float((w[:n] * np.exp(middle * errors)).sum()) > wanted:
            high = middle
        else:
            low = middle
    source = w[:n] * np.exp(0.5 * (low + high) * errors)
    if not math.isclose(float(source.sum()), wanted, rel_tol=1e-9, abs_tol=1e-300):
        source = source * (wanted / source.sum())  # rows without error are too heavy under any β
    moved = np.concatenate([source, w[n:]])
    return np.asarray(moved / moved.sum())
