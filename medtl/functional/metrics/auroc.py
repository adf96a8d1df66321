"""Area under the ROC curve."""
from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from medtl.functional.measure import FloatArray, Metric, NotEstimable, ratio
from medtl.functional.resampling import BinarySample, Resampled, single


def _kernel(resampled: Resampled) -> FloatArray:
    strictly, reaching = resampled.negatives_above, resampled.negatives_reaching
    lost = np.einsum("rk,rk->r", resampled.positives_at, strictly)
    if reaching is not strictly:
        lost = 0.5 * (lost + np.einsum("rk,rk->r", resampled.positives_at, reaching))
    pairs = resampled.positives * resampled.negatives
    return ratio(pairs - lost, pairs)


METRIC = Metric(
    name="auroc", title="AUROC", short="AUROC", needs="scores", higher_is_better=True, low=0.0, high=1.0,
    classes="both", kernel=_kernel,
)


def auroc(positive: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> float | NotEstimable:
    r"""Probability that a positive study scores above a negative one, ties counted half.

    .. math:: \frac{1}{W_+ W_-} \sum_{i \in +} \sum_{j \in -} w_i w_j \left([s_i > s_j] + \tfrac12 [s_i = s_j]\right)

    Args:
        positive: labels 0 or 1, (n,).
        scores: any finite numbers, higher is more positive, (n,).
        weights: weight per study, at least 0, (n,).

    Returns:
        A value in [0, 1], or why there is none: one class only.

    Raises:
        ValueError: shapes that differ, labels other than 0 and 1, numbers that are not finite.

    Reference:
        Hanley & McNeil 1982, "The meaning and use of the area under a ROC curve", Radiology 143.
    """
    resampled = single(BinarySample.of(positive, scores), weights)
    gap = METRIC.missing(float(resampled.positives[0]), float(resampled.negatives[0]))
    return gap if gap is not None else float(_kernel(resampled)[0])
