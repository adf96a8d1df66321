"""Transfer components: directions of a kernel's space along which both domains vary, and do not differ in mean."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
EXACT_LIMIT = 5000
"""Rows above which kernels are approximated by landmarks."""


def transfer_components(kernel: Matrix, source: int, mu: float, count: int) -> tuple[Matrix, NDArray[np.float64]]:
    r"""The leading solutions of :math:`K H K w = \lambda (I + \mu K L K) w`.

    H centres; L = l l' with l = 1/n on source rows and -1/m on target rows, so that w'KLKw is the squared difference of
    the domains' means along w. Columns have length 1 in the right matrix, and their entry of largest size is positive.

    Args:
        kernel: of all rows, the source's first, symmetric, (n + m, n + m).
        source: how many rows are the source's.
        mu: how much a difference of means costs beside variance, at least 0.
        count: of components.

    Returns:
        Weights W, (n + m, count), best first, and their eigenvalues, (count,). Rows map to K W.

    Reference:
        Pan et al. 2009, "Domain Adaptation via Transfer Component Analysis" (IJCAI). The later paper (2011)
        has the factor on the identity instead: its mu is one over this one.
    """
    apart = _apart(len(kernel), source)
    centred = kernel - kernel.mean(axis=0)  # H K
    along = kernel @ apart
    values, weights = scipy.linalg.eigh(
        _symmetric(centred.T @ centred), np.eye(len(kernel)) + mu * np.outer(along, along),
        subset_by_index=[max(0, len(kernel) - count), len(kernel) - 1],
    )
    return _signed(weights[:, ::-1]), values[::-1]


def landmark_components(features: Matrix, source: int, mu: float, count: int) -> tuple[Matrix, NDArray[np.float64]]:
    """The same for a kernel given as features times their transpose, by an eigenproblem of the features' width.

    Args:
        features: Φ with K = Φ Φ', (n + m, r).
        source: how many rows are the source's.
        mu: as in :func:`transfer_components`.
        count: of components, at most the rank of Φ.

    Returns:
        Weights V, (r, count): rows map to Φ V, which is K W; and the eigenvalues.
    """
    left, sizes, right = np.linalg.svd(features, full_matrices=False)
    keep = sizes > sizes[0] * 1e-8
    rows, sizes = left[:, keep] * sizes[keep], sizes[keep]  # Φ in the basis of its own span
    centred = rows - rows.mean(axis=0)
    along = rows.T @ _apart(len(rows), source)
    values, weights = scipy.linalg.eigh(
        _symmetric(centred.T @ centred), np.diag(sizes**-2) + mu * np.outer(along, along),
        subset_by_index=[max(0, len(sizes) - count), len(sizes) - 1],
    )
    return _signed(right[keep].T @ weights[:, ::-1]), values[::-1]


@dataclass(frozen=True)
class Components:
    """A fitted map to transfer components.

    Attributes:
        mean: subtracted from the features, (d,).
        scale: divides them then, (d,).
        kernel: ``linear`` or ``rbf``.
        gamma: factor of the linear kernel, or of the squared distance in the Gaussian one.
        landmarks: standardised rows that the kernel is taken with, (r, d).
        weights: (r, components).
        eigenvalues: of the components, best first.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    kernel: Literal["linear", "rbf"]
    gamma: float
    landmarks: Matrix
    weights: Matrix
    eigenvalues: NDArray[np.float64]

    def transform(self, rows: NDArray[Any]) -> Matrix:
        """Rows, (n, d), to components, (n, components), in the order given."""
        standard = (np.asarray(rows, dtype=np.float64) - self.mean) / self.scale
        mapped: Matrix = kernel_matrix(standard, self.landmarks, self.kernel, self.gamma) @ self.weights
        return mapped


