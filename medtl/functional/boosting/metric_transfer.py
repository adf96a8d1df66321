"""Metric transfer: a distance that keeps classes apart in both domains, learned with weights of source rows."""
from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

from medtl.functional.standardise import location_and_scale, squared_distances


class MetricTransfer(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    r"""Learns A and w in turn, and answers by the nearest neighbour under M = A'A.

    Minimises tr(A'A) + pull \|w - w0\|² + pairs / N² Σ_ij δ_ij w_i w_j \|A(x_i - x_j)\|² + hold · (Σ min(0, w)² +
    (Σ w - n)² / n) over all N labelled rows; w are the n source weights, target weights are 1; w0 a clipped
    density ratio; δ is 1 within a class and minus (same pairs / different pairs) between. Gradient steps with
    backtracking on A and on w in turn, so that the objective never rises. Three things are ours: rows are projected to
    their first principal axes; \|A\| is put back to its start after each step, since only ratios of distances count and
    the objective has no lower bound in A; source rows whose weight ends at or below 0 are no neighbours.

    Args:
        width: principal axes, at most; A is square.
        pull: factor of the distance to w0.
        pairs: factor of the pairs' term.
        hold: factor of the penalty on weights.
        clip: w0 lies within [1 / clip, clip] before scaling to mean 1.
        steps: alternations, at most.
        tolerance: relative fall of the objective that counts as none.

    Attributes:
        classes_: sorted labels.
        map_: from features to the space of A, (r, d): subtract ``mean_`` before.
        mean_: (d,).
        metric_: A, (r, r).
        weights_: of source rows.
        start_: w0.
        objective_: after each alternation.
        places_: the neighbours under A, (k, r).
        place_labels_: their labels.

    Reference:
        Xu et al. 2017, "A Unified Framework for Metric Transfer Learning".
    """

    def __init__(
        self, *, width: int = 16, pull: float = 1.0, pairs: float = 1.0, hold: float = 10.0, clip: float = 5.0,
        steps: int = 30, tolerance: float = 1e-4,
    ) -> None:
        self.width = width
        self.pull = pull
        self.pairs = pairs
        self.hold = hold
        self.clip = clip
        self.steps = steps
        self.tolerance = tolerance

    def fit(self, Xs: Any, ys: Any, Xt: Any, yt: Any) -> MetricTransfer:
        """Learns.

        Args:
            Xs: source features, (n, d).
            ys: their labels, (n,).
            Xt: target features, (m, d).
            yt: their labels, (m,).
        """
        raw = np.concatenate([np.asarray(Xs, dtype=np.float64), np.asarray(Xt, dtype=np.float64)])
        labels = np.concatenate([np.asarray(ys), np.asarray(yt)])
        self.classes_ = np.unique(labels)
        n = len(Xs)
        self.mean_, scale = location_and_scale(raw)
        _, s, vt = np.linalg.svd((raw - self.mean_) / scale, full_matrices=False)
        kept = (s > 1e-9 * max(float(s[0]), 1e-300)) & (np.arange(len(s)) < self.width)
        # rows of unit mean square in the kept space, so that the factors do not depend on the number of features
        self.map_ = vt[kept] / scale / max(float(np.sqrt((s[kept] ** 2).sum() / len(raw))), 1e-300)
        x = (raw - self.mean_) @ self.map_.T
        delta = pair_signs(labels)
        self.start_ = self._ratio(x[:n], x[n:])
        w, a = self.start_.copy(), np.eye(x.shape[1])
        norm = float(np.linalg.norm(a))
        self.objective_ = [self.objective(a, w, x, delta)]
        for _ in range(self.steps):
            slope = self.slopes(a, w, x, delta)[0]
            a = self._down(
                lambda t, a=a, g=slope: _scaled(a - t * g, norm), lambda b, w=w: self.objective(b, w, x, delta), a
            )
            slope = self.slopes(a, w, x, delta)[1]
            w = self._down(lambda t, w=w, g=slope: w - t * g, lambda v, a=a: self.objective(a, v, x, delta), w)
            self.objective_.append(self.objective(a, w, x, delta))
            if self.objective_[-2] - self.objective_[-1] <= self.tolerance * abs(self.objective_[-2]):
                break
        self.metric_, self.weights_ = a, w
        used = np.concatenate([w > 0, np.ones(len(x) - n, dtype=bool)])
        self.places_, self.place_labels_ = x[used] @ a.T, labels[used]
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Classes of the nearest neighbours, (n,)."""
        at = (np.asarray(X, dtype=np.float64) - self.mean_) @ self.map_.T @ self.metric_.T
        return np.asarray(self.place_labels_[squared_distances(at, self.places_).argmin(axis=1)])

    def objective(
        self, a: NDArray[np.float64], w: NDArray[np.float64], x: NDArray[np.float64], delta: NDArray[np.float64]
    ) -> float:
        """What is minimised, at A and the source weights.

        Args:
            a: A, (r, r).
            w: source weights, (n,).
            x: all rows in the space of A, source first, (N, r).
            delta: signs of pairs, (N, N).
        """
        n, every = len(w), np.concatenate([w, np.ones(len(x) - len(w))])
        mapped = x @ a.T
        apart = float(every @ (delta * squared_distances(mapped, mapped)) @ every)
        kept = float((np.minimum(w, 0.0) ** 2).sum()) + (float(w.sum()) - n) ** 2 / n
        return float((a * a).sum()) + self.pull * float(((w - self.start_) ** 2).sum()) + (
            self.pairs / len(x) ** 2 * apart + self.hold * kept
        )

    def slopes(
        self, a: NDArray[np.float64], w: NDArray[np.float64], x: NDArray[np.float64], delta: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Gradients of the objective in A and in w."""
        n, every = len(w), np.concatenate([w, np.ones(len(x) - len(w))])
        pair = delta * np.outer(every, every)
        scatter = 2.0 * x.T @ (np.diag(pair.sum(axis=1)) - pair) @ x
        factor = self.pairs / len(x) ** 2
        mapped = x @ a.T
        of_w = 2.0 * factor * ((delta * squared_distances(mapped, mapped)) @ every)[:n]
        of_w = of_w + 2.0 * self.pull * (w - self.start_) + 2.0 * self.hold * (np.minimum(w, 0.0) + (w.sum() - n) / n)
        return np.asarray(2.0 * a + 2.0 * factor * a @ scatter), np.asarray(of_w)

    def _down(self, step: Any, loss: Any, now: NDArray[np.float64]) -> NDArray[np.float64]:
        """The first of halved steps that lowers the objective; none if none does."""
        before = loss(now)
        for halvings in range(30):
            new: NDArray[np.float64] = step(0.5**halvings)
            if loss(new) < before:
                return new
        return now

    def _ratio(self, source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
        """Clipped odds of being target, of source rows, mean 1."""
        domain = np.repeat([0, 1], [len(source), len(target)])
        model = LogisticRegression(class_weight="balanced", max_iter=1000).fit(np.concatenate([source, target]), domain)
        odds = np.exp(np.clip(model.decision_function(source), -np.log(self.clip), np.log(self.clip)))
        return np.asarray(odds / odds.mean())


def pair_signs(labels: NDArray[Any]) -> NDArray[np.float64]:
    """1 for pairs of a class, minus (same pairs / different pairs) for others, 0 for a row with itself, (N, N)."""
    same = (labels[:, None] == labels[None, :]).astype(np.float64)
    np.fill_diagonal(same, 0.0)
    other = (labels[:, None] != labels[None, :]).astype(np.float64)
    return np.asarray(same - other * (same.sum() / max(float(other.sum()), 1.0)))


def _scaled(a: NDArray[np.float64], norm: float) -> NDArray[np.float64]:
    return np.asarray(a * (norm / max(float(np.linalg.norm(a)), 1e-300)))
