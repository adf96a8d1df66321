"""Which target labels training may see: none, all of the adapt part, or a few, drawn by patient."""
from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from medtl.config.sections import PerClass, Total
from medtl.data.units import Unit, signature
from medtl.errors import DataError

Budget = Literal["none", "all"] | PerClass | Total


def drawn(
    units: Sequence[Unit],
    labels: NDArray[np.float32],
    budget: Budget,
    rng: np.random.Generator,
    *,
    site: str,
    label_names: Sequence[str],
) -> tuple[int, ...]:
    """Positions of the rows of one target site whose labels are given to training.

    Args:
        units: patients of the adapt part.
        labels: float32, (rows of the catalogue, label columns), NaN where unknown.
        budget: how many patients; per class, a patient counts for every class that it has.
        rng: the order in which patients are asked.
        site: for the message.
        label_names: for the message.

    Returns:
        Rows, all those of each drawn patient, ascending.

    Raises:
        DataError: the adapt part holds fewer labelled patients than asked for.
    """
    if budget == "none":
        return ()
    if budget == "all":
        return tuple(sorted(row for unit in units for row in unit.rows))
    order = [units[i] for i in rng.permutation(len(units))]
    values = [_values(unit, labels) for unit in order]
    if isinstance(budget, Total):
        labelled = [unit for unit, known in zip(order, values, strict=True) if known]
        if len(labelled) < budget.total:
            raise DataError(
                f"sites.target_labels: {{total: {budget.total}}} at {site}, but its adapt part has {len(labelled)} "
                f"labelled patients; ask for fewer"
            )
        return _rows(labelled[: budget.total])
    have = Counter(value for known in values for value in known)
    short = [
        f"sites.target_labels: {{per_class: {budget.per_class}}} at {site}, but its adapt part has {count} patients "
        f"with {label_names[column]} = {value:g}; ask for fewer"
        for (column, value), count in sorted(have.items()) if count < budget.per_class
    ]
    if short or not have:
        raise DataError(*(short or [f"sites.target_labels: the adapt part of {site} has no labels; use none"]))
    need = dict.fromkeys(have, budget.per_class)
    taken = []
    for unit, known in zip(order, values, strict=True):
        if any(need[value] > 0 for value in known):
            taken.append(unit)
            for value in known:
                need[value] -= 1
    return _rows(taken)


def without_fold(
    units: Sequence[Unit], labels: NDArray[np.float32], fold: int, folds: int, rng: np.random.Generator
) -> tuple[int, ...]:
    """Rows of the labelled patients that are not in one fold; folds hold every label in equal shares.

    Args:
        units: patients whose labels may be seen.
        labels: float32, (rows of the catalogue, label columns).
        fold: which one is left out, from 0.
        folds: how many there are.
        rng: deals the patients.

    Returns:
        Rows, ascending.
    """
    order = sorted(rng.permutation(len(units)).tolist(), key=lambda i: signature(units[i], labels))
    return _rows([units[i] for place, i in enumerate(order) if place % folds != fold])


def _values(unit: Unit, labels: NDArray[np.float32]) -> list[tuple[int, float]]:
    return [(column, value) for column, known in enumerate(signature(unit, labels)) for value in known]


def _rows(units: Sequence[Unit]) -> tuple[int, ...]:
    return tuple(sorted(row for unit in units for row in unit.rows))
