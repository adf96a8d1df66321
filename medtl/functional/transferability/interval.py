"""How far a score of transferability would move with other patients."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit


@dataclass(frozen=True)
class Bounded:
    """A score with its interval.

    Attributes:
        value: of the sample.
        low: lower end of the 95 % interval; the value itself where none can be had.
        high: upper end.
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def over_patients(
    score: Callable[[NDArray[np.int64]], float], labels: NDArray[np.integer], patients: Sequence[str], *,
    draws: int = 100, seed: int = 0,
) -> Bounded:
    """A score with the standard error that a bootstrap over patients gives it, and a t quantile.

    The interval stands around the score, not around the bootstrap's mean: rows that are drawn twice look like evidence
    to LogME and TransRate, which moves the mean of the draws and not their spread. Draws that lack a class are drawn
    again; a row of an unknown patient is a patient.

    Args:
        score: of positions of rows.
        labels: classes, (n,); for values, all alike.
        patients: whose each row is; empty where unknown, (n,).
        draws: of patients; 0 gives no interval.
        seed: of the draws.
    """
    value = score(np.arange(len(labels)))
    names = [name or f"\tunknown {row}" for row, name in enumerate(patients)]
    members: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        members.setdefault(name, []).append(row)
    groups = [np.array(rows) for rows in members.values()]
    classes = len(np.unique(labels))
    random = np.random.default_rng(seed)
    found: list[float] = []
    for _ in range(3 * draws):
        if len(found) == draws or len(groups) < 3:
            break
        rows = np.concatenate([groups[k] for k in random.integers(0, len(groups), len(groups))])
        if len(np.unique(labels[rows])) == classes:
            found.append(score(rows))
    if len(found) < 10:
        return Bounded(value, value, value)
    reach = float(stdtrit(len(groups) - 1, 0.975)) * float(np.std(found, ddof=1))
    return Bounded(value, value - reach, value + reach)
