"""The most confident mistakes: sorted by hand on a table small enough to see."""
from __future__ import annotations

import numpy as np

from medtl.evaluation.failures import confident_mistakes
from medtl.predictions import Predictions


def table(rows: list[tuple[str, str, str, list[float], list[int]]], kind: str, classes: tuple[str, ...]) -> Predictions:
    """Rows (site, role, split, scores, labels) of one model."""
    n = len(rows)
    text = [np.array(column, dtype=np.str_) for column in (
        [f"s{i}" for i in range(n)], [f"p{i}" for i in range(n)], [r[0] for r in rows], [""] * n, [r[1] for r in rows],
        [r[2] for r in rows], ["adapted"] * n)]
    return Predictions(*text, kind=kind, classes=classes, labels=np.array([r[4] for r in rows]),  # type: ignore[arg-type]
                       scores=np.array([r[3] for r in rows]))


def binary(*tested: tuple[float, int]) -> Predictions:
    rows = [("home", "source", "val", [1 - s, s], [y]) for s, y in ((0.2, 0), (0.4, 0), (0.6, 1), (0.8, 1))]
    rows += [("away", "target", "test", [1 - s, s], [y]) for s, y in tested]
    return table(rows, "binary", ("no", "yes"))


def test_false_alarms_and_misses_come_most_confident_first() -> None:
    tested = ((0.9, 0), (0.95, 0), (0.61, 0), (0.1, 1), (0.3, 1), (0.7, 1), (0.99, 1), (0.2, 0))
    found = confident_mistakes(binary(*tested), each=2)
    assert [(a.kind, a.score, a.truth, a.called) for a in found] == [
        ("false alarm", 0.95, "no", "yes"), ("false alarm", 0.9, "no", "yes"), ("miss", 0.1, "yes", "no"),
        ("miss", 0.3, "yes", "no"), ("right", 0.99, "yes", "yes")]
    assert {a.threshold for a in found} == {0.6}
    assert {(a.site, a.role, a.question) for a in found} == {("away", "target", 1)}


def test_none_where_none_was_asked_for_or_nothing_is_known() -> None:
    assert confident_mistakes(binary((0.9, 0)), each=0) == ()
    assert confident_mistakes(binary((0.9, -1), (0.1, -1)), each=3) == ()


def test_exclusive_classes_are_ranked_by_how_far_the_wrong_one_leads() -> None:
    rows = [("away", "target", "test", scores, [truth]) for scores, truth in (
        ([0.8, 0.1, 0.1], 1), ([0.5, 0.4, 0.1], 1), ([0.2, 0.2, 0.6], 2), ([0.9, 0.05, 0.05], 2))]
    found = confident_mistakes(table(rows, "multiclass", ("a", "b", "c")), each=1)
    assert [(a.kind, a.study, a.truth, a.called) for a in found] == [
        ("wrong class", "s3", "c", "a"), ("wrong class", "s0", "b", "a"), ("right", "s2", "c", "c")]


def test_each_label_of_several_is_looked_at() -> None:
    rows = [("home", "source", "val", [0.3, 0.3], [0, 0]), ("home", "source", "val", [0.6, 0.6], [1, 1]),
            ("away", "target", "test", [0.9, 0.1], [0, 1]), ("away", "target", "test", [0.8, 0.7], [1, -1])]
    found = confident_mistakes(table(rows, "multilabel", ("fluid", "mass")), each=2)
    assert [(a.kind, a.question, a.truth, a.called) for a in found] == [
        ("false alarm", 0, "no fluid", "fluid"), ("right", 0, "fluid", "fluid"), ("miss", 1, "mass", "no mass")]
