"""The binary questions that an audit asks of a task's labels."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST = 4
"""Questions of a task with many classes or labels."""


@dataclass(frozen=True)
class Question:
    """A label that rows have or have not.

    Attributes:
        name: in words.
        labels: 0, 1, or -1 where unknown, (n,).
    """

    name: str
    labels: NDArray[np.int64]


def questions_of(kind: str, names: Sequence[str], labels: NDArray[np.float64]) -> tuple[Question, ...]:
    """The questions: the positive class; each class or label (the first four); above the median for a number.

    Args:
        kind: of the task.
        names: of its scores.
        labels: (n, labels), nan where unknown.
    """
    unknown = np.isnan(labels)
    if kind == "multilabel":
        columns = [(name, labels[:, k], unknown[:, k]) for k, name in enumerate(names)]
    elif kind == "regression":
        known = labels[:, 0][~unknown[:, 0]]
        middle = float(np.median(known)) if len(known) else 0.0
        columns = [("a value above the median", (labels[:, 0] > middle).astype(np.float64), unknown[:, 0])]
    elif kind == "binary":
        columns = [(names[-1], labels[:, 0], unknown[:, 0])]
    else:
        columns = [(name, (labels[:, 0] == k).astype(np.float64), unknown[:, 0]) for k, name in enumerate(names)]
    return tuple(
        Question(name, np.where(missing, -1, np.nan_to_num(values)).astype(np.int64))
        for name, values, missing in columns[:MOST]
    )
