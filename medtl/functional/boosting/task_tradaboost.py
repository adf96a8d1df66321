"""TaskTrAdaBoost: learners of the sources are kept, and a new target only chooses among them."""
from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from medtl.functional.boosting.learners import Voter, decided, fitted, log_odds, tally


class TaskTrAdaBoost(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    r"""Two phases, for two classes.

    1. AdaBoost on each source alone; learners with α = ½ ln((1 - e) / e) above `gamma` form the pool.
    2. Weights over the target only. Each round flips the pool's members with e > ½, takes the lowest error, removes it
       from the pool, and multiplies the weights by exp(-α y h). All rounds vote with α.

    The second phase reads no source row, so a new target is learned by :meth:`fit_target` alone. It stops where the
    pool is empty or its best is at chance.

    Args:
        base: learner with ``sample_weight``, given weights of mean 1; logistic regression if None.
        rounds: of the second phase.
        source_rounds: of the first phase, per source.
        gamma: least α of the pool's members.

    Attributes:
        classes_: both labels, sorted.
        pool_: learners of the first phase, with α as vote and the number of their source.
        sources_: names of the sources.
        voters_: of the second phase; their vote is α.
        weights_: of target rows, in each round and after the last.

    Reference:
        Yao & Doretto 2010, "Boosting for Transfer Learning with Multiple Sources", algorithms 2 and 3.
    """

    def __init__(self, base: Any = None, *, rounds: int = 10, source_rounds: int = 10, gamma: float = 0.0) -> None:
        self.base = base
        self.rounds = rounds
        self.source_rounds = source_rounds
        self.gamma = gamma

    def fit(self, Xs: Any, ys: Any, Xt: Any, yt: Any, sources: Any = None) -> TaskTrAdaBoost:
        """Both phases; see :meth:`fit_source` and :meth:`fit_target`."""
        return self.fit_source(Xs, ys, sources).fit_target(Xt, yt)

    def fit_source(self, Xs: Any, ys: Any, sources: Any = None) -> TaskTrAdaBoost:
        """The first phase.

        Args:
            Xs: source features, (n, d).
            ys: their labels, (n,).
            sources: name of each row's source, (n,); one source if None.

        Raises:
            ValueError: not two classes.
        """
        x, y = np.asarray(Xs), np.asarray(ys)
        self.classes_ = np.unique(y)
        if len(self.classes_) != 2:
            raise ValueError(f"task_tradaboost is for two classes, found {len(self.classes_)}")
        names = np.zeros(len(x), dtype=np.int64) if sources is None else np.asarray(sources)
        self.sources_ = np.unique(names)
        self.pool_: list[Voter] = []
        for number, name in enumerate(self.sources_):
            rows = names == name
            if len(np.unique(y[rows])) == 2:
                self.pool_ += self._adaboost(x[rows], y[rows], number)
        if not self.pool_:
            raise ValueError(f"no learner of any source has alpha above {self.gamma:g}; lower gamma")
        return self

    def fit_target(self, Xt: Any, yt: Any) -> TaskTrAdaBoost:
        """The second phase, on the pool as it is.

        Args:
            Xt: target features, (m, d).
            yt: their labels, (m,).
        """
        x, y = np.asarray(Xt), np.asarray(yt)
        wrong = np.array([voter.learner.predict(x) != y for voter in self.pool_], dtype=np.float64)
        w = np.full(len(x), 1.0 / len(x))
        left = list(range(len(self.pool_)))
        self.voters_: list[Voter] = []
        self.weights_ = [w]
        for _ in range(min(self.rounds, len(self.pool_))):
            errors = wrong[left] @ w
            flips = errors > 0.5
            errors = np.where(flips, 1.0 - errors, errors)
            place = int(errors.argmin())
            error, flipped = float(errors[place]), bool(flips[place])
            if error >= 0.5 and self.voters_:
                break
            chosen = left.pop(place)
            alpha = 0.5 * log_odds(error, 2)
            member = self.pool_[chosen]
            self.voters_.append(Voter(member.learner, alpha, error, flipped, member.source))
            missed = 1.0 - wrong[chosen] if flipped else wrong[chosen]
            w = w * np.exp(-alpha * (1.0 - 2.0 * missed))
            w = w / w.sum()
            self.weights_.append(w)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Shares of the votes, (n, 2)."""
        return tally(self.voters_, np.asarray(X), self.classes_, soft=False)

    def predict(self, X: Any) -> NDArray[Any]:
        """Classes, (n,)."""
        return decided(self.predict_proba(X), self.classes_)

    def _adaboost(self, x: NDArray[Any], y: NDArray[Any], number: int) -> list[Voter]:
        kept = []
        w = np.full(len(x), 1.0 / len(x))
        for _ in range(self.source_rounds):
            learner = fitted(self.base, x, y, w)
            missed = (learner.predict(x) != y).astype(np.float64)
            error = float(missed @ w)
            if error >= 0.5:
                break
            alpha = 0.5 * log_odds(error, 2)
            if alpha > self.gamma:
                kept.append(Voter(learner, alpha, error, source=number))
            w = w * np.exp(-alpha * (1.0 - 2.0 * missed))
            w = w / w.sum()
        return kept
