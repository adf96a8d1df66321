"""Do several independent groups share one value?"""
from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from medtl.functional.measure import NotEstimable


def cochran(values: ArrayLike, errors: ArrayLike) -> float | NotEstimable:
    r"""P value of the hypothesis that independent groups have the same true value.

    .. math:: Q = \sum_g w_g (\theta_g - \bar\theta)^2, \quad w_g = 1 / s_g^2, \qquad Q \sim \chi^2_{G - 1}

    Args:
        values: one per group, (G,).
        errors: their standard errors, (G,); groups whose error is 0 or nan are left out.

    Returns:
        The p value, or why there is none: fewer than two groups.

    Reference:
        Cochran 1954, "The combination of estimates from different experiments", Biometrics 10.
    """
    found, spread = np.asarray(values, dtype=np.float64), np.asarray(errors, dtype=np.float64)
    kept = np.isfinite(found) & np.isfinite(spread) & (spread > 0)
    if kept.sum() < 2:
        return NotEstimable(f"{int(kept.sum())} groups with a standard error, a comparison needs 2")
    weight = 1 / np.square(spread[kept])
    centre = float((weight * found[kept]).sum() / weight.sum())
    return float(chdtrc(int(kept.sum()) - 1, float((weight * np.square(found[kept] - centre)).sum())))
