"""Can the label be told from what is hardly the disease: pixel statistics, the image's borders, the hospital?"""
from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, permutations

import numpy as np
from numpy.typing import NDArray

from medtl.evaluation.audit.about_sites import MATERIAL
from medtl.evaluation.audit.features import STATISTICS
from medtl.evaluation.audit.model import Check, Figure, Outcome
from medtl.evaluation.audit.probe import (
    LEAST,
    interval_of,
    placements,
    probe,
    shuffled,
    standardised,
    wins_of,
)
from medtl.evaluation.audit.question import Question
from medtl.evaluation.audit.scans import Measured

MOST_PAIRS = 6
"""Pairs of hospitals that are compared."""
Matrix = NDArray[np.float64]
_WITHIN = (
    ("label_in_statistics", "statistics", "can the label be told from a dozen pixel statistics?",
     "a linear model on a dozen pixel statistics, which know nothing of where a point lies, tells",
     "see which statistic it is; a network will find it too. Match histograms (data.harmonize), augment strongly, and "
     "set this figure beside every result: a model that does no better has learned no more"),
    ("label_in_borders", "borders", "can the label be told from the image's borders alone?",
     "the outer eighth of the image, where markers and captions stand, tells",
     "look at the borders of both classes; mask markers and captions, or crop, before training"),
)


def label_checks(measured: Measured, questions: tuple[Question, ...], count: int, seed: int) -> Iterator[Check]:
    """Within each hospital, then from one hospital to the other.

    Args:
        measured: the rows.
        questions: of the task, over those rows.
        count: permutations of each test.
        seed: of folds and shuffles.
    """
    for q, question in enumerate(questions):
        for code, kind, title, words, advice in _WITHIN:
            for s, site in enumerate(measured.sites):
                rows = np.flatnonzero((measured.site == site) & (question.labels >= 0))
                rng = np.random.default_rng([seed, len(code), q, s])
                found = probe(measured.of(kind)[rows], question.labels[rows], measured.unit[rows],
                              measured.in_blocks[rows], permutations=count, rng=rng)
                if isinstance(found, str):
                    yield Check(code, title, (site,), "not_run", "warning", f"{site}, {question.name}: {found}")
                    continue
                figure = found.figure(of=measured.unit_word)
                outcome: Outcome = "found" if found.auroc >= MATERIAL else "clear"
                yield Check(code, title, (site,), outcome, "warning",
                            f"{site}: {words} {question.name}: {figure.words}", advice, figure)
        yield from _across(measured, question, count, seed + q)
        yield from _reversals(measured, question, count, seed + q)


def _sites_with_both(measured: Measured, question: Question) -> list[str]:
    def units(site: str, value: int) -> int:
        return len(np.unique(measured.unit[(measured.site == site) & (question.labels == value)]))

    return [site for site in measured.sites if min(units(site, 0), units(site, 1)) >= LEAST]


def _across(measured: Measured, question: Question, count: int, seed: int) -> Iterator[Check]:
    """A dozen statistics learned at one hospital, asked at another."""
    code, title = "statistics_across", "do pixel statistics mean the same at another hospital?"
    for s, (home, away) in enumerate(list(permutations(_sites_with_both(measured, question), 2))[:MOST_PAIRS]):
        there = np.flatnonzero((measured.site == away) & (question.labels >= 0))
        here = np.flatnonzero((measured.site == home) & (question.labels >= 0))
        learned, asked = (standardised(measured.of("statistics")[rows]) for rows in (here, there))
        known = question.labels[here] - question.labels[here].mean()
        weights = np.linalg.solve(learned.T @ learned + len(here) * np.eye(learned.shape[1]) / 12, learned.T @ known)
        scores = asked @ weights
        labels, units = question.labels[there], measured.unit[there]
        columns = shuffled(labels, units, count, np.random.default_rng([seed, 3, s]))
        wins, pairs = wins_of(np.repeat(scores[:, None], 1 + count, axis=1), columns)
        values = wins / np.maximum(pairs, 1)
        value, null = float(values[0]), values[1:]
        p = (1 + int((np.abs(null - 0.5) >= abs(value - 0.5) - 1e-12).sum())) / (1 + count)
        rarer = min(len(np.unique(units[labels == kind])) for kind in (0, 1))
        placed = placements(scores, labels)
        share = np.where(labels == 1, placed - placed[labels == 1].mean(), placed - placed[labels == 0].mean())
        share /= np.where(labels == 1, (labels == 1).sum(), (labels == 0).sum())
        figure = Figure("AUROC", value, interval_of(value, share, units, rarer), float(np.quantile(null, 0.95)), p,
                        None, len(np.unique(units)), measured.unit_word)
        far = abs(value - 0.5) >= MATERIAL - 0.5
        means = "point the other way" if value < 0.5 else "mean the same"
        yield Check(
            code, title, (home, away), "found" if far else "clear", "note",
            f"statistics learned at {home} {means if far else 'say little'} at {away} for {question.name}: "
            f"{figure.words}",
            "a model that leans on grey values will "
            + ("be wrong" if value < 0.5 else "look as if it transferred") + f" at {away}", figure,
        )


