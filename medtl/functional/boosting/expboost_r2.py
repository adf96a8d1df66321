"""ExpBoost.R2: boosting on the target with the sources' regressors as further candidates."""
from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin

from medtl.functional.boosting.learners import LEAST_ERROR
from medtl.functional.boosting.r2 import Estimate, Loss, adjusted_errors, answer, fitted, vote_of


class Refitted:
    """A source's regressor, rescaled to the target by a straight line.

    Args:
        learner: fitted on a source.
        x: target features, (m, d).
        y: target values, (m,).
    """

    def __init__(self, learner: Any, x: NDArray[Any], y: NDArray[np.float64]) -> None:
        self.learner = learner
        said = np.asarray(learner.predict(x), dtype=np.float64)
        spread = float(((said - said.mean()) ** 2).sum())
        tiny = 1e-12 * max(1.0, float(np.abs(said).max())) ** 2 * len(said)
        self.slope = float(((said - said.mean()) * (y - y.mean())).sum()) / spread if spread > tiny else 0.0
        self.offset = float(y.mean()) - self.slope * float(said.mean())

    def predict(self, x: Any) -> NDArray[np.float64]:
        """Values, (n,)."""
        return np.asarray(self.offset + self.slope * np.asarray(self.learner.predict(x), dtype=np.float64))


class ExpBoostR2(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    r"""AdaBoost.R2 on target rows only; each round takes the lowest weighted error of a new learner and every expert.

    Experts are one learner per source, each first refitted to the target's values by a straight line. It stops at e ≥
    ½ (a first choice that bad answers alone); all rounds vote in a weighted median. An expert may be taken again.

    Args:
        base: learner with ``sample_weight``, given weights of mean 1; a tree of depth 4 if None.
        rounds: at most so many.
        loss: how absolute errors over their largest are adjusted, for each candidate apart.

    Attributes:
        experts_: in the order of ``sources_``.
        sources_: names of the sources.
        chosen_: per round -1 for the new learner, else the position of the expert.
        estimates_: rounds kept.
        weights_: of target rows in each round, sum 1.

    Reference:
        Pardoe & Stone 2010, "Boosting for Regression Transfer", section 3 (after Rettinger et al. 2006).
    """

    def __init__(self, base: Any = None, *, rounds: int = 10, loss: Loss = "linear") -> None:
        self.base = base
        self.rounds = rounds
        self.loss = loss

    def fit(self, Xs: Any, ys: Any, Xt: Any, yt: Any, sources: Any = None) -> ExpBoostR2:
        """Boosts.

        Args:
            Xs: source features, (n, d).
            ys: their values, (n,).
            Xt: target features, (m, d).
            yt: their values, (m,).
            sources: name of each source row's source, (n,); one source if None.
        """
        xs, x = np.asarray(Xs), np.asarray(Xt)
        values, y = np.asarray(ys, dtype=np.float64), np.asarray(yt, dtype=np.float64)
        names = np.zeros(len(xs), dtype=np.int64) if sources is None else np.asarray(sources)
        self.sources_ = np.unique(names)
        self.experts_ = [
            Refitted(fitted(self.base, xs[names == name], values[names == name], np.ones((names == name).sum())), x, y)
            for name in self.sources_
        ]
        of_experts = [adjusted_errors(np.abs(y - expert.predict(x)), self.loss) for expert in self.experts_]
        w = np.full(len(x), 1.0 / len(x))
        self.estimates_: list[Estimate] = []
        self.weights_: list[NDArray[np.float64]] = []
        self.chosen_: list[int] = []
        for _ in range(self.rounds):
            self.weights_.append(w)
            new = fitted(self.base, x, y, w)
            errors = [adjusted_errors(np.abs(y - new.predict(x)), self.loss), *of_experts]
            weighted = [float(w @ each) for each in errors]
            place = int(np.argmin(weighted))
            learner = new if place == 0 else self.experts_[place - 1]
            error = weighted[place]
            if error >= 0.5:
                if not self.estimates_:
                    self.estimates_.append(Estimate(learner, 1.0, error))
                    self.chosen_.append(place - 1)
                break
            vote = vote_of(error)
            self.estimates_.append(Estimate(learner, vote, error))
            self.chosen_.append(place - 1)
            moved = w * np.exp(-vote * (1.0 - errors[place]))
            if error < LEAST_ERROR or not moved.sum() > 0:
                break
            w = moved / moved.sum()
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Values, (n,)."""
        return answer(self.estimates_, np.asarray(X))
