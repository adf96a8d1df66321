"""Heads on a few coordinates: logistic regression, shrinkage LDA, support vector machines, ridge regression."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

Kind = Literal["logistic", "lda", "svm", "rbf", "ridge"]

STRENGTHS: dict[str, tuple[float, ...]] = {
    "logistic": (1.0, 10.0, 100.0),
    "lda": (0.0,),
    "svm": (0.1, 1.0, 10.0),
    "rbf": (1.0, 3.0, 10.0),
    "ridge": (1.0, 10.0, 100.0),
}
"""Inverse penalties to choose from where rows have length 1 in the mean; LDA's 0 is Ledoit and Wolf's shrinkage."""
GAMMA = 1.0
"""Of the Gaussian kernel where rows have length 1 in the mean: sklearn's ``scale``."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LinearMachine:
    """Outputs z W' + b.

    Attributes:
        weight: (outputs, r).
        bias: (outputs,).
    """

    weight: Array
    bias: Array

    def __call__(self, z: Array) -> Array:
        """(n, r) to (n, outputs)."""
        return np.asarray(z @ self.weight.T + self.bias)


@dataclass(frozen=True)
class KernelMachine:
    """Outputs exp(-gamma |z - v|²) W + b.

    Attributes:
        vectors: support vectors, (m, r).
        weight: (m, outputs).
        bias: (outputs,).
        gamma: of the kernel.
    """

    vectors: Array
    weight: Array
    bias: Array
    gamma: float

    def __call__(self, z: Array) -> Array:
        """(n, r) to (n, outputs)."""
        squared = (z * z).sum(axis=1)[:, None] + (self.vectors * self.vectors).sum(axis=1) - 2.0 * z @ self.vectors.T
        return np.asarray(np.exp(-self.gamma * np.maximum(squared, 0.0)) @ self.weight + self.bias)


Machine = LinearMachine | KernelMachine


def fit_machine(
    kind: Kind, z: Array, y: NDArray[np.float64], weights: Array, *, strength: float, classes: int, width: int,
    products: Array | None = None,
) -> Machine:
    """Fits one head.

    With two classes the outputs are (-m/2, m/2), so that their softmax is the sigmoid of the margin m; with more, one
    margin per class against the others (LDA and logistic regression: their own logits).

    Args:
        kind: of head.
        z: rows, of length 1 in the mean, (n, r).
        y: class numbers, all ``classes`` of them present; values where ``classes`` is 0.
        weights: of rows, mean 1, (n,).
        strength: inverse penalty; for LDA the shrinkage in (0, 1], or 0 for Ledoit and Wolf's.
        classes: K, or 0 for a regression, which only ``ridge`` does.
        width: of the features that z is a rotation of; LDA shrinks to a multiple of the identity of that size.
        products: inner products of the rows, (n, n), where they are at hand; support vector machines read them.
    """
    if classes == 0:
        if kind != "ridge":
            raise ValueError(f"{kind} is for classes; ridge is for values")
        return _ridge(z, y[:, None], weights, strength)
    codes = y.astype(np.int64)
    if kind == "logistic":
        return _logistic(z, codes, weights, strength, classes)
    if kind == "lda":
        return _lda(z, codes, weights, strength, classes, width)
    if kind == "ridge":
        signs = np.where(codes[:, None] == np.arange(classes), 1.0, -1.0)
        if classes == 2:
            margin = _ridge(z, signs[:, 1:], weights, strength)
            return _halves(margin.weight, margin.bias)
        return _ridge(z, signs, weights, strength)
    return _svm(z, codes, weights, strength, classes, z @ z.T if products is None else products, rbf=kind == "rbf")


