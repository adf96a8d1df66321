"""TrAdaBoost, and its form with several sources: source rows that mislead lose weight, hard target rows gain it."""
from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from medtl.functional.boosting.learners import (
    Error,
    Vote,
    Voter,
    decided,
    fitted,
    last_half,
    log_odds,
    shares,
    tally,
    wrongness,
)

Correction = Literal["none", "dynamic"]
AtChance = Literal["stop", "flip", "clip"]


class TrAdaBoost(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    r"""Boosts over source and labelled target rows together; the error that counts is the target's.

    With p = w / Σw and e_t the mean of \|h_t - y\| over target rows under p: β_t = e_t / (1 - e_t),
    β = 1 / (1 + √(2 ln n / N)); source weights are multiplied by β^\|h_t - y\|, target weights by β_t^-\|h_t - y\|. The
    answer is the vote of the rounds ceil(N/2)..N, each with log 1 / β_t. With K classes log(K - 1) is added to each
    vote and the chance level is 1 - 1/K. Where rounds stop early, N in the last half is the number of rounds kept;
    where the first round is at chance already, its learner answers alone. Errors below 1e-10 count as 1e-10.

    Args:
        base: learner with ``sample_weight``, given weights of mean 1; logistic regression if None.
        rounds: N, at least 1.
        error: ``hard`` counts wrong answers; ``soft`` is 1 - P(true class), which needs ``predict_proba``.
        correction: ``dynamic`` multiplies all source weights by the factor by which the target's mass grew (K (1 - e)
            with hard errors), since it otherwise drifts to zero.
        at_chance: what happens at e ≥ 1 - 1/K: ``stop``, ``flip`` the learner (two classes; its source errors flip
            too), or ``clip`` e to just below, which leaves the round without a vote.
        vote: ``hard`` votes are the paper's; ``soft`` ones are probabilities, and give finer scores.

    Attributes:
        classes_: sorted labels.
        voters_: rounds kept, in order.
        first_: position of the first that votes.
        weights_: p of each round, source rows first, and of the round that did not come.

    Reference:
        Dai et al. 2007, "Boosting for Transfer Learning", figure 1; Al-Stouhi & Reddy 2011, "Adaptive Boosting for
        Transfer Learning using Dynamic Updates", for the correction.
    """

    def __init__(
        self, base: Any = None, *, rounds: int = 10, error: Error = "hard", correction: Correction = "none",
        at_chance: AtChance = "stop", vote: Vote = "hard",
    ) -> None:
        self.base = base
        self.rounds = rounds
        self.error = error
        self.correction = correction
        self.at_chance = at_chance
        self.vote = vote

    def fit(self, Xs: Any, ys: Any, Xt: Any, yt: Any) -> TrAdaBoost:
        """Boosts.

        Args:
            Xs: source features, (n, d).
            ys: their labels, (n,).
            Xt: target features, (m, d).
            yt: their labels, (m,).
        """
        self._boost(Xs, ys, Xt, yt, np.zeros(len(Xs), dtype=np.int64))
        self.first_ = last_half(len(self.voters_))
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Shares of the votes, (n, K)."""
        return tally(self.voters_[self.first_:], np.asarray(X), self.classes_, soft=self.vote == "soft")

    def predict(self, X: Any) -> NDArray[Any]:
        """Classes, (n,)."""
        return decided(self.predict_proba(X), self.classes_)

    def _boost(self, Xs: Any, ys: Any, Xt: Any, yt: Any, source: NDArray[np.int64]) -> None:
        """All rounds; ``source`` numbers the source of each source row."""
        x = np.concatenate([np.asarray(Xs), np.asarray(Xt)])
        y = np.concatenate([np.asarray(ys), np.asarray(yt)])
        n = len(source)
        self.classes_, truth = np.unique(y, return_inverse=True)
        classes = len(self.classes_)
        if classes < 2:
            raise ValueError("labels are all of one class")
        if self.at_chance == "flip" and classes > 2:
            raise ValueError("at_chance='flip' is for two classes")
        chance = 1.0 - 1.0 / classes
        shrink = math.log1p(math.sqrt(2.0 * math.log(n) / self.rounds))  # -log β
        log_w = np.zeros(len(x))
        self.voters_: list[Voter] = []
        self.weights_: list[NDArray[np.float64]] = []
        for _ in range(self.rounds):
            p = np.exp(log_w - log_w.max())
            p = p / p.sum()
            self.weights_.append(p)
            voter, wrong = self._best(x, y, truth, p, source)
            error = voter.error
            if error >= chance and self.at_chance == "flip" and error > chance:
                error, wrong = 1.0 - error, 1.0 - wrong
                voter = Voter(voter.learner, 0.0, error, True, voter.source)
            if error >= chance:
                if self.at_chance != "clip":
                    if not self.voters_:
                        self.voters_.append(Voter(voter.learner, 1.0, error, voter.flipped, voter.source))
                    return
                error = chance - 1e-10
            vote = log_odds(error, classes)
            self.voters_.append(Voter(voter.learner, vote, error, voter.flipped, voter.source))
            log_w[:n] -= shrink * wrong[:n]
            if self.correction == "dynamic":
                target = p[n:] / p[n:].sum()
                log_w[:n] += math.log(float((target * np.exp(vote * wrong[n:])).sum()))
            log_w[n:] += vote * wrong[n:]
        p = np.exp(log_w - log_w.max())
        self.weights_.append(p / p.sum())

    def _best(
        self, x: NDArray[Any], y: NDArray[Any], truth: NDArray[np.int64], p: NDArray[np.float64],
        source: NDArray[np.int64],
    ) -> tuple[Voter, NDArray[np.float64]]:
        """The candidate with the lowest error on the target, the first of equals; and where it is wrong."""
        n = len(source)
        best: tuple[Voter, NDArray[np.float64]] | None = None
        for number in range(int(source.max()) + 1):
            rows = np.concatenate([source == number, np.ones(len(x) - n, dtype=bool)])
            learner = fitted(self.base, x[rows], y[rows], p[rows])
            wrong = wrongness(
                shares(learner, x, self.classes_, soft=self.error == "soft", flipped=False), truth
            )
            error = float((p[n:] * wrong[n:]).sum() / p[n:].sum())
            if best is None or error < best[0].error:
                best = Voter(learner, 0.0, error, source=number), wrong
        assert best is not None
        return best


class MultiSourceTrAdaBoost(TrAdaBoost):
    r"""TrAdaBoost with several sources: each round fits one candidate per source, on it and the target, and takes the
    best on the target; its errors update all weights, and all rounds vote.

    Args and attributes as :class:`TrAdaBoost`; in β, n counts the rows of all sources.

    Attributes:
        sources_: names of the sources; ``voters_[t].source`` is the position of the one that round t took.

    Reference:
        Yao & Doretto 2010, "Boosting for Transfer Learning with Multiple Sources", algorithm 1.
    """

    def fit(self, Xs: Any, ys: Any, Xt: Any, yt: Any, sources: Any = None) -> MultiSourceTrAdaBoost:
        """Boosts.

        Args:
            Xs: source features, (n, d).
            ys: their labels, (n,).
            Xt: target features, (m, d).
            yt: their labels, (m,).
            sources: name of each source row's source, (n,); one source if None.
        """
        names = np.zeros(len(Xs), dtype=np.int64) if sources is None else np.asarray(sources)
        self.sources_, source = np.unique(names, return_inverse=True)
        self._boost(Xs, ys, Xt, yt, source)
        self.first_ = 0
        return self
