"""TrAdaBoost.R2: TrAdaBoost for numbers."""
from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin

from medtl.functional.boosting.learners import last_half
from medtl.functional.boosting.r2 import Estimate, Loss, adjusted_errors, answer, fitted, vote_of


class TrAdaBoostR2(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    r"""Boosts regressors over source and labelled target rows; errors are adjusted by the largest of both.

    e_t is the mean adjusted error over target rows under w; it stops at e_t ≥ ½ (N becomes the number of rounds kept; a
    first learner that bad answers alone). β_t = e_t / (1 - e_t), β = 1 / (1 + √(2 ln n / N)); source weights are
    multiplied by β^e_i, target weights by β_t^-e_i. The answer is the weighted median of the rounds ceil(N/2)..N.

    Args:
        base: learner with ``sample_weight``, given weights of mean 1; a tree of depth 4 if None.
        rounds: N, at least 1.
        loss: how absolute errors over their largest are adjusted.

    Attributes:
        estimates_: rounds kept, in order.
        first_: position of the first that votes.
        weights_: of each round, source rows first, sum 1.

    Reference:
        Pardoe & Stone 2010, "Boosting for Regression Transfer", algorithm 3.
    """

    def __init__(self, base: Any = None, *, rounds: int = 10, loss: Loss = "linear") -> None:
        self.base = base
        self.rounds = rounds
        self.loss = loss

    def fit(self, Xs: Any, ys: Any, Xt: Any, yt: Any) -> TrAdaBoostR2:
        """Boosts.

        Args:
            Xs: source features, (n, d).
            ys: their values, (n,).
            Xt: target features, (m, d).
            yt: their values, (m,).
        """
        x = np.concatenate([np.asarray(Xs), np.asarray(Xt)])
        y = np.concatenate([np.asarray(ys), np.asarray(yt)]).astype(np.float64)
        n = len(Xs)
        shrink = math.log1p(math.sqrt(2.0 * math.log(n) / self.rounds))
        log_w = np.zeros(len(x))
        self.estimates_: list[Estimate] = []
        self.weights_: list[NDArray[np.float64]] = []
        for _ in range(self.rounds):
            w = np.exp(log_w - log_w.max())
            w = w / w.sum()
            self.weights_.append(w)
            learner = fitted(self.base, x, y, w)
            errors = adjusted_errors(np.abs(y - learner.predict(x)), self.loss)
            error = float((w[n:] * errors[n:]).sum() / w[n:].sum())
            if error >= 0.5:
                if not self.estimates_:
                    self.estimates_.append(Estimate(learner, 1.0, error))
                break
            vote = vote_of(error)
            self.estimates_.append(Estimate(learner, vote, error))
            log_w[:n] -= shrink * errors[:n]
            log_w[n:] += vote * errors[n:]
        self.first_ = last_half(len(self.estimates_))
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Values, (n,)."""
        return answer(self.estimates_[self.first_:], np.asarray(X))
