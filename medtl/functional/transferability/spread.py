"""H-score and TransRate: how much of the features' spread the labels explain."""
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf_shrinkage


def h_score(features: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Trace of the inverse covariance times the covariance of the class means, the former always shrunk (Ledoit-Wolf).

    Args:
        features: (n, d), n and d in any relation.
        labels: classes, (n,).

    Reference:
        Bao et al. 2019, "An Information-Theoretic Approach to Transferability in Task Transfer Learning"; Ibrahim et
        al. 2021, "Newer is not always better", for the shrinkage.
    """
    x = np.asarray(features, dtype=np.float64)
    x = x - x.mean(axis=0)
    n, d = x.shape
    shrinkage = float(ledoit_wolf_shrinkage(x, assume_centered=True)) if d > 1 else 0.0
    _, s, vt = np.linalg.svd(x, full_matrices=False)
    variances = s**2 / n
    mean_variance = float(variances.sum()) / d
    if mean_variance == 0:
        return 0.0
    shrunk = (1.0 - shrinkage) * variances + shrinkage * mean_variance
    explained = np.zeros(len(s))  # variance of the class means along each axis
    for c in np.unique(labels):
        rows = labels == c
        explained += rows.mean() * (vt @ x[rows].mean(axis=0)) ** 2
    kept = shrunk > 1e-12 * float(shrunk.max())
    return float((explained[kept] / shrunk[kept]).sum())


def transrate(features: NDArray[np.floating], labels: NDArray[np.integer], *, distortion: float = 1e-2) -> float:
    """Coding rate of all features less the mean coding rate within classes: an estimate of mutual information, nats.

    R(Z) = 1/2 log det(I + Z'Z / (n distortion)), of centred features scaled to a mean variance of 1 (ours, so that the
    distortion has a unit). Each class is centred on its own mean, which is ours: centred on the common mean, two equal
    classes on either side of it have the second moment of the whole, and the score cannot see them.

    Args:
        features: (n, d).
        labels: classes, (n,).
        distortion: allowed squared error per feature over its mean variance, above 0.

    Reference:
        Huang et al. 2022, "Frustratingly Easy Transferability Estimation", eq. 6.
    """
    z = np.asarray(features, dtype=np.float64)
    z = z - z.mean(axis=0)
    variance = float((z * z).mean())
    if variance == 0:
        return 0.0
    z = z / np.sqrt(variance)

    def rate(rows: NDArray[np.float64]) -> float:
        squares = np.linalg.svd(rows, compute_uv=False) ** 2
        return 0.5 * float(np.log1p(squares / (len(rows) * distortion)).sum())

    within = 0.0
    for c in np.unique(labels):
        rows = z[labels == c]
        within += len(rows) / len(z) * rate(rows - rows.mean(axis=0))
    return rate(z) - within
