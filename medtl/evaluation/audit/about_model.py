"""Does the model read the image's borders? Its answers with the borders covered, and with nothing but them."""
from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from medtl.evaluation.audit.features import GRID, RING
from medtl.evaluation.audit.model import Check, Figure
from medtl.evaluation.audit.probe import interval_of, placements, shuffled, wins_of
from medtl.evaluation.audit.question import Question
from medtl.evaluation.audit.scans import Measured

Scan = NDArray[np.float32]
Answer = Callable[[Scan], NDArray[np.float64]]
"""Scans, (n, slices, 1, rows, columns), to scores of the asked class, (n,)."""
SLICES = 192
"""Slices that are shown to the model, in all."""
MATERIAL = 0.65


def model_checks(
    measured: Measured, question: Question, read: Callable[[int], Scan], answer: Answer, permutations: int, seed: int,
) -> Iterator[Check]:
    """Asks the model about scans whose inside, or whose borders, are covered by the scan's own mean.

    Args:
        measured: the rows; those of the test part alone.
        question: what the model answers, over those rows.
        read: prepared scan of a position of the catalogue.
        answer: the model.
        permutations: of the test.
        seed: of the shuffles.
    """
    code, title = "model_reads_borders", "does the model answer from the image's borders?"
    rows = np.flatnonzero(question.labels >= 0)
    if not len(rows):
        yield Check(code, title, measured.sites, "not_run", "warning", "no test scan has a known label")
        return
    depth = len(read(int(measured.rows[rows[0]])))
    most = max(24, SLICES // (3 * depth))
    groups = [rows[question.labels[rows] == value] for value in (0, 1)]
    half = [group[:: max(1, -(-len(group) // (most // 2)))] for group in groups]
    rows = np.sort(np.concatenate(half))
    labels, units = question.labels[rows], measured.unit[rows]
    if min(len(np.unique(units[labels == value])) for value in (0, 1)) < 5:
        yield Check(code, title, measured.sites, "not_run", "warning", "fewer than 5 test patients of a class")
        return
    scans = [read(int(measured.rows[row])) for row in rows]
    whole, only, without = (np.concatenate([answer(shown(scan)[None]) for scan in scans])
                            for shown in (np.asarray, borders_only, borders_covered))
    columns = shuffled(labels, units, permutations, np.random.default_rng([seed, 19]))
    wins, pairs = wins_of(np.repeat(only[:, None], 1 + permutations, axis=1), columns)
    values = wins / np.maximum(pairs, 1)
    value = float(values[0])
    p = (1 + int((values[1:] >= value - 1e-12).sum())) / (1 + permutations)
    placed = placements(only, labels)
    share = np.where(labels == 1, placed - placed[labels == 1].mean(), placed - placed[labels == 0].mean())
    share /= np.where(labels == 1, (labels == 1).sum(), (labels == 0).sum())
    rarer = min(len(np.unique(units[labels == kind])) for kind in (0, 1))
    figure = Figure("AUROC from borders alone", value, interval_of(value, share, units, rarer),
                    float(np.quantile(values[1:], 0.95)), p, None, len(np.unique(units)), measured.unit_word)
    moved = float(np.abs(without - whole).mean())
    yield Check(
        code, title, tuple(dict.fromkeys(measured.site[rows].tolist())), "found" if value >= MATERIAL else "clear",
        "warning", f"shown nothing but the outer eighth, the model tells {question.name}: {figure.words}; covering "
        f"that eighth moves its scores by {moved:.2f} on average",
        "mask or crop the borders and train again; look at where the marker is (report, failures as images)", figure,
    )


def borders_only(scan: Scan) -> Scan:
    """The scan with its inside covered by its mean."""
    return _covered(scan, inside=True)


def borders_covered(scan: Scan) -> Scan:
    """The scan with its borders covered by its mean."""
    return _covered(scan, inside=False)


def _covered(scan: Scan, inside: bool) -> Scan:
    rows, columns = scan.shape[-2:]
    middle = np.zeros((rows, columns), dtype=bool)
    edge = rows * RING // GRID, columns * RING // GRID
    middle[edge[0]:rows - edge[0], edge[1]:columns - edge[1]] = True
    return np.where(middle if inside else ~middle, scan.mean(dtype=np.float64).astype(np.float32), scan)
