"""Sets of classes that hold the right one as often as promised, class by class, and when to abstain."""
from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from medtl.functional.measure import BoolArray, FloatArray, NotEstimable


@dataclass(frozen=True)
class ClassBounds:
    """How improbable a class may look and still belong to the set.

    Args:
        lowest: smallest probability of each class that keeps it in the set, (classes,).
        patients: of each class that it was calibrated on.
        error: promised chance that a patient of a class has a study whose set leaves that class out.
    """

    lowest: tuple[float, ...]
    patients: tuple[int, ...]
    error: float

    def sets(self, probabilities: ArrayLike) -> BoolArray:
        """Which classes each study's set holds.

        Args:
            probabilities: (n, classes).

        Returns:
            bool, (n, classes). A set of one class is an answer; none or several is a reason to abstain.
        """
        return np.asarray(np.asarray(probabilities, dtype=np.float64) >= np.array(self.lowest))


def class_bounds(
    labels: ArrayLike, probabilities: ArrayLike, patients: ArrayLike, error: float = 0.1
) -> ClassBounds | NotEstimable:
    r"""Calibrate sets class by class, on patients.

    For each class, a patient's score is the lowest probability that any study of that class of his was given; the bound
    is the k-th smallest of these, :math:`k = \lfloor \epsilon (n_c + 1) \rfloor`. For a new patient of the class who is
    exchangeable with them, every study's set holds the class with probability at least :math:`1 - \epsilon`.

    Args:
        labels: codes of the classes, (n,).
        probabilities: (n, classes).
        patients: who each study is of, any values, (n,).
        error: the chance allowed per class, in (0, 1).

    Returns:
        The bounds, or why there are none: a class with fewer than 1/error - 1 patients.

    Reference:
        Vovk, Gammerman & Shafer 2005, "Algorithmic Learning in a Random World", section 4.5 (Mondrian predictors).
    """
    codes, table = np.asarray(labels, dtype=np.int64), np.asarray(probabilities, dtype=np.float64)
    who = np.unique(np.asarray(patients), return_inverse=True)[1]
    lowest, counts = [], []
    for k in range(table.shape[1]):
        mine = codes == k
        worst = worst_of(table[mine, k], who[mine])
        place = math.floor(error * (len(worst) + 1) + 1e-9)
        if place < 1:
            need = math.ceil(1 / error - 1e-9) - 1
            return NotEstimable(f"not attainable: {len(worst)} patients of a class, an error of {error:g} needs {need}")
        lowest.append(float(np.sort(worst)[place - 1]))
        counts.append(len(worst))
    return ClassBounds(tuple(lowest), tuple(counts), error)


def worst_of(scores: FloatArray, who: ArrayLike) -> FloatArray:
    """The lowest score of each patient.

    Args:
        scores: (n,).
        who: index of the patient of each study, at least 0, (n,).

    Returns:
        (patients with a study,), in the order of their index.
    """
    index = np.unique(np.asarray(who), return_inverse=True)[1]
    out = np.full(int(index.max(initial=-1)) + 1, np.inf)
    np.minimum.at(out, index, scores)
    return out
