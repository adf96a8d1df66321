"""Density ratios of two sets of features by a classifier that has not seen the row it weighs."""
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FOLDS = 5


def cross_fitted_ratio(
    source: NDArray[np.floating], target: NDArray[np.floating], folds: int = FOLDS
) -> NDArray[np.float64]:
    r"""w(x) = p_target(x) / p_source(x) at the source's rows, from a logistic regression between the two.

    The rows are cut into folds; a row's ratio comes from a classifier fitted on the other folds, since one fitted on
    the row itself would find it more typical of its own side than it is. With :math:`\hat p` the probability of the
    target, :math:`w = \frac{n_s}{n_t} \frac{\hat p}{1 - \hat p}`, counts being those of the fit. Features are
    standardised over both and the penalty is :math:`\frac{d}{2}\lVert b \rVert^2`, d features, which is our choice.

    Args:
        source: (n, d).
        target: (m, d).
        folds: at least 2; fewer where a side has fewer rows.

    Returns:
        float64, (n,), at least 0; all 1 where a side has fewer than 2 rows.

    Reference:
        Bickel, Brückner & Scheffer 2007, "Discriminative learning for differing training and test distributions", ICML.
    """
    one, other = np.asarray(source, dtype=np.float64), np.asarray(target, dtype=np.float64)
    folds = min(folds, len(one), len(other))
    if folds < 2:
        return np.ones(len(one))
    from sklearn.linear_model import LogisticRegression

    rows = np.concatenate([one, other])
    spread = rows.std(axis=0)
    rows = (rows - rows.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    is_target = np.repeat([0, 1], [len(one), len(other)])
    fold = np.concatenate([np.arange(len(one)) % folds, np.arange(len(other)) % folds])
    out = np.ones(len(one))
    for k in range(folds):
        fitted = fold != k
        asked = ~fitted & (is_target == 0)
        machine = LogisticRegression(C=1.0 / rows.shape[1], max_iter=200, tol=1e-5)
        machine.fit(rows[fitted], is_target[fitted])
        logit = np.clip(machine.decision_function(rows[asked]), -30.0, 30.0)
        counts = np.bincount(is_target[fitted], minlength=2)
        out[asked[: len(one)]] = np.exp(logit) * counts[0] / counts[1]
    return out
