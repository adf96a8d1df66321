"""Patients into parts, each label's share kept."""
from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Part = TypeVar("Part", bound=Hashable)


def stratify(
    strata: Sequence[Hashable], shares: Mapping[Part, float], rng: np.random.Generator
) -> tuple[Part, ...]:
    """Draws a split for each unit so that every stratum is divided in the same shares.

    A stratum with at least one unit per part gives each part one; smaller strata are pooled first.

    Args:
        strata: what each unit is, such as its labels; all equal for a plain random split.
        shares: of each part, summing to 1.
        rng: decides who goes where; only positions matter to it, never ids.

    Returns:
        A part per unit.
    """
    members: dict[Hashable, list[int]] = {}
    for unit in rng.permutation(len(strata)):
        members.setdefault(strata[unit], []).append(int(unit))
    groups: list[list[int]] = []
    rare: list[int] = []
    for key in sorted(members, key=_order):
        if len(members[key]) < len(shares):
            rare += members[key]
        else:
            groups.append(members[key])
    chosen: dict[int, Part] = {}
    owed = np.zeros(len(shares))  # what rounding took from a part in one stratum, it gets back in the next
    for group in [*groups, rare]:
        exact = len(group) * np.array(list(shares.values())) + owed
        counts = _counts(len(group), exact)
        owed = exact - counts
        start = 0
        for split, count in zip(shares, counts, strict=True):
            chosen.update(dict.fromkeys(group[start:start + count], split))
            start += count
    return tuple(chosen[unit] for unit in range(len(strata)))


def _order(key: Any) -> str:
    return repr(key)


def _counts(n: int, exact: NDArray[np.float64]) -> list[int]:
    """Whole numbers that sum to n, near what is exact, by largest remainder; none of them 0 if n suffices."""
    counts = np.maximum(np.floor(exact + 1e-9), 0).astype(int)
    for part in np.argsort(counts - exact, kind="stable")[: max(0, n - int(counts.sum()))]:
        counts[part] += 1
    least = 1 if n >= len(counts) else 0
    while counts.sum() > n or (counts < least).any():
        counts[int(np.argmax(counts))] -= 1
        if counts.sum() < n:
            counts[int(np.argmin(counts))] += 1
    return [int(count) for count in counts]
