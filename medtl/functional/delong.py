"""AUROCs of several models on the same studies and how they vary together: DeLong, plain and clustered."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from medtl.functional.measure import FloatArray, NotEstimable
from medtl.functional.resampling import BinarySample


@dataclass(frozen=True, eq=False)
class Aurocs:
    """AUROCs with their covariance.

    Args:
        values: one per model, (k,).
        covariance: of the values, (k, k).
        clustered: whether some patient has more than one study.
        patients: patients with a positive, and patients with a negative study.
    """

    values: FloatArray
    covariance: FloatArray
    clustered: bool
    patients: tuple[int, int]

    @property
    def method(self) -> str:
        """How the covariance was computed, for the reader."""
        return "DeLong, clustered by patient (Obuchowski)" if self.clustered else "DeLong"

    def difference_error(self, first: int = 0, second: int = 1) -> float:
        """Standard error of the difference of two models' AUROCs."""
        c = self.covariance
        return float(np.sqrt(max(0.0, c[first, first] + c[second, second] - 2 * c[first, second])))


def placements(sample: BinarySample) -> tuple[FloatArray, FloatArray]:
    """For each positive the share of negatives below it, for each negative the share of positives above; ties half.

    Args:
        sample: studies of both classes.

    Returns:
        (positives,) and (negatives,), in [0, 1], in the order of the studies; both have the AUROC as their mean.

    Reference:
        Sun & Xu 2014, "Fast implementation of DeLong's algorithm", IEEE Signal Processing Letters 21: mid-ranks.
    """
    up, down = sample.scores[sample.positive], sample.scores[~sample.positive]
    ranks = rankdata(np.concatenate([up, down]))
    return (
        (ranks[: len(up)] - rankdata(up)) / len(down),
        1.0 - (ranks[len(up):] - rankdata(down)) / len(up),
    )


def delong(
    positive: ArrayLike, scores: ArrayLike, cluster: ArrayLike | None = None
) -> Aurocs | NotEstimable:
    r"""AUROCs of k models on the same studies, with the covariance that patients with several studies ask for.

    With :math:`V_{10}` and :math:`V_{01}` the placements of positives and negatives, summed over a patient's own
    :math:`m_i` positives and :math:`n_i` negatives, and :math:`I`, :math:`I_{10}`, :math:`I_{01}` patients in all,
    with a positive, with a negative study:

    .. math::
        S_{10} &= \frac{I_{10}}{(I_{10} - 1) M} \sum_i (V_{10,i} - m_i \hat\theta)(V'_{10,i} - m_i \hat\theta') \\
        S_{11} &= \frac{I}{I - 1} \sum_i (V_{10,i} - m_i \hat\theta)(V'_{01,i} - n_i \hat\theta')

    :math:`S_{01}` likewise with N negatives, and
    :math:`\mathrm{cov} = S_{10} / M + S_{01} / N + (S_{11} + S_{11}^T) / (M N)`. Where every patient has one study this
    is DeLong's covariance.

    Args:
        positive: labels 0 or 1, (n,).
        scores: one row per model, finite, (k, n).
        cluster: patient of each study, any integers, (n,); None is one patient each.

    Returns:
        The AUROCs, or why there are none: fewer than two patients with a positive or with a negative study.

    Raises:
        ValueError: shapes that differ, labels other than 0 and 1, scores that are not finite.

    Reference:
        DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44. Obuchowski 1997, "Nonparametric analysis of clustered ROC
        curve data", Biometrics 53.
    """
    table = np.atleast_2d(np.asarray(scores, dtype=np.float64))  # (k, n)
    labels = np.asarray(positive)
    index = None if cluster is None else np.unique(np.asarray(cluster), return_inverse=True)[1]
    samples = [BinarySample.of(labels, row, cluster=index) for row in table]
    first = samples[0]
    patients = int((first.totals[:, :2].sum(axis=1) > 0).sum())
    with_positive, with_negative = (int((first.totals[:, column] > 0).sum()) for column in (0, 1))
    if with_positive < 2 or with_negative < 2:
        return NotEstimable(f"{with_positive} patients with a positive study, {with_negative} with a negative one; a "
                            "variance needs two of each")
    positives, negatives = float(first.positive.sum()), float((~first.positive).sum())
    own_positives, own_negatives = first.totals[:, 0], first.totals[:, 1]  # (clusters,)
    values, up, down = [], [], []
    for sample in samples:
        above, below = placements(sample)
        value = float(above.mean())
        values.append(value)
        of_positives = np.bincount(sample.cluster[sample.positive], weights=above, minlength=sample.clusters)
        of_negatives = np.bincount(sample.cluster[~sample.positive], weights=below, minlength=sample.clusters)
        up.append(of_positives - own_positives * value)
        down.append(of_negatives - own_negatives * value)
    tens, ones = np.stack(up), np.stack(down)  # (k, clusters)
    s10 = with_positive / (with_positive - 1) / positives * (tens @ tens.T)
    s01 = with_negative / (with_negative - 1) / negatives * (ones @ ones.T)
    s11 = patients / (patients - 1) * (tens @ ones.T)
    covariance = s10 / positives + s01 / negatives + (s11 + s11.T) / (positives * negatives)
    clustered = patients < len(first.scores)
    return Aurocs(np.array(values), covariance, clustered, (with_positive, with_negative))
