"""What all boosted classifiers share: base learners with weights, errors on a common list of classes, votes."""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

LEAST_ERROR = 1e-10
"""Errors below this count as this: a learner without any error would else decide alone."""

Error = Literal["hard", "soft"]
Vote = Literal["hard", "soft"]


@dataclass(frozen=True)
class Voter:
    """A fitted learner and its say.

    Attributes:
        learner: fitted.
        vote: log((1 - e) / e) + log(K - 1), at least 0.
        error: weighted error on the target, after flipping.
        flipped: whether its two classes are exchanged.
        source: number of the source it was fitted with; 0 where there is one.
    """

    learner: Any
    vote: float
    error: float
    flipped: bool = False
    source: int = 0


def fitted(base: Any, x: NDArray[Any], y: NDArray[Any], weights: NDArray[np.float64]) -> Any:
    """A fresh copy of a base learner, fitted with weights of mean 1."""
    learner = clone(base) if base is not None else LogisticRegression(max_iter=1000)
    return learner.fit(x, y, sample_weight=weights * (len(weights) / weights.sum()))


def shares(voter: Any, x: NDArray[Any], classes: NDArray[Any], *, soft: bool, flipped: bool) -> NDArray[np.float64]:
    """What a learner says, as probabilities (soft) or as one 1 per row (hard), over a common list of classes.

    Args:
        voter: fitted learner; it may know fewer classes.
        x: (n, d).
        classes: sorted, (K,).
        soft: whether to ask for probabilities.
        flipped: whether its two classes are exchanged.

    Returns:
        float64, (n, K), rows of sum 1.
    """
    out = np.zeros((len(x), len(classes)))
    if soft:
        out[:, np.searchsorted(classes, voter.classes_)] = voter.predict_proba(x)
    else:
        out[np.arange(len(x)), np.searchsorted(classes, voter.predict(x))] = 1.0
    return out[:, ::-1] if flipped else out


def wrongness(said: NDArray[np.float64], truth: NDArray[np.int64]) -> NDArray[np.float64]:
    """1 less the share that the true class got: 0 or 1 for hard answers.

    Args:
        said: (n, K).
        truth: position of the true class, (n,).
    """
    out: NDArray[np.float64] = 1.0 - said[np.arange(len(said)), truth]
    return out


def log_odds(error: float, classes: int) -> float:
    """The vote of a learner with this error, log((1 - e) / e) + log(K - 1).

    Args:
        error: in [0, 1]; below 1e-10 it counts as 1e-10.
        classes: K, at least 2.

    Reference:
        Dai et al. 2007 (log 1 / β_t) for two classes; Zhu et al. 2009, "Multi-class AdaBoost", for more.
    """
    error = max(error, LEAST_ERROR)
    return math.log((1.0 - error) / error) + math.log(classes - 1)


def tally(
    voters: list[Voter], x: NDArray[Any], classes: NDArray[Any], *, soft: bool
) -> NDArray[np.float64]:
    """The votes' weighted mean, (n, K), rows of sum 1; equal votes where none has any."""
    votes = np.array([voter.vote for voter in voters])
    votes = votes / votes.sum() if votes.sum() > 0 else np.full(len(votes), 1.0 / len(votes))
    total = np.zeros((len(x), len(classes)))
    for voter, vote in zip(voters, votes, strict=True):
        total += vote * shares(voter.learner, x, classes, soft=soft, flipped=voter.flipped)
    return total


def decided(proba: NDArray[np.float64], classes: NDArray[Any]) -> NDArray[Any]:
    """The class of the largest share; of two, the last on a tie, as Dai et al. decide."""
    if len(classes) == 2:
        return np.asarray(classes[(proba[:, 1] >= 0.5).astype(np.int64)])
    return np.asarray(classes[proba.argmax(axis=1)])


def last_half(count: int) -> int:
    """Position of the first of the rounds ceil(N/2)..N, counted from 0."""
    return math.ceil(count / 2) - 1
