"""The closed-form mapping methods as scikit-learn estimators, for people who only have features."""
from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted

from medtl.functional.components import EXACT_LIMIT, fit_components
from medtl.functional.moments import coral_map


class TCA(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Transfer component analysis of features.

    ``TCA().fit(Xs, Xt).transform(X)`` gives the components of any rows, in the order given.

    Args:
        n_components: how many; at most the kernel's rank.
        mu: how much a difference of means costs beside variance (the 2009 form).
        kernel: ``linear`` or ``rbf``.
        gamma: of ``rbf``; one over the median squared distance of standardised features if None.
        landmarks: rows that stand for all others where there are more than ``exact_limit`` (``rbf``).
        exact_limit: largest number of rows for an exact ``rbf`` solution.
        random_state: seed of the landmarks.

    Attributes:
        components_: the fitted map; ``components_.eigenvalues`` are those of the components.

    Reference:
        Pan et al. 2009, "Domain Adaptation via Transfer Component Analysis" (IJCAI).
    """

    def __init__(
        self,
        n_components: int = 32,
        mu: float = 1.0,
        kernel: Literal["linear", "rbf"] = "linear",
        gamma: float | None = None,
        landmarks: int = 1000,
        exact_limit: int = EXACT_LIMIT,
        random_state: int = 0,
    ) -> None:
        self.n_components = n_components
        self.mu = mu
        self.kernel = kernel
        self.gamma = gamma
        self.landmarks = landmarks
        self.exact_limit = exact_limit
        self.random_state = random_state

    def fit(self, X: ArrayLike, Xt: ArrayLike) -> TCA:
        """Finds the components.

        Args:
            X: features of the source, (n, d).
            Xt: features of the target, (m, d).

        Raises:
            ValueError: features of two widths, or not finite.
        """
        source, target = _two(X, Xt)
        self.components_ = fit_components(
            source, target, count=self.n_components, mu=self.mu, kernel=self.kernel, gamma=self.gamma,
            landmarks=self.landmarks, limit=self.exact_limit, seed=self.random_state,
        )
        self.n_features_in_ = source.shape[1]
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Components of rows of either domain, (n, d) to (n, components)."""
        check_is_fitted(self)
        return self.components_.transform(_rows(X, self.n_features_in_))


class CORAL(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Source features whitened and coloured like the target's; fit a classifier on them, use it on the target as is.

    Args:
        ridge: added to the diagonal of both covariances; 1 as in the paper, which standardises features first.
        means: whether mapped rows also take the target's mean.

    Attributes:
        matrix_: (d, d).
        offset_: (d,): rows map to ``X @ matrix_.T + offset_``.

    Reference:
        Sun, Feng & Saenko 2016, "Return of Frustratingly Easy Domain Adaptation", algorithm 1.
    """

    def __init__(self, ridge: float = 1.0, means: bool = False) -> None:
        self.ridge = ridge
        self.means = means

    def fit(self, X: ArrayLike, Xt: ArrayLike) -> CORAL:
        """Finds the map.

        Args:
            X: features of the source, (n, d), n at least 2.
            Xt: features of the target, (m, d), m at least 2.

        Raises:
            ValueError: features of two widths, not finite, or a singular covariance with ``ridge`` 0.
        """
        source, target = _two(X, Xt)
        matrix, offset = coral_map(torch.from_numpy(source), torch.from_numpy(target), self.ridge, self.means)
        self.matrix_, self.offset_ = matrix.numpy(), offset.numpy()
        self.n_features_in_ = source.shape[1]
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Source rows as the target would have them, (n, d) to (n, d)."""
        check_is_fitted(self)
        mapped: NDArray[np.float64] = _rows(X, self.n_features_in_) @ self.matrix_.T + self.offset_
        return mapped


def _two(source: ArrayLike, target: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    first = check_array(source, dtype=np.float64)
    return first, _rows(target, first.shape[1])


def _rows(given: Any, width: int) -> NDArray[np.float64]:
    rows: NDArray[np.float64] = check_array(given, dtype=np.float64)
    if rows.shape[1] != width:
        raise ValueError(f"expected {width} features, as the source has, got {rows.shape[1]}")
    return rows
