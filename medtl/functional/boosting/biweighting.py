"""Bi-weighting: features that tell classes and agree between domains count more, so do source rows like the target."""
from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

from medtl.functional.boosting.learners import fitted
from medtl.functional.standardise import location_and_scale


class BiWeighting(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    r"""Weighs features and source rows in turn, then fits the base learner on both.

    In common coordinates (standardised over both domains): v_j is the spread of class means over (eps + gap_j), where
    the spread is the square root of the classes' mean squared deviation and the gap is \|weighted source mean - target
    mean\|, both in standard deviations; v is scaled to a mean square of 1. Row weights w are the odds of a logistic
    regression that tells target from source on v-scaled features, clipped and of mean 1. Each step moves w half of the
    way, until v moves by no more than the tolerance. The paper's update could not be read; this form is ours.

    Args:
        base: learner with ``sample_weight``; logistic regression if None.
        eps: added to each gap, above 0.
        clip: row weights lie within [1 / clip, clip] before scaling, above 1.
        strength: inverse penalty of the domain classifier.
        tolerance: largest change of any v_j that counts as none.
        steps: at most so many.

    Attributes:
        features_: v, (d,).
        weights_: w of source rows, mean 1.
        steps_: how many were made.
        mean_: of the common coordinates.
        scale_: of the common coordinates.
        learner_: fitted on v-scaled coordinates.

    Reference:
        After Wan et al. 2011, "Bi-Weighting Domain Adaptation for Cross-Language Text Classification".
    """

    def __init__(
        self, base: Any = None, *, eps: float = 0.1, clip: float = 10.0, strength: float = 0.1,
        tolerance: float = 1e-3, steps: int = 50,
    ) -> None:
        self.base = base
        self.eps = eps
        self.clip = clip
        self.strength = strength
        self.tolerance = tolerance
        self.steps = steps

    def fit(self, Xs: Any, ys: Any, Xt: Any, yt: Any = None) -> BiWeighting:
        """Weighs and fits.

        Args:
            Xs: source features, (n, d).
            ys: their labels, (n,).
            Xt: target features, (m, d).
            yt: their labels, NaN or None where unknown, (m,); labelled rows join the last fit with weight 1.
        """
        xs, xt, y = np.asarray(Xs, dtype=np.float64), np.asarray(Xt, dtype=np.float64), np.asarray(ys)
        self.mean_, self.scale_ = location_and_scale(np.concatenate([xs, xt]))
        a, b = (xs - self.mean_) / self.scale_, (xt - self.mean_) / self.scale_
        w = np.ones(len(a))
        self.features_ = self._relevance(a, y, b, w)
        self.steps_ = 0
        for _ in range(self.steps):
            w = 0.5 * (w + self._ratio(a * self.features_, b * self.features_))
            before, self.features_ = self.features_, self._relevance(a, y, b, w)
            self.steps_ += 1
            if float(np.abs(self.features_ - before).max()) <= self.tolerance:
                break
        self.weights_ = w / w.mean()
        rows, labels, weights = a, y, self.weights_
        if yt is not None:
            known = np.asarray(yt) == np.asarray(yt)
            rows, labels = np.concatenate([a, b[known]]), np.concatenate([y, np.asarray(yt)[known].astype(y.dtype)])
            weights = np.concatenate([weights, np.ones(int(known.sum()))])
        self.learner_ = fitted(self.base, rows * self.features_, labels, weights)
        self.classes_ = self.learner_.classes_
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Classes, (n,)."""
        return np.asarray(self.learner_.predict(self._coordinates(X)))

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probabilities, (n, K)."""
        return np.asarray(self.learner_.predict_proba(self._coordinates(X)))

    def _coordinates(self, X: Any) -> NDArray[np.float64]:
        x = (np.asarray(X, dtype=np.float64) - self.mean_) / self.scale_
        return np.asarray(x * self.features_)

    def _relevance(
        self, a: NDArray[np.float64], y: NDArray[Any], b: NDArray[np.float64], w: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """v for these row weights."""
        centre = np.average(a, axis=0, weights=w)
        between = np.zeros(a.shape[1])
        for c in np.unique(y):
            rows = y == c
            between += w[rows].sum() / w.sum() * (np.average(a[rows], axis=0, weights=w[rows]) - centre) ** 2
        v = np.sqrt(between) / (self.eps + np.abs(centre - b.mean(axis=0)))
        size = float(np.sqrt((v * v).mean()))
        return np.asarray(v / size) if size > 0 else np.ones_like(v)

    def _ratio(self, a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
        """Clipped odds of being target, of source rows, mean 1."""
        x = np.concatenate([a, b]) / np.sqrt(a.shape[1])
        domain = np.repeat([0, 1], [len(a), len(b)])
        model = LogisticRegression(C=self.strength, class_weight="balanced", max_iter=1000).fit(x, domain)
        odds = np.exp(np.clip(model.decision_function(x[: len(a)]), -np.log(self.clip), np.log(self.clip)))
        return np.asarray(odds / odds.mean())
