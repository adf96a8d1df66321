"""A linear probe with its own negative control: cross-validated by patient, tested by permutation.

Ridge regression's predictions are linear in the labels, so one matrix per fold answers the true labels and thousands of
shuffled ones alike.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medtl.evaluation.audit.model import Figure
from medtl.functional.intervals.clustered import t_quantile
from medtl.functional.intervals.interval import logit_ends

Matrix = NDArray[np.float64]
Whole = NDArray[np.int64]
FOLDS = 5
LEAST = 10
"""Units of each class that a probe needs."""


@dataclass(frozen=True)
class Probe:
    """What a probe found.

    Attributes:
        auroc: within folds, of labels that were held out.
        interval: 95 %, over units, or None.
        null: values under shuffled labels, (permutations,).
        p: share of shuffles that do as well, the true labels counted in.
        units: how many patients or blocks.
    """

    auroc: float
    interval: tuple[float, float] | None
    null: Matrix
    p: float
    units: int

    def figure(self, name: str = "AUROC", of: str = "patients") -> Figure:
        """For the audit; p is adjusted later."""
        by_chance = float(np.quantile(self.null, 0.95)) if len(self.null) else None
        return Figure(name, self.auroc, self.interval, by_chance, self.p, None, self.units, of)


def folds_of(
    units: Whole, in_blocks: NDArray[np.bool_], labels: Whole, rng: np.random.Generator, folds: int = FOLDS
) -> Whole:
    """A fold per row; a unit's rows share one, and every label is spread over all.

    Args:
        units: number of each row's unit, (n,).
        in_blocks: whether that is a block of a file, whose neighbours may be alike: those go to folds in long runs.
        labels: of each row; a unit is where its first row's label is.
        rng: draws the folds of patients.
        folds: how many.
    """
    names, first, place = np.unique(units, return_index=True, return_inverse=True)
    fold = np.zeros(len(names), dtype=np.int64)
    start = 0
    for label in np.unique(labels[first]):
        of_label = labels[first] == label
        free = np.flatnonzero(of_label & ~in_blocks[first])
        fold[rng.permutation(free)] = (start + np.arange(len(free))) % folds
        start += len(free)
        runs = np.flatnonzero(of_label & in_blocks[first])
        fold[runs] = np.arange(len(runs)) * folds // max(len(runs), 1)
    return fold[place.ravel()]


def standardised(features: Matrix) -> Matrix:
    """Columns of mean 0 and variance 1; constant ones become 0."""
    spread = features.std(axis=0)
    return np.asarray((features - features.mean(axis=0)) / np.where(spread > 1e-9, spread, np.inf), dtype=np.float64)


def smoothers(features: Matrix, fold: Whole) -> list[tuple[Whole, Whole, Matrix]]:
    """Per fold: held-out rows, other rows, and the matrix from the others' labels to the held-out rows' scores."""
    x = standardised(features)
    kernel = x @ x.T
    kernel *= len(kernel) / max(float(np.trace(kernel)), 1e-12)
    out: list[tuple[Whole, Whole, Matrix]] = []
    for number in np.unique(fold):
        held: Whole = np.flatnonzero(fold == number)
        rest: Whole = np.flatnonzero(fold != number)
        if not len(rest):
            continue
        solved = np.linalg.solve(kernel[np.ix_(rest, rest)] + np.eye(len(rest)), kernel[np.ix_(rest, held)])
        out.append((held, rest, np.asarray(solved.T, dtype=np.float64)))
    return out


def shuffled(labels: Whole, units: Whole, count: int, rng: np.random.Generator) -> NDArray[np.int8]:
    """The labels, then so many versions with labels shuffled over units, (n, 1 + count).

    A unit with several labels counts as a unit per label.
    """
    pairs, row_of = np.unique(np.stack([units, labels]), axis=1, return_inverse=True)
    own = pairs[1].astype(np.int8)
    columns = np.empty((len(labels), 1 + count), dtype=np.int8)
    columns[:, 0] = labels
    drawn = rng.permuted(np.broadcast_to(own, (count, len(own))), axis=1)
    columns[:, 1:] = drawn[:, row_of.ravel()].T
    return columns


def probe(
    features: Matrix, labels: Whole, units: Whole, in_blocks: NDArray[np.bool_], *, permutations: int,
    rng: np.random.Generator,
) -> Probe | str:
    """How well classes can be told apart by a ridge regression on these features, held-out units against each other.

    Of more than two classes, each is told from the rest, and the mean is taken.

    Args:
        features: (n, d).
        labels: numbers of classes, (n,).
        units: patient or block of each row, as numbers, (n,).
        in_blocks: whether that is a block, (n,).
        permutations: shuffles of the labels over units.
        rng: draws folds and shuffles.

    Returns:
        What was found, or why nothing could be.
    """
    classes = np.unique(labels)
    counts = [len(np.unique(units[labels == value])) for value in classes]
    if len(counts) < 2 or min(counts) < LEAST:
        found = " and ".join(map(str, counts)) or "none"
        return f"needs two kinds of {LEAST} patients each, found {found}"
    asked = classes[1:] if len(classes) == 2 else classes
    fold = folds_of(units, in_blocks, labels, rng)
    columns = shuffled(labels, units, permutations, rng)
    parts = smoothers(features, fold)
    total, shares = np.zeros(1 + permutations), np.zeros(len(labels))
    for value in asked:
        binary = (columns == value).astype(np.int8)
        wins, pairs = np.zeros(1 + permutations), np.zeros(1 + permutations)
        components = np.full(len(labels), np.nan)
        for held, rest, matrix in parts:
            known = binary[rest].astype(np.float64)
            scores = matrix @ (known - known.mean(axis=0))
            won, of = wins_of(scores, binary[held])
            wins, pairs = wins + won, pairs + of
            components[held] = placements(scores[:, 0], binary[held, 0])
        if (pairs == 0).any():
            return "a fold holds one kind only"
        total += wins / pairs
        shares += _shares(components, binary[:, 0])
    values, shares = total / len(asked), shares / len(asked)
    value, null = float(values[0]), values[1:]
    p = (1 + int((null >= value - 1e-12).sum())) / (1 + len(null))
    return Probe(value, interval_of(value, shares, units, min(counts)), null, p, len(np.unique(units)))


def wins_of(scores: Matrix, labels: NDArray[np.int8]) -> tuple[Matrix, Matrix]:
    """Pairs of a 1 above a 0, ties counting half, and pairs in all, per column: each (columns,)."""
    order = np.argsort(scores, axis=0, kind="stable")
    ranks = np.empty(scores.shape)
    np.put_along_axis(ranks, order, np.arange(1.0, len(scores) + 1)[:, None], axis=0)
    ones = labels.sum(axis=0, dtype=np.float64)
    won = (ranks * labels).sum(axis=0) - ones * (ones + 1) / 2
    return won, ones * (len(scores) - ones)


def placements(scores: Matrix, labels: Whole) -> Matrix:
    """Per row, the share of rows of the other class that it is on the right side of; nan where there is none."""
    out = np.full(len(scores), np.nan)
    ones, zeros = np.sort(scores[labels == 1]), np.sort(scores[labels == 0])
    if len(ones) and len(zeros):
        out[labels == 1] = np.searchsorted(zeros, scores[labels == 1]) / len(zeros)
        out[labels == 0] = 1.0 - np.searchsorted(ones, scores[labels == 0]) / len(ones)
    return out


def _shares(components: Matrix, labels: NDArray[np.int8]) -> Matrix:
    """What each row moves an AUROC by: its placement less the mean of its class, over the class."""
    share = np.zeros(len(labels))
    for kind in (0, 1):
        rows = np.isfinite(components) & (labels == kind)
        share[rows] = (components[rows] - components[rows].mean()) / max(int(rows.sum()), 1)
    return share


def interval_of(value: float, shares: Matrix, units: Whole, rarer: int) -> tuple[float, float] | None:
    """95 % interval of an AUROC on the logit scale, rows of one unit moving together; None for few units.

    Args:
        value: the AUROC.
        shares: what each row moves it by, (n,).
        units: of each row, (n,).
        rarer: units of the rarer class.
    """
    if rarer < 5:
        return None
    bound = 0.025 ** (1 / rarer)
    if value >= 1.0 - 1e-12:
        return bound, 1.0
    if value <= 1e-12:
        return 0.0, 1.0 - bound
    by_unit = np.bincount(np.unique(units, return_inverse=True)[1].ravel(), weights=shares)
    spread = float(np.sqrt((by_unit**2).sum() * len(by_unit) / max(len(by_unit) - 1, 1)))
    return logit_ends(value, max(spread, 1e-6), t_quantile(rarer))
