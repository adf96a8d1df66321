"""The most confident mistakes on test studies: what a reviewer looks at first."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from medtl.evaluation.questions import choose_thresholds, question_names
from medtl.functional.measure import NotEstimable
from medtl.predictions import Predictions, by_study

Kind = Literal["false alarm", "miss", "wrong class", "right"]


@dataclass(frozen=True)
class Answer:
    """One study's answer that is worth looking at.

    Args:
        kind: what went wrong, or `right` for one that is shown for comparison.
        site: hospital.
        role: source or target.
        study: opaque id.
        model: adapted or baseline.
        question: index of the class or label asked for.
        truth: the class that it has, or yes or no for one of several labels.
        called: what the model called it.
        score: of the question.
        threshold: from which a score is called positive; None where the highest score decides.
    """

    kind: Kind
    site: str
    role: str
    study: str
    model: str
    question: int
    truth: str
    called: str
    score: float
    threshold: float | None


def confident_mistakes(
    predictions: Predictions, *, each: int, threshold: str | float = "youden"
) -> tuple[Answer, ...]:
    """Per site the false alarms with the highest scores, the misses with the lowest, and one right positive.

    With exclusive classes it is the studies whose called class leads the true one by most. Only the run's own model is
    looked at, and only where a threshold exists. Equal scores keep the order of the file.

    Args:
        predictions: of a run.
        each: how many of each kind at each site; twice as many where there is one kind only.
        threshold: the rule of the evaluation.

    Returns:
        Answers, site by site in order of the file.
    """
    if each < 1 or predictions.kind == "regression":
        return ()
    rows = by_study(predictions)
    rows = rows.where(rows.model == rows.models[0])
    chosen = choose_thresholds(rows.where((rows.role == "source") & (rows.split == "val")), threshold)
    rows = rows.where((rows.split == "test") & (rows.labels >= 0).any(axis=1))
    out: list[Answer] = []
    for role, site in dict.fromkeys(zip(rows.role.tolist(), rows.site.tolist(), strict=True)):
        here = rows.where((rows.role == role) & (rows.site == site))
        if here.kind == "multiclass":
            out += _wrong_classes(here, 2 * each)
            continue
        names = question_names(here)
        for k, name in enumerate(names):
            value = chosen.values.get(name)
            if value is not None and not isinstance(value, NotEstimable):
                out += _around(here, k, value, each if len(names) == 1 else max(1, each // 2))
    return tuple(out)


def _around(here: Predictions, k: int, threshold: float, each: int) -> list[Answer]:
    several = here.kind == "multilabel"
    labels, scores = here.labels[:, k if several else 0], here.scores[:, k if several else -1]
    words = (f"no {here.classes[k]}", here.classes[k]) if several else here.classes
    called = scores >= threshold
    falling, rising = np.argsort(-scores, kind="stable"), np.argsort(scores, kind="stable")
    wanted: tuple[tuple[Kind, Iterable[int], int, bool, int], ...] = (
        ("false alarm", falling, 0, True, each), ("miss", rising, 1, False, each), ("right", falling, 1, True, 1),
    )
    out = []
    for kind, order, label, call, count in wanted:
        found = [i for i in order if labels[i] == label and called[i] == call][:count]
        out += [
            Answer(kind, str(here.site[i]), str(here.role[i]), str(here.study[i]), str(here.model[i]), k if several
                   else 1, words[label], words[int(call)], float(scores[i]), threshold)
            for i in found
        ]
    return out


def _wrong_classes(here: Predictions, count: int) -> list[Answer]:
    truth, called = here.labels[:, 0], here.scores.argmax(axis=1)
    rows = np.arange(len(here))
    lead = here.scores[rows, called] - here.scores[rows, truth]
    order = np.argsort(-lead, kind="stable")
    wrong: list[tuple[Kind, int]] = [("wrong class", int(i)) for i in order if called[i] != truth[i]][:count]
    sure = np.argsort(-here.scores.max(axis=1), kind="stable")
    wrong += [("right", int(i)) for i in sure if called[i] == truth[i]][:1]
    return [
        Answer(kind, str(here.site[i]), str(here.role[i]), str(here.study[i]), str(here.model[i]), int(called[i]),
               here.classes[truth[i]], here.classes[called[i]], float(here.scores[i, called[i]]), None)
        for kind, i in wrong
    ]