def _reversals(measured: Measured, question: Question, count: int, seed: int) -> Iterator[Check]:
    """Single statistics that point to the label at both hospitals, in opposite directions."""
    code, title = "statistic_reverses", "does a pixel statistic point to the label in opposite ways at two hospitals?"
    sites = _sites_with_both(measured, question)
    told = {site: _single(measured, question, site, count, np.random.default_rng([seed, 5, s]))
            for s, site in enumerate(sites)}
    for one, other in list(combinations(sites, 2))[:MOST_PAIRS]:
        (first, p_first), (second, p_second) = told[one], told[other]
        opposite = (first - 0.5) * (second - 0.5) < 0
        # each statistic must be proved at both hospitals, so the larger p counts
        p = np.where(opposite, np.maximum(p_first, p_second), 1.0)
        best = int(np.lexsort((-np.minimum(np.abs(first - 0.5), np.abs(second - 0.5)), p))[0])
        name = STATISTICS[best]
        figure = Figure(f"AUROC of the {name} at {one}", float(first[best]), None, None, float(p[best]), None,
                        len(np.unique(measured.unit[np.isin(measured.site, [one, other])])), measured.unit_word)
        words = (f"the {name} points to {question.name} in opposite ways: AUROC {first[best]:.2f} at {one}, "
                 f"{second[best]:.2f} at {other}")
        yield Check(code, title, (one, other), "found" if opposite[best] else "clear", "warning",
                    words if opposite[best] else f"no statistic does for {question.name} at {one} and {other}",
                    "a model that learns it at one hospital is wrong at the other; match histograms (data.harmonize) "
                    "or augment strongly", figure)


def _single(
    measured: Measured, question: Question, site: str, count: int, rng: np.random.Generator
) -> tuple[Matrix, Matrix]:
    """AUROC of every statistic at a site, and its p over all of them (the largest of a shuffle's deviations)."""
    rows = np.flatnonzero((measured.site == site) & (question.labels >= 0))
    columns = shuffled(question.labels[rows], measured.unit[rows], count, rng).astype(np.float64)
    values = measured.of("statistics")[rows]
    ranks = np.stack([_mid_ranks(column) for column in values.T])
    ones = columns.sum(axis=0)
    zeros = len(rows) - ones
    auroc = (ranks @ columns - ones * (ones + 1) / 2) / np.maximum(ones * zeros, 1)
    most = np.abs(auroc[:, 1:] - 0.5).max(axis=0)
    p = (1 + (most[None, :] >= np.abs(auroc[:, :1] - 0.5) - 1e-12).sum(axis=1)) / (1 + count)
    return auroc[:, 0], p


def _mid_ranks(values: Matrix) -> Matrix:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place.ravel()], dtype=np.float64)


def confounding_checks(
    measured: Measured, questions: tuple[Question, ...], count: int, seed: int
) -> Iterator[Check]:
    """Whether hospital and label go together, by patient.

    Args:
        measured: the rows.
        questions: of the task.
        count: permutations of each test.
        seed: of the shuffles.
    """
    code, title = "site_label_confounding", "do hospital and label go together?"
    for q, question in enumerate(questions):
        known = question.labels >= 0
        units, first = np.unique(measured.unit[known], return_index=True)
        labels = np.array([question.labels[known][measured.unit[known] == unit].max() for unit in units])
        number = {site: k for k, site in enumerate(measured.sites)}
        sites = np.array([number[site] for site in measured.site[known][first]], dtype=np.int64)
        if len(np.unique(sites)) < 2 or len(np.unique(labels)) < 2:
            yield Check(code, title, measured.sites, "not_run", "warning",
                        f"{question.name}: one hospital or one class only")
            continue
        rng = np.random.default_rng([seed, 7, q])
        columns = rng.permuted(np.broadcast_to(labels, (count, len(labels))), axis=1)
        value = cramers_v(sites, labels[None])[0]
        null = cramers_v(sites, columns)
        p = (1 + int((null >= value - 1e-12).sum())) / (1 + count)
        figure = Figure("Cramer's V", float(value), None, float(np.quantile(null, 0.95)), p, None, len(units),
                        measured.unit_word)
        there = {site: labels[sites == k] for site, k in number.items() if (sites == k).any()}
        shares = ", ".join(f"{site} {own.mean():.0%}" for site, own in there.items())
        strong = value >= 0.3
        yield Check(
            code, title, measured.sites, "found" if value >= 0.1 else "clear", "warning" if strong else "note",
            f"hospital and {question.name} go together ({shares} positive): {figure.words}",
            "a model can answer by recognising the hospital: judge within hospitals only, never pooled, and balance "
            "classes within each hospital in training", figure,
        )


def cramers_v(sites: NDArray[np.int64], labels: NDArray[np.int64]) -> Matrix:
    """Cramer's V of hospital and binary label, corrected for bias, of each row of labels.

    Args:
        sites: numbers from 0, (n,).
        labels: 0 or 1, (draws, n).

    Returns:
        (draws,), in [0, 1].

    Reference:
        Bergsma 2013, "A bias-correction for Cramer's V and Tschuprow's T", Journal of the Korean Statistical Society.
    """
    n, count = len(sites), int(sites.max()) + 1
    member = np.eye(count)[sites]
    size = member.sum(axis=0)
    ones = labels.astype(np.float64) @ member
    share = labels.mean(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        chi = ((ones - size * share) ** 2 / (size * share * (1 - share))).sum(axis=1)
    phi = np.nan_to_num(chi) / n
    better = np.maximum(0.0, phi - (count - 1) / (n - 1))
    rows, columns = count - (count - 1) ** 2 / (n - 1), 2 - 1 / (n - 1)
    return np.asarray(np.sqrt(better / max(min(rows - 1, columns - 1), 1e-12)))
