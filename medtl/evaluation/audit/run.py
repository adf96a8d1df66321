"""An audit from beginning to end: measure, ask, and name only what stands up to all questions asked together."""
from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from medtl.data.duplicates import Finding, find_duplicates
from medtl.data.prepared import Prepared
from medtl.evaluation.audit.about_labels import confounding_checks, label_checks
from medtl.evaluation.audit.about_leaks import leak_checks
from medtl.evaluation.audit.about_model import Answer, model_checks
from medtl.evaluation.audit.about_preparation import preparation_checks, profiles_of
from medtl.evaluation.audit.about_sites import site_checks
from medtl.evaluation.audit.about_text import text_checks
from medtl.evaluation.audit.features import Picture, middle
from medtl.evaluation.audit.model import Audit, Check, Profile
from medtl.evaluation.audit.question import Question, questions_of
from medtl.evaluation.audit.scans import Measured, measure
from medtl.types import Cohort

LEVEL = 0.01
"""Chance that an audit of clean data names anything: one in a hundred."""
LEAST_PERMUTATIONS = 1999
IN_BLOCKS = (
    "patients are unknown for some scans: blocks of neighbouring rows count as patients, and chance may be underrated"
)


@dataclass(frozen=True)
class Task:
    """What an audit must know of the task.

    Attributes:
        kind: binary, multiclass, multilabel or regression.
        names: of its scores.
    """

    kind: str
    names: tuple[str, ...]


def run_audit(
    prepared: Prepared,
    cohort: Cohort,
    task: Task,
    *,
    seed: int = 0,
    level: float = LEVEL,
    duplicates: Sequence[Finding] | None = None,
    answer: Answer | None = None,
    shown: Prepared | None = None,
    known: Sequence[Profile] = (),
    most: int | None = None,
) -> Audit:
    """Looks for shifts between hospitals and for shortcuts to the label.

    Every test is by permutation of patients, and Holm's rule holds over all of them together, so that an audit of clean
    data names anything with probability at most ``level``; a finding must be large enough to matter besides.

    Args:
        prepared: scans as they are before any harmonisation.
        cohort: roles, splits and all labels, hidden ones too: an audit judges and chooses nothing.
        task: of the run.
        seed: of folds and shuffles.
        level: error rate of the whole audit.
        duplicates: found already, or None to look for them.
        answer: the model, from scans as it is shown them to scores of the first question; None leaves it unasked.
        shown: scans as the model is shown them; ``prepared`` if None.
        known: profiles of the source's sites from an earlier audit, where they are not among these scans.
        most: rows that are measured; a bound on time.

    Returns:
        The audit, findings first.
    """
    began = time.perf_counter()
    measured = measure(prepared, cohort) if most is None else measure(prepared, cohort, most)
    questions = questions_of(task.kind, task.names, measured.labels)
    count = _permutations(len(measured.sites), len(questions), level)
    found = duplicates if duplicates is not None else find_duplicates(prepared, cohort)
    source = tuple(dict.fromkeys(item.site for item, role in zip(cohort.catalogue.items, cohort.role, strict=True)
                                 if role == "source"))

    def picture(position: int) -> Picture:
        return middle(prepared.array(position))

    def checks() -> Iterator[Check]:
        yield from leak_checks(cohort, found)
        yield from preparation_checks(measured, source, count, seed, known)
        yield from site_checks(measured, count, seed)
        yield from confounding_checks(measured, questions, count, seed)
        yield from label_checks(measured, questions, count, seed)
        yield from text_checks(measured, questions, picture, count, seed)
        if answer is not None and questions:
            test, asked = _tested(measured, cohort, questions[0])
            yield from model_checks(test, asked, (shown or prepared).array, answer, count, seed)

    judged, tests = holm(checks(), level)
    notes = (IN_BLOCKS,) if measured.in_blocks.any() else ()
    return Audit(
        checks=judged, level=level, tests=tests, permutations=count, seed=seed,
        seconds=round(time.perf_counter() - began, 2), studies=len(measured.rows), patients=measured.units,
        sites=measured.sites, notes=notes, profiles=profiles_of(measured),
    ).ordered()


def holm(checks: Iterable[Check], level: float) -> tuple[tuple[Check, ...], int]:
    """Adjusts every p, and clears what does not stand up to it.

    Args:
        checks: those with a p are tests; others are facts and stay as they are.
        level: error rate of all tests together.

    Returns:
        The checks, and how many were tests.
    """
    listed = list(checks)
    tests = [k for k, check in enumerate(listed) if check.figure is not None and check.figure.p is not None]
    highest = 0.0
    for place, k in enumerate(sorted(tests, key=lambda k: _p(listed[k]))):
        highest = max(highest, min(1.0, _p(listed[k]) * (len(tests) - place)))
        check = listed[k]
        assert check.figure is not None
        outcome = check.outcome if highest <= level else "clear"
        listed[k] = replace(check, outcome=outcome, figure=replace(check.figure, adjusted_p=highest))
    return tuple(check if check.outcome == "found" else _plain(check) for check in listed), len(tests)


def _plain(check: Check) -> Check:
    """Without advice, and without claiming what did not stand up."""
    tested = check.figure is not None and check.figure.p is not None
    words = f"{', '.join(check.sites)}: {check.figure.words}" if tested and check.figure is not None else check.words
    return replace(check, words=words, advice="")


def _p(check: Check) -> float:
    assert check.figure is not None
    assert check.figure.p is not None
    return check.figure.p


def _permutations(sites: int, questions: int, level: float) -> int:
    """Enough that the smallest possible p, times the number of tests, is half of the level."""
    pairs = min(6, sites * (sites - 1))
    tests = 3 + 3 * sites + questions * (1 + 2 * sites + 2 * pairs) + 2
    return max(LEAST_PERMUTATIONS, math.ceil(2 * tests / level) - 1)


def _tested(measured: Measured, cohort: Cohort, question: Question) -> tuple[Measured, Question]:
    """The rows of test parts alone."""
    rows: NDArray[np.int64] = np.flatnonzero([cohort.split[int(i)] == "test" for i in measured.rows])
    part = replace(
        measured, rows=measured.rows[rows], site=measured.site[rows], unit=measured.unit[rows],
        in_blocks=measured.in_blocks[rows], labels=measured.labels[rows],
        features=tuple(measured.features[int(k)] for k in rows),
    )
    return part, replace(question, labels=question.labels[rows])


