r"""ComBat: location and scale of each site's features, shrunk towards their mean over features by empirical Bayes.

Reference:
    Johnson, Li & Rabinovic 2007, "Adjusting batch effects in microarray expression data using empirical Bayes methods",
    Biostatistics 8, the parametric form; no covariates. For imaging: Fortin et al. 2018, "Harmonization of cortical
    thickness measurements across scanners and sites".
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_TOLERANCE = 1e-4
_ROUNDS = 500
_LEAST = 1e-8


@dataclass(frozen=True)
class Pooled:
    """What the training sites share.

    Attributes:
        mean: grand mean of each feature, every row counting alike, (d,).
        spread: pooled standard deviation within sites, (d,).
    """

    mean: Array
    spread: Array


@dataclass(frozen=True)
class SiteEffect:
    """A site's shift and scale of the standardised features.

    Attributes:
        shift: gamma*, (d,).
        scale: square root of delta*^2, (d,).
        rows: that they were estimated from.
    """

    shift: Array
    scale: Array
    rows: int

    def affine(self, pooled: Pooled) -> tuple[Array, Array]:
        r"""The map of raw features, x to a x + b: :math:`\sigma (z - \gamma^*) / \delta^* + \alpha`.

        Returns:
            a and b, each (d,).
        """
        factor = 1.0 / self.scale
        return factor, pooled.mean - factor * (pooled.mean + pooled.spread * self.shift)


def fit_pooled(features: Mapping[str, Array]) -> Pooled:
    """Grand mean and pooled spread of the training sites.

    Args:
        features: (n_i, d) per site.

    Raises:
        ValueError: no site, or a site with fewer than two rows.
    """
    if not features or any(len(rows) < 2 for rows in features.values()):
        raise ValueError("ComBat needs sites of at least two rows each")
    total = sum(len(rows) for rows in features.values())
    means = {site: rows.mean(axis=0) for site, rows in features.items()}
    mean = sum(len(rows) / total * means[site] for site, rows in features.items())
    within = sum(((rows - means[site]) ** 2).sum(axis=0) for site, rows in features.items())
    variance = np.asarray(within, dtype=np.float64) / total
    return Pooled(np.asarray(mean, dtype=np.float64), np.sqrt(np.maximum(variance, _LEAST)))


def site_effect(rows: Array, pooled: Pooled, *, shrink: bool = True) -> SiteEffect:
    r"""A site's effect, estimated from its own rows alone; labels have no part in it.

    With moments :math:`\hat\gamma_g` (mean) and :math:`\hat\delta^2_g` (variance, n - 1) of the standardised rows, a
    normal prior on the shifts with moments over features :math:`\bar\gamma, \bar\tau^2`, and an inverse gamma prior on
    the variances with moments giving :math:`\bar\lambda, \bar\theta`, it iterates

    .. math::
        \gamma^* = \frac{n \bar\tau^2 \hat\gamma + \delta^{2*} \bar\gamma}{n \bar\tau^2 + \delta^{2*}}, \qquad
        \delta^{2*} = \frac{\bar\theta + \tfrac12 \sum_j (z_j - \gamma^*)^2}{n/2 + \bar\lambda - 1}.

    Features without spread in the training sites are left out of the priors and moved by their mean only.

    Args:
        rows: (n, d), raw features.
        pooled: of the training sites.
        shrink: False keeps the moments as they are.

    Returns:
        The effect.

    Raises:
        ValueError: fewer than two rows.
    """
    n = len(rows)
    if n < 2:
        raise ValueError(f"ComBat needs at least two rows of a site, got {n}")
    still = pooled.spread <= np.sqrt(_LEAST) * 1.001
    z = (rows - pooled.mean) / pooled.spread
    gamma, delta = z.mean(axis=0), z.var(axis=0, ddof=1)
    shift, scale = gamma.copy(), delta.copy()
    alive = ~still & (delta > _LEAST)
    if shrink and alive.sum() > 2:
        shift[alive], scale[alive] = _posterior(z[:, alive], gamma[alive], delta[alive])
    scale[still | (scale <= _LEAST)] = 1.0
    return SiteEffect(shift, np.sqrt(scale), n)


def _posterior(z: Array, gamma: Array, delta: Array) -> tuple[Array, Array]:
    n = len(z)
    gamma_bar, tau = float(gamma.mean()), float(gamma.var(ddof=1))
    mean, variance = float(delta.mean()), float(delta.var(ddof=1))
    if tau <= 0 or variance <= 0:  # every feature moved alike: there is nothing to shrink
        return gamma, delta
    lam, theta = (2 * variance + mean**2) / variance, (mean * variance + mean**3) / variance
    square, total = (z**2).sum(axis=0), z.sum(axis=0)
    shift, scale = gamma, delta
    for _ in range(_ROUNDS):
        new_shift = (n * tau * gamma + scale * gamma_bar) / (n * tau + scale)
        residual = square - 2 * new_shift * total + n * new_shift**2
        new_scale = (theta + 0.5 * residual) / (n / 2 + lam - 1)
        moved = max(
            float(np.max(np.abs(new_shift - shift) / np.maximum(np.abs(shift), _LEAST))),
            float(np.max(np.abs(new_scale - scale) / scale)),
        )
        shift, scale = new_shift, new_scale
        if moved < _TOLERANCE:
            break
    return shift, scale


def combat(
    train: Mapping[str, Array], new: Mapping[str, Array] | None = None, *, order: Sequence[str] = ()
) -> tuple[Pooled, dict[str, SiteEffect]]:
    """The whole of it: what the training sites share, and the effect of each of them and of each new site.

    Args:
        train: (n_i, d) per training site; the only rows that the grand mean and the pooled spread come from.
        new: (n_i, d) per further site, unlabelled.
        order: of the returned effects; training sites, then new ones, if empty.
    """
    pooled = fit_pooled(train)
    every = {**train, **(new or {})}
    return pooled, {site: site_effect(every[site], pooled) for site in (order or tuple(every))}
