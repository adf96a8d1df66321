"""A difference of two models with its standard error: its interval, its tests, and what it could have seen."""
from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from medtl.functional.intervals.clustered import MIN_DEFINED, MIN_PATIENTS
from medtl.functional.intervals.interval import Interval, normal_quantile
from medtl.functional.measure import NotEstimable

POWER = 0.8
"""Power at which the smallest gap that could have been seen is stated."""
METHOD_CROSSED = "bootstrap of patients and seeds, crossed, t"
METHOD_PAIRED = "paired patient-cluster bootstrap, t"


@dataclass(frozen=True)
class Difference:
    """An estimated difference whose error is taken to follow a t distribution.

    Args:
        value: the estimate.
        error: its standard error, above 0.
        freedom: degrees of freedom, above 0.
        method: how the error was computed, for the reader.
    """

    value: float
    error: float
    freedom: float
    method: str

    def interval(self, level: float = 0.95) -> Interval:
        """Two-sided interval.

        Args:
            level: nominal coverage, in (0, 1).

        Returns:
            The interval.
        """
        normal_quantile(level)
        reach = self._quantile(0.5 + level / 2) * self.error
        return Interval(self.value - reach, self.value + reach, self.method, level)

    def p_either(self) -> float:
        """Two-sided p value of no difference."""
        return min(1.0, 2 * self._tail(abs(self.value)))

    def p_above(self, bound: float = 0.0) -> float:
        """One-sided p value against a difference of at most ``bound``."""
        return self._tail(self.value - bound)

    def p_within(self, margin: float) -> float:
        """P value of two one-sided tests against a difference of ``margin`` or more, either way.

        Args:
            margin: above 0.

        Reference:
            Schuirmann 1987, "A comparison of the two one-sided tests procedure and the power approach", Journal of
            Pharmacokinetics and Biopharmaceutics 15.
        """
        return max(self._tail(self.value + margin), self._tail(margin - self.value))

    def detectable(self, alpha: float = 0.05, sides: int = 2) -> float:
        """The smallest true gap that a test of this precision names with a power of ``POWER``.

        Args:
            alpha: level of the test, in (0, 1).
            sides: 1 or 2.

        Returns:
            The gap, above 0.
        """
        return (self._quantile(1 - alpha / sides) + self._quantile(POWER)) * self.error

    def _quantile(self, share: float) -> float:
        return float(stdtrit(self.freedom, share))

    def _tail(self, value: float) -> float:
        return float(stdtr(self.freedom, -value / self.error))


def without_spread(value: float, patients: int, method: str, level: float = 0.95) -> Difference:
    """Every patient told two models apart alike: the error is what k separate patients leave of a share of 0.

    Args:
        value: the difference; 0 where no patient told them apart.
        patients: of the rarer class, at least 2.
        method: how the difference was computed.
        level: of the bound, in (0, 1).

    Returns:
        A difference whose interval at ``level`` reaches b either way, (1 - b) ** patients = (1 - level) / 2.
    """
    bound = 1 - ((1 - level) / 2) ** (1 / patients)
    return Difference(value, bound / float(stdtrit(patients - 1, 0.5 + level / 2)), patients - 1, method)


def from_draws(values: ArrayLike, draws: ArrayLike, patients: int, seed: int = 0) -> Difference | NotEstimable:
    r"""A difference of two models, or of two methods over several seeds, from bootstrap draws of its patients.

    With several seeds, patients and seeds are drawn independently and crossed: each draw of patients meets S - 1 of S
    seeds drawn with replacement, so that the seeds' part of the variance is :math:`s^2/S` and not :math:`s^2(S-1)/S^2`.
    The crossed bootstrap counts what seed and patient do together more than once, which errs to the safe side. The
    degrees of freedom are Satterthwaite's, from the patients' part and the seeds'.

    Args:
        values: the estimated difference of each seed, (S,).
        draws: its values under the same draws of patients, nan where undefined, (S, replicates).
        patients: of the rarer class among those that the figure reads.
        seed: of the draws of seeds, at least 0.

    Returns:
        The difference, averaged over seeds, or why its error is not estimable.

    Reference:
        Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1. Rao & Wu 1988, "Resampling inference with
        complex survey data", JASA 83. Satterthwaite 1946, Biometrics Bulletin 2.
    """
    found, drawn = np.atleast_1d(np.asarray(values, dtype=np.float64)), np.atleast_2d(np.asarray(draws))
    seeds, replicates = len(found), drawn.shape[1]
    if replicates == 0:
        return NotEstimable("no bootstrap was asked for")
    if patients < MIN_PATIENTS:
        return NotEstimable(f"{patients} patients in the rarer class, an interval needs {MIN_PATIENTS}")
    finite = drawn[:, np.isfinite(drawn).all(axis=0)]
    if finite.shape[1] < MIN_DEFINED * replicates:
        return NotEstimable(f"not defined in {replicates - finite.shape[1]} of {replicates} bootstrap draws")
    method = METHOD_PAIRED if seeds == 1 else METHOD_CROSSED
    over_patients = float(finite.mean(axis=0).var(ddof=1))
    if seeds == 1:
        variance, freedom = over_patients, float(patients - 1)
    else:
        rng = np.random.default_rng(np.random.SeedSequence([seed, seeds]))
        picked = rng.integers(0, seeds, size=(seeds - 1, finite.shape[1]))
        variance = float(np.take_along_axis(finite, picked, axis=0).mean(axis=0).var(ddof=1))
        over_seeds = float(found.var(ddof=1)) / seeds
        parts = over_patients**2 / (patients - 1) + over_seeds**2 / (seeds - 1)
        freedom = (over_patients + over_seeds) ** 2 / parts if parts > 0 else float(patients - 1)
    if variance <= 0.0:
        return without_spread(float(found.mean()), patients, method)
    return Difference(float(found.mean()), math.sqrt(variance), freedom, method)
