"""Proxy A-distance: how well a classifier tells two sites apart on patients it has not seen."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from medtl.functional.patients import numbered
from medtl.functional.standardise import location_and_scale


@dataclass(frozen=True)
class ProxyDistance:
    """A distance of two sites and its interval.

    Attributes:
        value: 2 (1 - 2 error), clipped to [0, 2].
        low: lower end of the 95 % interval.
        high: upper end.
        error: balanced error on held-out patients.
    """

    value: float
    low: float
    high: float
    error: float


def proxy_a_distance(
    one: NDArray[np.floating], other: NDArray[np.floating], one_patients: Sequence[str], other_patients: Sequence[str],
    *, folds: int = 5, strength: float = 0.1, bootstrap: int = 500, seed: int = 0,
) -> ProxyDistance:
    """2 (1 - 2 err), err the mean of both sites' error rates, each study judged without its patient.

    A logistic regression with equal weight for both sites, on features standardised within the training folds. The
    interval draws patients anew and leaves the classifiers as they are.

    Args:
        one: features of a site, (n, d).
        other: of the other, (m, d).
        one_patients: whose each row is, (n,).
        other_patients: (m,).
        folds: of patients, at least 2.
        strength: inverse penalty of the classifier.
        bootstrap: draws of the interval.
        seed: of folds and draws.

    Raises:
        ValueError: a site with fewer than two patients.

    Reference:
        Ben-David et al. 2007, "Analysis of Representations for Domain Adaptation"; held-out, balanced and clipped here.
    """
    x = np.concatenate([one, other]).astype(np.float64)
    y = np.repeat([0, 1], [len(one), len(other)])
    of_one, of_other = numbered(one_patients), numbered(other_patients)
    counts = int(of_one.max()) + 1, int(of_other.max()) + 1
    if min(counts) < 2:
        raise ValueError(f"each site needs at least two patients, found {counts[0]} and {counts[1]}")
    draw = np.random.default_rng(seed)
    folds = min(folds, *counts)
    fold = np.concatenate([(draw.permutation(c) % folds)[of] for c, of in zip(counts, (of_one, of_other), strict=True)])
    wrong = np.zeros(len(x))
    for k in range(folds):
        out = fold == k
        mean, scale = location_and_scale(x[~out])
        model = LogisticRegression(C=strength, class_weight="balanced", max_iter=1000)
        model.fit((x[~out] - mean) / scale, y[~out])
        wrong[out] = model.predict((x[out] - mean) / scale) != y[out]
    sides = [(wrong[y == 0], of_one, counts[0]), (wrong[y == 1], of_other, counts[1])]
    error = float(np.mean([w.mean() for w, _, _ in sides]))
    drawn = np.zeros(bootstrap)
    for mistakes, of, count in sides:
        sums, sizes = np.bincount(of, mistakes, count), np.bincount(of, minlength=count)
        chosen = draw.integers(0, count, (bootstrap, count))
        drawn += 0.5 * sums[chosen].sum(axis=1) / sizes[chosen].sum(axis=1)
    distances = np.clip(2.0 * (1.0 - 2.0 * drawn), 0.0, 2.0)
    value = float(np.clip(2.0 * (1.0 - 2.0 * error), 0.0, 2.0))
    low, high = (np.quantile(distances, [0.025, 0.975]) if bootstrap else (value, value))
    return ProxyDistance(value, float(low), float(high), error)
