"""What the boosted regressors share: adjusted errors, AdaBoost.R2 with rows that keep their weight."""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.tree import DecisionTreeRegressor

from medtl.functional.boosting.learners import LEAST_ERROR
from medtl.functional.boosting.median import weighted_median

Loss = Literal["linear", "square", "exponential"]


@dataclass(frozen=True)
class Estimate:
    """A fitted regressor, its say, and the weighted adjusted error it was kept with.

    Attributes:
        learner: fitted.
        vote: log((1 - e) / e).
        error: e.
    """

    learner: Any
    vote: float
    error: float


def fitted(base: Any, x: NDArray[Any], y: NDArray[Any], weights: NDArray[np.float64]) -> Any:
    """A fresh copy of a base learner, fitted with weights of mean 1; a tree of depth 4 if None."""
    learner = clone(base) if base is not None else DecisionTreeRegressor(max_depth=4, random_state=0)
    return learner.fit(x, y, sample_weight=weights * (len(weights) / weights.sum()))


def adjusted_errors(absolute: NDArray[np.float64], loss: Loss) -> NDArray[np.float64]:
    """Absolute errors over the largest of them, as they are, squared, or as 1 - exp(-r): in [0, 1].

    Reference:
        Drucker 1997, "Improving Regressors using Boosting Techniques".
    """
    largest = float(absolute.max())
    ratio = absolute / largest if largest > 0 else np.zeros_like(absolute)
    if loss == "linear":
        return ratio
    return np.asarray(ratio**2 if loss == "square" else 1.0 - np.exp(-ratio))


def vote_of(error: float) -> float:
    """log((1 - e) / e), e at least 1e-10."""
    error = max(error, LEAST_ERROR)
    return math.log((1.0 - error) / error)


def answer(estimates: list[Estimate], x: NDArray[Any]) -> NDArray[np.float64]:
    """The weighted median of regressors, (n,)."""
    said = np.array([estimate.learner.predict(x) for estimate in estimates], dtype=np.float64)
    return weighted_median(said, np.array([estimate.vote for estimate in estimates]))


def adaboost_r2(
    base: Any, x: NDArray[Any], y: NDArray[Any], weights: NDArray[np.float64], *, rounds: int, loss: Loss, kept: int
) -> list[Estimate]:
    r"""AdaBoost.R2 in which the first rows keep their weights (AdaBoost.R2' of Pardoe & Stone; 0 of them: AdaBoost.R2).

    e is over all rows; the weights of the others are multiplied by β^(1 - e_i), β = e / (1 - e), and rescaled so that
    their sum stays what it was. It stops at e ≥ ½; a first learner that bad answers alone.

    Args:
        base: learner with ``sample_weight``.
        x: (n, d).
        y: (n,).
        weights: (n,), sum 1.
        rounds: at most so many.
        loss: of :func:`adjusted_errors`.
        kept: how many rows keep their weights.
    """
    w = weights / weights.sum()
    mass = float(w[kept:].sum())
    found: list[Estimate] = []
    for _ in range(rounds):
        learner = fitted(base, x, y, w)
        errors = adjusted_errors(np.abs(y - learner.predict(x)), loss)
        error = float(w @ errors)
        if error >= 0.5:
            return found or [Estimate(learner, 1.0, error)]
        vote = vote_of(error)
        found.append(Estimate(learner, vote, error))
        if error < LEAST_ERROR:
            return found  # nothing left to learn
        moved = w[kept:] * np.exp(-vote * (1.0 - errors[kept:]))
        if not moved.sum() > 0:
            return found
        w = np.concatenate([w[:kept], moved * (mass / moved.sum())])
    return found
