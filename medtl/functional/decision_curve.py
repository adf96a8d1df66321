"""Net benefit: what calls at a threshold are worth, where the threshold says what a false alarm costs."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from medtl.functional.measure import FloatArray, ratio
from medtl.functional.resampling import BinarySample

THRESHOLDS = tuple(round(0.05 * k, 2) for k in range(1, 20))


@dataclass(frozen=True, eq=False)
class Benefit:
    """Net benefit at each threshold, per study, under one or many weightings of patients.

    Args:
        thresholds: probabilities of harm and benefit in balance, (k,).
        model: of calling by the model, (replicates, k).
        everyone: of calling everyone positive, (replicates, k); calling nobody is 0.
    """

    thresholds: FloatArray
    model: FloatArray
    everyone: FloatArray


def net_benefit(sample: BinarySample, thresholds: ArrayLike = THRESHOLDS, counts: ArrayLike | None = None) -> Benefit:
    r"""Net benefit of a model's calls over a range of thresholds.

    .. math:: \mathrm{NB}(t) = \frac{\mathrm{TP}}{n} - \frac{\mathrm{FP}}{n} \frac{t}{1 - t}

    Args:
        sample: studies whose scores are probabilities.
        thresholds: in (0, 1), (k,); a score that reaches one is called positive.
        counts: weight of each cluster in each replicate, (replicates, clusters); None is each once.

    Returns:
        The benefits.

    Reference:
        Vickers & Elkin 2006, "Decision curve analysis", Medical Decision Making 26.
    """
    cuts = np.asarray(thresholds, dtype=np.float64)
    weights = np.ones((1, sample.clusters)) if counts is None else np.asarray(counts, dtype=np.float64)
    called = sample.scores[:, None] >= cuts  # (n, k)
    odds = cuts / (1 - cuts)
    sign = np.where(sample.positive[:, None], 1.0, -odds[None, :])

    def per_study(values: FloatArray) -> FloatArray:
        sums = np.zeros((sample.clusters, len(cuts)))
        np.add.at(sums, sample.cluster, values)
        total = weights @ np.bincount(sample.cluster, minlength=sample.clusters)
        return np.stack([ratio(column, total) for column in (weights @ sums).T], axis=1)

    return Benefit(cuts, per_study(np.where(called, sign, 0.0)), per_study(sign))
