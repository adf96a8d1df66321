"""Folds of patients for validation on few labels, and what a held-out answer costs."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def grouped_folds(
    labels: NDArray[np.float64], patients: Sequence[str], *, folds: int, classes: int, seed: int
) -> NDArray[np.int64] | None:
    """A fold per row: no patient in two, every class in each as far as it goes.

    Rows without a patient are cut into contiguous blocks of their class in the order given, since neighbours may be of
    one patient; where a block begins is drawn.

    Args:
        labels: class numbers or values, (n,).
        patients: whose each row is; empty where unknown, (n,).
        folds: wanted; fewer where a class has fewer patients.
        classes: K; 0 for values.
        seed: of the draw.

    Returns:
        (n,), or None where some class has fewer than two patients.
    """
    draw = np.random.default_rng(seed)
    strata = np.zeros(len(labels), dtype=np.int64) if classes == 0 else labels.astype(np.int64)
    names = np.array([name or f"\tunknown {row}" for row, name in enumerate(patients)])
    first = {name: row for row, name in reversed(list(enumerate(names.tolist())))}
    least = min(
        (len({names[row] for row in np.flatnonzero(strata == c)}) for c in range(max(classes, 1))), default=0
    )
    folds = min(folds, least)
    if folds < 2:
        return None
    of: dict[str, int] = {}
    for c in np.unique(strata):
        mine = [name for name, row in sorted(first.items(), key=lambda pair: pair[1]) if strata[row] == c]
        known = [name for name in mine if not name.startswith("\t")]
        unknown = [name for name in mine if name.startswith("\t")]
        start = int(draw.integers(folds))
        for place, chosen in enumerate(draw.permutation(len(known))):
            of[known[chosen]] = (start + place) % folds
        shift = int(draw.integers(max(1, len(unknown))))
        for place, name in enumerate(unknown):
            of[name] = ((place + shift) % len(unknown)) * folds // len(unknown)
    return np.array([of[name] for name in names.tolist()], dtype=np.int64)


def held_out_losses(
    said: NDArray[np.float64], labels: NDArray[np.float64], fold: NDArray[np.int64], classes: int
) -> NDArray[np.float64]:
    """What each row's held-out answer costs.

    Two classes: the share of rows of the other class in its fold that it is ranked wrongly against (ties count half),
    so that the mean over a class is one minus the AUROC within folds. More: 1 where the largest output is of another
    class. Values: the squared error.

    Args:
        said: held-out outputs, (n, outputs).
        labels: class numbers or values, (n,).
        fold: of each row.
        classes: K; 0 for values.

    Returns:
        (n,), NaN where a row's fold has no row of the other class.
    """
    if classes == 0:
        return np.asarray((said[:, 0] - labels) ** 2)
    if classes > 2:
        return np.asarray((said.argmax(axis=1) != labels.astype(np.int64)).astype(np.float64))
    margin = said[:, 1] - said[:, 0]
    positive = labels == 1
    out = np.full(len(labels), np.nan)
    for k in np.unique(fold):
        one, other = np.flatnonzero((fold == k) & positive), np.flatnonzero((fold == k) & ~positive)
        if not len(one) or not len(other):
            continue
        gap = margin[one][:, None] - margin[other][None, :]
        wrong = np.where(np.abs(gap) <= 1e-12, 0.5, (gap < 0).astype(np.float64))
        out[one], out[other] = wrong.mean(axis=1), wrong.mean(axis=0)
    return out


def mean_and_error(
    losses: NDArray[np.float64], labels: NDArray[np.float64], patients: Sequence[str], classes: int
) -> tuple[float, float]:
    """The mean loss, each class counting alike, and its standard error over patients.

    Args:
        losses: per row, NaN where there is none, (n,).
        labels: class numbers or values, (n,).
        patients: whose each row is; empty where unknown.
        classes: K; 0 for values.
    """
    names = np.array([name or f"\tunknown {row}" for row, name in enumerate(patients)])
    strata = np.zeros(len(labels)) if classes == 0 else labels
    means, variances = [], []
    for c in np.unique(strata):
        rows = np.flatnonzero((strata == c) & ~np.isnan(losses))
        if not len(rows):
            continue
        _, of = np.unique(names[rows], return_inverse=True)
        sizes = np.bincount(of)
        mean = float(losses[rows].mean())
        sums = np.bincount(of, weights=losses[rows] - mean)
        count = len(sizes)
        means.append(mean)
        variances.append(float((sums**2).sum()) / len(rows) ** 2 * (count / (count - 1) if count > 1 else 1.0))
    return float(np.mean(means)), float(np.sqrt(np.sum(variances)) / len(means))
