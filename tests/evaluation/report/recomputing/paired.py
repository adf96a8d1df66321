"""Two models on the same studies: DeLong's error pair by pair, a paired bootstrap else, and the verdict in words."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from .studies import Array, Question

GAIN, LOSS, UNSURE, SAME = "gain", "negative transfer", "inconclusive", "no difference: identical scores"
ALPHA, POWER = 0.05, 0.8


class Found(NamedTuple):
    """A difference of two models; the error may be off by a share of itself where it was drawn."""

    value: float
    error: float
    patients: int
    same: bool
    method: str
    slack: float = 0.0

    @property
    def reach(self) -> float:
        """Half the interval."""
        return float(stats.t.ppf(1 - ALPHA / 2, self.patients - 1)) * self.error

    def p(self, stretched: float = 1.0) -> float:
        """Two-sided p value, were the error so many times as large."""
        if self.same:
            return 1.0
        return min(1.0, 2 * float(stats.t.sf(abs(self.value) / (self.error * stretched), self.patients - 1)))

    def detectable(self, tests: int) -> float:
        """The gap that would have been seen."""
        t = stats.t(self.patients - 1)
        return float(t.ppf(1 - ALPHA / (2 * tests)) + t.ppf(POWER)) * self.error


def placed(q: Question) -> tuple[Array, Array]:
    """Share of negatives below each positive, and of positives above each negative; ties half."""
    up, down = q.score[q.truth == 1], q.score[q.truth == 0]
    won = (up[:, None] > down[None]) + 0.5 * (up[:, None] == down[None])
    return won.mean(axis=1), won.mean(axis=0)


def delong_error(one: Question, other: Question | None = None) -> float | None:
    """Standard error of an AUROC, or of a difference of two; summed by patient where any has several studies."""
    a1, a0 = placed(one)
    b1, b0 = placed(other) if other is not None else (np.zeros_like(a1), np.zeros_like(a0))
    d1, d0, m, n = a1 - b1, a0 - b0, len(a1), len(a0)
    ups, downs = one.patient[one.truth == 1], one.patient[one.truth == 0]
    i10, i01, everyone = len(set(ups)), len(set(downs)), sorted(set(one.patient))
    if min(i10, i01) < 2:
        return None
    value = d1.mean()
    if len(everyone) == len(one.patient):
        return float(math.sqrt(d1.var(ddof=1) / m + d0.var(ddof=1) / n))
    sum1 = np.array([(d1[ups == p] - value).sum() for p in everyone])
    sum0 = np.array([(d0[downs == p] - value).sum() for p in everyone])
    s10, s01 = (sum1**2).sum() * i10 / ((i10 - 1) * m), (sum0**2).sum() * i01 / ((i01 - 1) * n)
    s11 = (sum1 * sum0).sum() * len(everyone) / (len(everyone) - 1)
    return float(math.sqrt(max(0.0, s10 / m + s01 / n + 2 * s11 / (m * n))))


def bounded(patients: int) -> float:
    """The error where every patient told the models apart alike: what k separate patients leave of a share of 0."""
    return float((1 - 0.025 ** (1 / patients)) / stats.t.ppf(0.975, patients - 1))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjusted p values; None is a test that could not be made."""
    made = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    out: list[float | None] = [None] * len(p_values)
    so_far = 0.0
    for rank, (p, i) in enumerate(made):
        so_far = max(so_far, min(1.0, (len(made) - rank) * p))
        out[i] = so_far
    return out


def word(found: Found, adjusted: float, higher_is_better: bool = True) -> str:
    """The verdict without a margin."""
    if found.same:
        return SAME
    if adjusted > ALPHA:
        return UNSURE
    return GAIN if (found.value > 0) == higher_is_better else LOSS
