"""Several tests at once."""
from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from medtl.functional.measure import FloatArray


def holm(p_values: ArrayLike) -> FloatArray:
    r"""Adjusted p values that keep the chance of any false rejection below the level, whatever depends on what.

    .. math:: \tilde p_{(i)} = \max_{j \le i} \min(1, (m - j + 1) p_{(j)})

    Args:
        p_values: in [0, 1], (m,); nan is a test that could not be made and does not count.

    Returns:
        (m,), in the order given; nan where it was nan.

    Raises:
        ValueError: a value outside [0, 1].

    Reference:
        Holm 1979, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6.
    """
    values = np.asarray(p_values, dtype=np.float64)
    made = np.flatnonzero(~np.isnan(values))
    if ((values[made] < 0) | (values[made] > 1)).any():
        raise ValueError("p values lie in [0, 1]")
    out = np.full(values.shape, np.nan)
    rising = made[np.argsort(values[made], kind="stable")]
    scaled = values[rising] * np.arange(len(rising), 0, -1)
    out[rising] = np.minimum(1.0, np.maximum.accumulate(scaled)) if len(rising) else scaled
    return out
