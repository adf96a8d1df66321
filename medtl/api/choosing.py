"""How ``recommend`` chooses: by labels that were hidden in their turn, or without any target label."""
from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from medtl.evaluation.questions import question_names
from medtl.functional.macro import average, one_vs_rest, per_label, value_of
from medtl.functional.measure import NotEstimable
from medtl.functional.metrics.auroc import METRIC
from medtl.functional.resampling import BinarySample
from medtl.predictions import Predictions, by_study, read_predictions

RULES = ("dev", "information_maximisation", "soft_neighbourhood_density", "reverse_validation")
"""Whose ranks are averaged: none of them is right often enough to be trusted alone."""


@dataclass(frozen=True)
class Score:
    """What a candidate's choice stands on.

    Attributes:
        run: its run.
        folds: its runs with one fold of visible labels hidden.
        seconds: of all of them.
        value: the higher the better; None before it was worked out.
        shown: in words.
        parts: what it was made of.
    """

    run: Path
    folds: tuple[Path, ...]
    seconds: float
    value: float | None = None
    shown: str = ""
    parts: tuple[tuple[str, float], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As JSON, without paths."""
        return {"run": self.run.name, "score": self.value, "parts": dict(self.parts),
                "seconds": round(self.seconds, 1)}


Ranked = list[tuple[str, Score]]


def by_labels(scores: Mapping[str, Score]) -> tuple[str, Ranked]:
    """Orders candidates by the AUROC of visible target labels, each hidden from the model that answers.

    Args:
        scores: with runs and folds; the plain model first.

    Returns:
        The rule in words, and the candidates, the best first; equals stay in order.
    """
    ranked = []
    for name, score in scores.items():
        value = cross_validated(score.run, score.folds)
        found = None if isinstance(value, NotEstimable) else value
        shown = "not estimable" if found is None else f"AUROC {found:.3f}"
        ranked.append((name, replace(score, value=found, shown=shown)))
    ranked.sort(key=lambda pair: -np.inf if pair[1].value is None else pair[1].value, reverse=True)
    return "cross-validation on the visible target labels", ranked


def cross_validated(run: Path, folds: Sequence[Path]) -> float | NotEstimable:
    """AUROC over the studies whose labels are visible in the run, each answered by the fold that hid it.

    A fold's model has a scale of its own, so pairs are compared within folds only: the mean over folds, weighted by
    their pairs.

    Args:
        run: with all visible labels.
        folds: the runs with a fold hidden.
    """
    visible = _visible(run)
    values, pairs = [], []
    for fold in folds:
        hidden = visible - _visible(fold)
        rows = by_study(read_predictions(fold / "predictions.csv"))
        keys = list(zip(rows.site.tolist(), rows.study.tolist(), strict=True))
        rows = rows.where(np.array([key in hidden for key in keys], dtype=np.bool_))
        found = _auroc(rows) if len(rows) else NotEstimable("no study")
        if not isinstance(found, NotEstimable):
            values.append(found)
            known = rows.labels[:, 0] >= 0
            pairs.append(float((rows.labels[known, 0] == 1).sum() * (rows.labels[known, 0] != 1).sum()) or 1.0)
    if not values:
        return NotEstimable("no fold of the visible labels has both classes")
    return float(np.average(values, weights=pairs))


def without_labels(scores: Mapping[str, Score]) -> tuple[str, Ranked]:
    """Orders candidates by their mean rank over :data:`RULES`, at the epoch that each run kept.

    Args:
        scores: with runs; the plain model first.

    Returns:
        The rule in words, and the candidates, the best first; equals stay in order.
    """
    values = {name: kept_values(score.run) for name, score in scores.items()}
    rules = [rule for rule in RULES if any(rule in of_one for of_one in values.values())]
    names = list(scores)
    ranks = np.full((len(names), max(len(rules), 1)), float(len(names)))
    for column, rule in enumerate(rules):
        found = np.array([values[name].get(rule, np.inf) for name in names])
        for row in range(len(names)):  # lower is better; equals share their mean rank
            ranks[row, column] = 1 + (found < found[row]).sum() + ((found == found[row]).sum() - 1) / 2
    ranked = []
    for row, name in enumerate(names):
        mean = float(ranks[row].mean())
        parts = tuple((rule, values[name][rule]) for rule in rules if rule in values[name])
        ranked.append((name, replace(scores[name], value=-mean, shown=f"mean rank {mean:.2f}", parts=parts)))
    ranked.sort(key=lambda pair: -(pair[1].value or 0.0))
    return f"the mean rank over {', '.join(rules) or 'no rule'}, without target labels", ranked


def kept_values(run: Path) -> dict[str, float]:
    """The values of all rules at the epoch whose weights a run kept, of its last stage that was scored."""
    best: dict[str, float] = {}
    for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines() if (run / "log.jsonl").is_file() else ():
        entry = json.loads(line)
        selection = entry.get("selection") or {}
        if selection.get("values") and selection.get("best_epoch") == entry["epoch"]:
            best = selection["values"]
    return {str(name): float(value) for name, value in best.items()}


def _visible(run: Path) -> set[tuple[str, str]]:
    """Site and study of target rows whose labels training saw."""
    with (run / "catalogue.csv").open(encoding="utf-8", newline="") as file:
        return {(row["site"], row["study"]) for row in csv.DictReader(file)
                if row["role"] == "target" and row["hidden"] == "0"}


def _auroc(rows: Predictions) -> float | NotEstimable:
    question_names(rows)
    if rows.kind == "multilabel":
        return average(per_label(METRIC, rows.labels, rows.scores).parts)
    if rows.kind == "multiclass":
        return one_vs_rest(METRIC, rows.labels[:, 0], rows.scores).value
    known = rows.labels[:, 0] >= 0
    return value_of(METRIC, BinarySample.of(rows.labels[known, 0] == 1, rows.scores[known, -1]))
