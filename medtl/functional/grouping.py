"""Groups that were found without labels, set against labels that are known: agreement, and what chance gives."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score, silhouette_score

from medtl.functional.standardise import standardised

OUTSIDE = -1
"""Rows that density clustering leaves outside every group."""


@dataclass(frozen=True)
class Agreement:
    """How well groups agree with known labels.

    Attributes:
        ari: adjusted Rand index, 0 in the mean by chance.
        nmi: normalised mutual information.
        purity: share of rows whose label is their group's most frequent one.
        null_nmi: mean of ``nmi`` over permutations.
        null_purity: mean of ``purity`` over permutations.
        p_value: share of permutations, and the groups as they are, with at least this ``ari``.
    """

    ari: float
    nmi: float
    purity: float
    null_nmi: float
    null_purity: float
    p_value: float


def purity(groups: NDArray[np.integer], labels: NDArray[np.generic]) -> float:
    """Share of rows whose label is the most frequent one of their group."""
    _, codes = np.unique(labels, return_inverse=True)
    hits = sum(int(np.bincount(codes[groups == g]).max()) for g in np.unique(groups))
    return hits / len(groups)


def agreement(
    groups: NDArray[np.integer], labels: NDArray[np.generic], *, blocks: Sequence[str] | None = None,
    draws: int = 200, seed: int = 0,
) -> Agreement:
    """Groups against labels, beside what permuted groups give.

    Args:
        groups: a number per row, (n,).
        labels: whatever is known, (n,).
        blocks: rows of one block (a patient) keep together: blocks of one size exchange their groups; None for rows.
        draws: permutations.
        seed: of the permutations.
    """
    random = np.random.default_rng(seed)
    found = (adjusted_rand_score(labels, groups), normalized_mutual_info_score(labels, groups), purity(groups, labels))
    null = []
    for _ in range(draws):
        moved = _permuted(groups, blocks, random)
        null.append((adjusted_rand_score(labels, moved), normalized_mutual_info_score(labels, moved),
                     purity(moved, labels)))
    drawn = np.array(null) if null else np.zeros((0, 3))
    at_least = int((drawn[:, 0] >= found[0] - 1e-12).sum())
    means = drawn.mean(axis=0) if draws else np.zeros(3)
    return Agreement(
        float(found[0]), float(found[1]), float(found[2]), float(means[1]), float(means[2]),
        (1 + at_least) / (1 + draws),
    )


def _permuted(
    groups: NDArray[np.integer], blocks: Sequence[str] | None, random: np.random.Generator
) -> NDArray[np.integer]:
    if blocks is None:
        return random.permutation(groups)
    rows_of: dict[str, list[int]] = {}
    for row, name in enumerate(blocks):
        rows_of.setdefault(name or f"\tunknown {row}", []).append(row)
    by_size: dict[int, list[list[int]]] = {}
    for rows in rows_of.values():
        by_size.setdefault(len(rows), []).append(rows)
    moved = groups.copy()
    for members in by_size.values():
        for target, source in zip(members, random.permutation(len(members)), strict=True):
            moved[target] = groups[members[source]]
    return moved


def axes(features: NDArray[np.floating], most: int = 32) -> NDArray[np.float64]:
    """Standardised features on their leading principal axes, scaled to length 1 in the mean.

    Args:
        features: (n, d).
        most: axes at most.
    """
    x = standardised(features)
    count = min(most, len(x) - 1, x.shape[1])
    found = PCA(count, random_state=0).fit_transform(x)
    return np.asarray(found / max(float(np.sqrt((found * found).sum(axis=1).mean())), 1e-12))


def density_groups(rows: NDArray[np.float64], least: int) -> NDArray[np.int64]:
    """HDBSCAN's groups, numbered by size; rows of no group are ``OUTSIDE``.

    Args:
        rows: of :func:`axes`.
        least: rows of a group.

    Reference:
        Campello, Moulavi & Sander 2013, "Density-Based Clustering Based on Hierarchical Density Estimates".
    """
    return _by_size(HDBSCAN(min_cluster_size=least, min_samples=max(2, least // 2), copy=True).fit_predict(rows))


def mean_groups(rows: NDArray[np.float64], count: int | None = None, *, most: int = 8, seed: int = 0
                ) -> NDArray[np.int64]:
    """k-means' groups, numbered by size; without a count the one from 2 to ``most`` with the largest silhouette.

    Args:
        rows: of :func:`axes`.
        count: of groups.
        most: tried at most.
        seed: of the starts.
    """
    tried = [count] if count is not None else list(range(2, min(most, len(rows) - 1) + 1))
    best, found = -np.inf, np.zeros(len(rows), dtype=np.int64)
    for k in tried:
        groups = KMeans(k, n_init=10, random_state=seed).fit_predict(rows)
        worth = silhouette_score(rows, groups) if len(np.unique(groups)) > 1 else -1.0
        if worth > best:
            best, found = worth, groups
    return _by_size(found)


def _by_size(groups: NDArray[np.integer]) -> NDArray[np.int64]:
    names, counts = np.unique(groups[groups != OUTSIDE], return_counts=True)
    place = {int(name): rank for rank, name in enumerate(names[np.argsort(-counts, kind="stable")])}
    return np.array([place.get(int(g), OUTSIDE) for g in groups], dtype=np.int64)