def fit_components(
    source: NDArray[Any],
    target: NDArray[Any],
    *,
    count: int,
    mu: float = 1.0,
    kernel: Literal["linear", "rbf"] = "linear",
    gamma: float | None = None,
    landmarks: int = 1000,
    limit: int = EXACT_LIMIT,
    seed: int = 0,
) -> Components:
    """Transfer components of features, standardised over both domains together.

    Args:
        source: (n, d).
        target: (m, d).
        count: of components; at most the rank of the kernel is given.
        mu: how much a difference of means costs beside variance, at least 0.
        kernel: ``linear``, scaled to a mean diagonal of 1, or ``rbf``.
        gamma: of ``rbf``; one over the median squared distance if None.
        landmarks: rows for the approximation.
        limit: rows above which a Gaussian kernel is approximated (Nystroem) with that many random landmarks. The linear
            one is always solved exactly in feature space.
        seed: of the landmarks.

    Returns:
        The fitted map; components are as many as ``count`` or the rank.
    """
    rows = np.concatenate([source, target]).astype(np.float64)
    mean, scale = rows.mean(axis=0), rows.std(axis=0)
    scale = np.where(scale > 1e-12 * max(1.0, float(np.abs(rows).max())), scale, 1.0)
    rows = (rows - mean) / scale
    if kernel == "linear":
        factor = 1.0 / max(float(np.square(rows).sum(axis=1).mean()), np.finfo(np.float64).tiny)
        weights, values = landmark_components(rows * np.sqrt(factor), len(source), mu, count)
        return Components(mean, scale, kernel, 1.0, np.eye(rows.shape[1]), weights * np.sqrt(factor), values)
    if len(rows) <= limit:
        gamma = gamma if gamma is not None else _median_gamma(rows)
        matrix = kernel_matrix(rows, rows, kernel, gamma)
        weights, values = transfer_components(matrix, len(source), mu, min(count, len(rows) - 1))
        return Components(mean, scale, kernel, gamma, rows, weights, values)
    chosen = rows[np.sort(np.random.default_rng(seed).permutation(len(rows))[:landmarks])]
    gamma = gamma if gamma is not None else _median_gamma(chosen)
    sizes, vectors = np.linalg.eigh(kernel_matrix(chosen, chosen, kernel, gamma))
    keep = sizes > sizes[-1] * 1e-10
    root = vectors[:, keep] / np.sqrt(sizes[keep])  # (landmarks, r): K is about C root (C root)'
    weights, values = landmark_components(kernel_matrix(rows, chosen, kernel, gamma) @ root, len(source), mu, count)
    return Components(mean, scale, kernel, gamma, chosen, root @ weights, values)


def kernel_matrix(rows: Matrix, others: Matrix, kernel: Literal["linear", "rbf"], gamma: float) -> Matrix:
    """Kernel values, (n, r).

    Args:
        rows: (n, d).
        others: (r, d).
        kernel: ``linear``: gamma <x, y>; ``rbf``: exp(-gamma |x - y|²).
        gamma: above 0.
    """
    inner: Matrix = rows @ others.T
    if kernel == "linear":
        return gamma * inner
    squared = np.square(rows).sum(axis=1)[:, None] + np.square(others).sum(axis=1) - 2.0 * inner
    values: Matrix = np.exp(-gamma * np.maximum(squared, 0.0))
    return values


def _median_gamma(rows: Matrix) -> float:
    few = rows[:: max(1, len(rows) // 2000)]
    squared = np.square(few).sum(axis=1)[:, None] + np.square(few).sum(axis=1) - 2.0 * few @ few.T
    median = float(np.median(squared[~np.eye(len(few), dtype=bool)])) if len(few) > 1 else 1.0
    return 1.0 / median if median > 1e-12 else 1.0


def _apart(rows: int, source: int) -> NDArray[np.float64]:
    return np.where(np.arange(rows) < source, 1.0 / source, -1.0 / (rows - source))


def _symmetric(matrix: Matrix) -> Matrix:
    return 0.5 * (matrix + matrix.T)


def _signed(columns: Matrix) -> Matrix:
    largest = np.abs(columns).argmax(axis=0)
    signs = np.sign(columns[largest, np.arange(columns.shape[1])])
    return columns * np.where(signs == 0, 1.0, signs)
