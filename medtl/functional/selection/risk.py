"""The risk at a target, estimated from labelled studies of the source that are weighted towards it."""
from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from medtl.functional.measure import FloatArray


def importance_weighted_risk(losses: ArrayLike, weights: ArrayLike) -> float:
    r"""The mean of w(x) loss(x) over source studies, w = p_target(x) / p_source(x).

    Unbiased for the target's risk where the weights are right and the labels given x are the same at both sites.

    Args:
        losses: of source validation studies, (n,).
        weights: density ratios, at least 0, (n,).

    Returns:
        The estimate.

    Raises:
        ValueError: shapes that differ, or no study.

    Reference:
        Sugiyama, Krauledat & Müller 2007, "Covariate shift adaptation by importance weighted cross validation", JMLR 8.
    """
    loss, weight = _checked(losses, weights)
    return float((weight * loss).mean())


def deep_embedded_risk(losses: ArrayLike, weights: ArrayLike) -> float:
    r"""The importance-weighted risk with the weights, whose mean is known to be 1, as a control variate.

    .. math:: \bar L + \eta \bar W - \eta, \quad L = w \ell, \quad \eta = -\frac{\mathrm{Cov}(L, W)}{\mathrm{Var}(W)}

    Args:
        losses: of source validation studies, (n,).
        weights: density ratios, at least 0, (n,).

    Returns:
        The estimate; the plain one where all weights are equal.

    Raises:
        ValueError: shapes that differ, or no study.

    Reference:
        You, Wang, Long & Jordan 2019, "Towards accurate model selection in deep unsupervised domain adaptation", ICML.
    """
    loss, weight = _checked(losses, weights)
    weighted = weight * loss
    spread = float(weight.var(ddof=1)) if len(weight) > 1 else 0.0
    if spread <= 1e-12 * max(float(np.square(weight).mean()), 1e-300):
        return float(weighted.mean())
    eta = -float(np.cov(weighted, weight, ddof=1)[0, 1]) / spread
    return float(weighted.mean() + eta * weight.mean() - eta)


def _checked(losses: ArrayLike, weights: ArrayLike) -> tuple[FloatArray, FloatArray]:
    loss, weight = np.asarray(losses, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    if loss.ndim != 1 or loss.shape != weight.shape or not len(loss):
        raise ValueError(f"expected two vectors of one length, at least 1, got {loss.shape} and {weight.shape}")
    return loss, weight
