"""Is text burned into the images, and does it stand with a label or a hospital?"""
from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from medtl.evaluation.audit.features import Picture
from medtl.evaluation.audit.model import Check, Figure
from medtl.evaluation.audit.question import Question
from medtl.evaluation.audit.scans import Measured
from medtl.io.burned_in import text_boxes

MOST = 240
"""Pictures that are searched for text, in equal shares of hospitals and classes."""
MATERIAL = 0.05
"""Difference of shares that is worth a name."""


def text_checks(
    measured: Measured, questions: tuple[Question, ...], read: Callable[[int], Picture], count: int, seed: int,
    most: int = MOST,
) -> Iterator[Check]:
    """Lines of letter-like spots, by class within each hospital, and by hospital.

    Args:
        measured: the rows.
        questions: of the task; the first one is asked.
        read: middle slice of a position of the catalogue.
        count: permutations of each test.
        seed: of the shuffles.
        most: pictures that are looked at.
    """
    labels = questions[0].labels if questions else np.full(len(measured.rows), -1)
    chosen = _spread(measured, labels, most)
    has = np.array([bool(text_boxes(read(int(measured.rows[k])))) for k in chosen], dtype=np.float64)
    site, unit, known = measured.site[chosen], measured.unit[chosen], labels[chosen]
    name = questions[0].name if questions else ""
    title = "does burned-in text stand with the label?"
    for s, own in enumerate(measured.sites):
        rows = (site == own) & (known >= 0)
        if len(np.unique(known[rows])) < 2:
            yield Check("text_by_label", title, (own,), "not_run", "warning", f"{own}: one class only")
            continue
        yield _differ(
            "text_by_label", title, (own,), has[rows], known[rows], unit[rows], count,
            np.random.default_rng([seed, 13, s]), measured.unit_word,
            f"{own}: lines of text-like spots on {{:.0%}} of scans with {name} and {{:.0%}} of those without",
            "look at both classes' images; mask the text (or crop it away) before training",
        )
    title = "does burned-in text stand with the hospital?"
    if len(measured.sites) < 2:
        yield Check("text_by_site", title, measured.sites, "not_run", "warning", "there is one hospital only")
        return
    shares = {own: float(has[site == own].mean()) for own in measured.sites if (site == own).any()}
    most_text = max(shares, key=shares.__getitem__)
    yield _differ(
        "text_by_site", title, (most_text,), has, (site == most_text).astype(np.int64), unit, count,
        np.random.default_rng([seed, 17]), measured.unit_word,
        f"lines of text-like spots on {{:.0%}} of the scans of {most_text} and {{:.0%}} elsewhere",
        "mask text before training; it tells hospitals apart and may name patients",
        draws_largest=len(shares),
    )


def _spread(measured: Measured, labels: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    groups = [np.flatnonzero((measured.site == site) & (labels == value))
              for site in measured.sites for value in np.unique(labels)]
    groups = sorted((group for group in groups if len(group)), key=len)
    chosen: list[int] = []
    left = most
    for place, group in enumerate(groups):
        count = min(len(group), left // (len(groups) - place))
        chosen += [int(group[k * len(group) // count]) for k in range(count)]
        left -= count
    return np.array(sorted(chosen), dtype=np.int64)


def _differ(
    code: str, title: str, sites: tuple[str, ...], has: NDArray[np.float64], labels: NDArray[np.int64],
    unit: NDArray[np.int64], count: int, rng: np.random.Generator, of: str, words: str,
    advice: str, draws_largest: int = 1,
) -> Check:
    """Two shares, compared by shuffling labels over units; times the number of sites among which one was picked."""
    names, first, place = np.unique(unit, return_index=True, return_inverse=True)
    by_unit = labels[first]
    total, rows = np.bincount(place.ravel(), weights=has), np.bincount(place.ravel()).astype(np.float64)
    columns = np.vstack([by_unit, rng.permuted(np.broadcast_to(by_unit, (count, len(names))), axis=1)])
    yes, all_yes = columns @ total, columns @ rows
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = np.nan_to_num(yes / all_yes - (total.sum() - yes) / (rows.sum() - all_yes))
    p = (1 + int((np.abs(gap[1:]) >= abs(gap[0]) - 1e-12).sum())) / (1 + count)
    with_label, without = float(has[labels == 1].mean()), float(has[labels == 0].mean())
    figure = Figure("difference of shares", with_label - without, None, float(np.quantile(np.abs(gap[1:]), 0.95)),
                    min(1.0, p * draws_largest), None, len(names), of)
    found = abs(with_label - without) >= MATERIAL
    told = words.format(with_label, without)
    return Check(code, title, sites, "found" if found else "clear", "warning", told, advice, figure)