def ledoit_wolf(z: Array, width: int) -> float:
    """Ledoit and Wolf's shrinkage of the covariance of rows, of which z is a rotation into fewer columns.

    Args:
        z: centred rows, (n, r).
        width: of the rows before rotating, at least r.

    Reference:
        Ledoit & Wolf 2004, "A well-conditioned estimator for large-dimensional covariance matrices".
    """
    n = len(z)
    covariance = z.T @ z / n if z.shape[1] <= n else z @ z.T / n  # of either, the norm and the trace are the same
    squares = float((covariance**2).sum())
    mean = float(np.trace(covariance)) / width
    delta = (squares - width * mean**2) / width
    beta = (float(((z * z).sum(axis=1) ** 2).sum()) / n - squares) / (n * width)
    return 0.0 if delta <= 0 else float(np.clip(beta / delta, 0.0, 1.0))


def _logistic(z: Array, codes: NDArray[np.int64], weights: Array, strength: float, classes: int) -> LinearMachine:
    model = LogisticRegression(C=strength, max_iter=5000, tol=1e-7).fit(z, codes, sample_weight=weights)
    if classes == 2:
        return _halves(model.coef_, model.intercept_)
    return LinearMachine(np.asarray(model.coef_), np.asarray(model.intercept_))


def _lda(
    z: Array, codes: NDArray[np.int64], weights: Array, shrinkage: float, classes: int, width: int
) -> LinearMachine:
    means = np.stack([np.average(z[codes == c], axis=0, weights=weights[codes == c]) for c in range(classes)])
    within = (z - means[codes]) * np.sqrt(weights / weights.mean())[:, None]
    share = shrinkage or ledoit_wolf(within, width)
    covariance = within.T @ within / len(z)
    unit = max(float(np.trace(covariance)) / width, 1e-12)
    shrunk = (1.0 - share) * covariance + max(share, 1e-6) * unit * np.eye(z.shape[1])
    weight = np.linalg.solve(shrunk, means.T).T
    counts = np.array([weights[codes == c].sum() for c in range(classes)])
    bias = -0.5 * (weight * means).sum(axis=1) + np.log(counts / counts.sum())
    if classes == 2:
        return _halves(weight[1:] - weight[:1], bias[1:] - bias[:1])
    return LinearMachine(weight, bias)


def _ridge(z: Array, y: Array, weights: Array, strength: float) -> LinearMachine:
    share = weights / weights.sum()
    centre, level = share @ z, share @ y
    x, t = z - centre, y - level
    root = np.sqrt(weights)[:, None]
    a, b = x * root, t * root
    if a.shape[1] <= len(a):
        weight = np.linalg.solve(a.T @ a + np.eye(a.shape[1]) / strength, a.T @ b).T
    else:
        weight = (a.T @ np.linalg.solve(a @ a.T + np.eye(len(a)) / strength, b)).T
    return LinearMachine(weight, level - weight @ centre)


def _svm(
    z: Array, codes: NDArray[np.int64], weights: Array, strength: float, classes: int, gram: Array, *, rbf: bool
) -> Machine:
    one_against_rest = [1] if classes == 2 else list(range(classes))
    if rbf:
        norms = np.diag(gram)
        gram = np.exp(-GAMMA * np.maximum(norms[:, None] + norms[None, :] - 2.0 * gram, 0.0))
    fitted = [SVC(C=strength, kernel="precomputed").fit(gram, codes == c, sample_weight=weights)
              for c in one_against_rest]
    if not rbf:
        weight = np.concatenate([model.dual_coef_ @ z[model.support_] for model in fitted])
        bias = np.concatenate([model.intercept_ for model in fitted])
        return _halves(weight, bias) if classes == 2 else LinearMachine(weight, bias)
    used = np.unique(np.concatenate([model.support_ for model in fitted]))
    weight = np.zeros((len(used), len(fitted)))
    for column, model in enumerate(fitted):
        weight[np.searchsorted(used, model.support_), column] = model.dual_coef_[0]
    bias = np.concatenate([model.intercept_ for model in fitted])
    if classes == 2:
        weight, bias = weight @ np.array([[-0.5, 0.5]]), bias @ np.array([[-0.5, 0.5]])
    return KernelMachine(z[used], weight, bias, GAMMA)


def _halves(weight: Array, bias: Array) -> LinearMachine:
    return LinearMachine(np.concatenate([-0.5 * weight, 0.5 * weight]), np.concatenate([-0.5 * bias, 0.5 * bias]))
