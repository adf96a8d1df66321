"""Splits where patients are unknown: contiguous blocks in file order, with a guard gap between different splits.

Neighbouring files are often neighbouring slices of one patient, so random folds leak. Blocks cut the file at few
places, and the gap drops what lies around each cut.
"""
from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import pairwise
from typing import Literal

import numpy as np

from medtl.types import Split

DEFAULT_GUARD = 10

_KEEPS = {"train": 0, "adapt": 0, "val": 1, "test": 2, "unused": -1}
"""At a cut, the split of the lower number gives up its rows."""


def sequences(classes: Sequence[Hashable], within: Literal["auto", "class", "file"]) -> list[list[int]]:
    """The runs that blocks are cut from.

    Args:
        classes: per unit in file order, its class.
        within: ``class``: one run per class; ``file``: all in one run; ``auto``: per class where the file is sorted.

    Returns:
        Positions of units, each once, each run in file order.
    """
    changes = sum(a != b for a, b in pairwise(classes))
    by_class = within == "class" or (within == "auto" and changes + 1 == len(set(classes)))
    if not by_class:
        return [list(range(len(classes)))]
    runs: dict[Hashable, list[int]] = {}
    for position, name in enumerate(classes):
        runs.setdefault(name, []).append(position)
    return list(runs.values())


def source_blocks(length: int, blocks: int, turn: int, guard: int | None) -> list[Split]:
    """Train, val and test of one run: block ``turn`` is test, the one after it val, the others train.

    Turns 0 to ``blocks - 1`` are the folds of a cross-validation.

    Args:
        length: units in the run.
        blocks: how many blocks it is cut into.
        turn: which fold.
        guard: units left out on either side of a cut; None for the default.

    Returns:
        A split per unit, ``unused`` in the gaps.
    """
    test = turn % blocks
    val = (turn + 1) % blocks
    names: list[Split] = ["test" if b == test else "val" if b == val else "train" for b in range(blocks)]
    return _guarded(_blocks(length, names), _guard(guard, length, blocks))


def carved_blocks(length: int, blocks: int, turn: int, guard: int | None, part: Split) -> list[Split]:
    """One block of a run for ``part``, the others train."""
    names: list[Split] = [part if b == turn % blocks else "train" for b in range(blocks)]
    return _guarded(_blocks(length, names), _guard(guard, length, blocks))


def target_blocks(length: int, blocks: int, rng: np.random.Generator, guard: int | None) -> list[Split]:
    """Adapt and test halves of one run, blind to labels: of each two neighbouring blocks a coin sends one to each.

    Args:
        length: units in the run.
        blocks: pairs of blocks that it is cut into.
        rng: the coins.
        guard: units left out at a cut; None for the default.

    Returns:
        A split per unit, ``unused`` in the gaps.
    """
    names: list[Split] = []
    for _ in range(blocks):
        names += ["adapt", "test"] if rng.integers(2) else ["test", "adapt"]
    return _guarded(_blocks(length, names), _guard(guard, length, 2 * blocks))


def target_fold(length: int, folds: int, turn: int, guard: int | None) -> list[Split]:
    """Adapt and test of one run, blind to labels: block ``turn`` of ``folds`` is test, the others adapt.

    Args:
        length: units in the run.
        folds: blocks that it is cut into.
        turn: which of them.
        guard: units left out at a cut; None for the default.

    Returns:
        A split per unit, ``unused`` in the gaps.
    """
    names: list[Split] = ["test" if block == turn else "adapt" for block in range(folds)]
    return _guarded(_blocks(length, names), _guard(guard, length, folds))


def _guard(guard: int | None, length: int, blocks: int) -> int:
    return min(DEFAULT_GUARD, length // blocks // 4) if guard is None else guard


def _blocks(length: int, names: Sequence[Split]) -> list[Split]:
    return [names[unit * len(names) // length] for unit in range(length)]


def _guarded(splits: Sequence[Split], guard: int) -> list[Split]:
    """Drops every unit that has a unit of a split with more right within ``guard`` places."""
    keeps = [_KEEPS[split] for split in splits]
    return [
        "unused" if max(keeps[max(0, i - guard): i + guard + 1]) > keeps[i] else split
        for i, split in enumerate(splits)
    ]
