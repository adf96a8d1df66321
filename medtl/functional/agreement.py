"""How well predicted numbers agree with measured ones, for one or many weightings of patients at once."""
from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from medtl.functional.intervals.clustered import MIN_PATIENTS, t_quantile
from medtl.functional.intervals.interval import Interval
from medtl.functional.measure import FloatArray, IntArray, NotEstimable, ratio

LIMIT = 1.959964
"""Standard deviations of a Bland-Altman limit of agreement."""
METHOD = "patient-cluster bootstrap, t"


@dataclass(frozen=True, eq=False)
class ValueSample:
    """Measured and predicted values of studies, and whose they are.

    Args:
        values: measured, (n,).
        predicted: by a model, (n,).
        cluster: index of the patient of each study, (n,).
        clusters: number of patients.
    """

    values: FloatArray
    predicted: FloatArray
    cluster: IntArray
    clusters: int

    def sums(self) -> FloatArray:
        """Per patient: 1, |e|, e, e², y, y², p, p², y p, with e = p - y and y, p less their means; (clusters, 9)."""
        level = float(self.values.mean()) if len(self.values) else 0.0
        y, p = self.values - level, self.predicted - level
        e = p - y
        columns = (np.ones_like(y), np.abs(e), e, e * e, y, y * y, p, p * p, y * p)
        return np.stack([np.bincount(self.cluster, c, self.clusters) for c in columns], axis=1)


@dataclass(frozen=True)
class Agreement:
    """A figure of agreement.

    Args:
        name: in reports and JSON.
        title: how a report heads it.
        short: how a narrow table heads it.
        higher_is_better: its direction, or None for a bias.
        kernel: values (replicates,) from weighted sums (replicates, 9); nan where it does not exist.
        scale: on which its bootstrap error is taken: as it is, its logarithm, or Fisher's z.
    """

    name: str
    title: str
    short: str
    higher_is_better: bool | None
    kernel: Callable[[FloatArray], FloatArray] = field(repr=False, compare=False)
    scale: str = "identity"


def _variance(total: FloatArray, first: FloatArray, second: FloatArray) -> FloatArray:
    return np.maximum(ratio(second, total) - ratio(first, total) ** 2, 0.0)


def _mae(s: FloatArray) -> FloatArray:
    return ratio(s[:, 1], s[:, 0])


def _rmse(s: FloatArray) -> FloatArray:
    return np.sqrt(ratio(s[:, 3], s[:, 0]))


def _r2(s: FloatArray) -> FloatArray:
    spread = _variance(s[:, 0], s[:, 4], s[:, 5]) * s[:, 0]
    return 1.0 - ratio(s[:, 3], np.where(spread > 0, spread, 0.0))


def _concordance(s: FloatArray) -> FloatArray:
    n = s[:, 0]
    covariance = ratio(s[:, 8], n) - ratio(s[:, 4], n) * ratio(s[:, 6], n)
    gap = ratio(s[:, 4], n) - ratio(s[:, 6], n)
    return ratio(2.0 * covariance, _variance(n, s[:, 4], s[:, 5]) + _variance(n, s[:, 6], s[:, 7]) + gap**2)


def _bias(s: FloatArray) -> FloatArray:
    return ratio(s[:, 2], s[:, 0])


def _spread(s: FloatArray) -> FloatArray:
    n = s[:, 0]
    return np.sqrt(_variance(n, s[:, 2], s[:, 3]) * ratio(n, np.maximum(n - 1.0, 0.0)))


def _low(s: FloatArray) -> FloatArray:
    return _bias(s) - LIMIT * _spread(s)


def _high(s: FloatArray) -> FloatArray:
    return _bias(s) + LIMIT * _spread(s)


AGREEMENTS = (
    Agreement("mae", "mean absolute error", "MAE", False, _mae, "log"),
    Agreement("rmse", "root mean squared error", "RMSE", False, _rmse, "log"),
    Agreement("r2", "R²", "R²", True, _r2),
    Agreement("concordance", "concordance", "CCC", True, _concordance, "fisher"),
    Agreement("bias", "bias (predicted less measured)", "bias", None, _bias),
    Agreement("limit_low", "lower limit of agreement", "LoA low", None, _low),
    Agreement("limit_high", "upper limit of agreement", "LoA high", None, _high),
)
"""All figures, in the order of reports: MAE, RMSE, R², Lin's concordance, Bland and Altman's bias and limits.

Reference:
    Lin 1989, "A concordance correlation coefficient to evaluate reproducibility"; Bland & Altman 1986, "Statistical
    methods for assessing agreement between two methods of clinical measurement".
"""


def agreement(values: ArrayLike, predicted: ArrayLike) -> dict[str, float | NotEstimable]:
    """All figures of studies that are each of a patient of their own.

    R² is 1 less the sum of squared errors over that around the mean of the measured values, so that it may be negative.

    Args:
        values: measured, (n,).
        predicted: (n,).

    Returns:
        Figures by name, or why there is none.
    """
    y, p = np.asarray(values, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    sample = ValueSample(y, p, np.arange(len(y)), len(y))
    return {figure.name: value_of(figure, sample) for figure in AGREEMENTS}


def value_of(figure: Agreement, sample: ValueSample) -> float | NotEstimable:
    """One figure of one sample."""
    if not len(sample.values):
        return NotEstimable("no study with a known value")
    value = float(figure.kernel(sample.sums().sum(axis=0)[None])[0])
    return value if math.isfinite(value) else NotEstimable("needs two studies with different values")


def interval_of(
    figure: Agreement, value: float, drawn: FloatArray, patients: int, level: float = 0.95
) -> Interval | NotEstimable:
    """Interval of a figure from its bootstrap values: their spread on the figure's scale, with a t quantile.

    Args:
        figure: which.
        value: of the sample.
        drawn: bootstrap values, nan where undefined, (replicates,).
        patients: of the sample.
        level: nominal coverage.
    """
    if not len(drawn):
        return NotEstimable("no bootstrap was asked for")
    if patients < MIN_PATIENTS:
        return NotEstimable(f"{patients} patients, an interval needs {MIN_PATIENTS}")
    finite = drawn[np.isfinite(drawn)]
    if len(finite) < 0.95 * len(drawn):
        return NotEstimable(f"{len(drawn) - len(finite)} of {len(drawn)} bootstrap draws lack spread")
    forth, back = _SCALES[figure.scale]
    reach = t_quantile(patients, level) * float(np.std(forth(finite), ddof=1))
    centre = float(forth(np.array([value]))[0])
    low, high = back(np.array([centre - reach, centre + reach])).tolist()
    return Interval(low, high, METHOD, level)


def _log(x: FloatArray) -> FloatArray:
    return np.log(np.maximum(x, 1e-300))


def _fisher(x: FloatArray) -> FloatArray:
    return np.arctanh(np.clip(x, -1 + 1e-12, 1 - 1e-12))


_SCALES: dict[str, tuple[Callable[[FloatArray], FloatArray], Callable[[FloatArray], FloatArray]]] = {
    "identity": (np.asarray, np.asarray), "log": (_log, np.exp), "fisher": (_fisher, np.tanh),
}
