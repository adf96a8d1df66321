"""Whether held-out answers say that one fit is better than another, at a stated level of error."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from medtl.functional.probing.folds import mean_and_error

LEAST = 8
"""Labelled patients of each class (of values: twice as many in all) below which nothing held out is evidence."""


@dataclass(frozen=True)
class HeldOut:
    """Answers to rows that were left out of the fit, over repeats of the folds.

    Attributes:
        losses: per repeat and row, NaN where there is none, (repeats, n).
        folds: per repeat and row, (repeats, n).
        outputs: mean over repeats, (n, outputs).
    """

    losses: NDArray[np.float64]
    folds: NDArray[np.int64]
    outputs: NDArray[np.float64]

    @property
    def mean_losses(self) -> NDArray[np.float64]:
        """Per row, NaN where no repeat has one, (n,)."""
        return over_repeats(self.losses)


@dataclass(frozen=True)
class Evidence:
    """How much lower one fit's held-out loss is than another's.

    Attributes:
        gain: the mean difference.
        of_patients: its standard error over patients, the fits taken as they are.
        of_folds: its standard error over folds, which share most of what they are fitted on.
        patients: labelled ones, of the class that has fewest; half of all for values.
    """

    gain: float
    of_patients: float
    of_folds: float
    patients: int

    @property
    def error(self) -> float:
        """The larger of both standard errors."""
        return max(self.of_patients, self.of_folds)

    @property
    def p_value(self) -> float:
        """One-sided, of no gain or a loss; 1 where there are too few patients, or no spread to tell by."""
        if self.patients < LEAST or not self.error > 0 or not np.isfinite(self.gain):
            return 1.0
        return float(stdtr(self.patients - 1, -self.gain / self.error))


NONE = Evidence(0.0, 0.0, 0.0, 0)
"""Of what is compared with itself."""


def over_repeats(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over repeats that have one, (n,)."""
    counts = (~np.isnan(losses)).sum(axis=0)
    return np.where(counts > 0, np.nansum(losses, axis=0) / np.maximum(counts, 1), np.nan)


def compared(
    without: HeldOut, other: HeldOut, labels: NDArray[np.float64], patients: Sequence[str], classes: int
) -> Evidence:
    """Losses of one fit less those of another, on the same rows and folds.

    The error over folds is that of the corrected resampled t-test: the variance over J folds of all repeats, times
    1 / J + (rows held out) / (rows fitted), since the fits of two folds share most of their rows.

    Args:
        without: what stands.
        other: what may take its place.
        labels: class numbers or values, (n,).
        patients: whose each row is; empty where unknown, (n,).
        classes: K; 0 for values.

    Reference:
        Nadeau & Bengio 2003, "Inference for the Generalization Error", section 5.2; that the error over patients counts
        where it is larger, and the degrees of freedom, are ours.
    """
    apart = without.losses - other.losses
    if np.isnan(apart).all():
        return NONE
    gain, of_patients = mean_and_error(over_repeats(apart), labels, patients, classes)
    strata = np.zeros(len(labels)) if classes == 0 else labels
    of_split = []
    for row, fold in zip(apart, without.folds, strict=True):
        for k in np.unique(fold):
            mine = [row[(fold == k) & (strata == c) & ~np.isnan(row)] for c in np.unique(strata)]
            if any(len(some) for some in mine):
                of_split.append(float(np.mean([some.mean() for some in mine if len(some)])))
    of_folds = np.nan
    if len(of_split) > 1:
        count = int(without.folds.max()) + 1
        of_folds = float(np.sqrt((1.0 / len(of_split) + 1.0 / (count - 1)) * np.var(of_split, ddof=1)))
    return Evidence(gain, of_patients, of_folds, fewest_patients(labels, patients, classes))


def fewest_patients(labels: NDArray[np.float64], patients: Sequence[str], classes: int) -> int:
    """Patients of the class that has fewest; half of all for values.

    Args:
        labels: class numbers or values, (n,).
        patients: whose each row is; each unknown one counts by itself.
        classes: K; 0 for values.
    """
    names = np.array([name or f"\tunknown {row}" for row, name in enumerate(patients)])
    if classes == 0:
        return len(set(names.tolist())) // 2
    return min((len(set(names[labels == c].tolist())) for c in range(classes)), default=0)
