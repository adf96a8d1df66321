"""Ways of calibrating, fitted by scikit-learn and scipy, and their sentences."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import optimize, special
from sklearn.isotonic import IsotonicRegression

from .figures import logistic, logits
from .studies import Array, Study, Table

METHODS = ("temperature", "platt", "isotonic")
LEAST, HOTTEST = 5, 100.0
Change = Callable[[list[Study]], list[Study]]


class Way(NamedTuple):
    """A fitted way of calibrating: what it does to studies, and its numbers, by class where there are several."""

    change: Change
    numbers: tuple[float, ...]


def fitted(table: Table, method: str, chosen: list[Study]) -> Way | None:
    """Fits a way of calibrating; None where some class has too few studies.

    Args:
        table: for the kind of task.
        method: temperature, platt or isotonic.
        chosen: studies that it is fitted on.
    """
    if table.kind == "multiclass" and method == "temperature":
        return _shared(chosen, len(table.classes))
    columns = [1] if table.kind == "binary" else list(range(len(table.classes)))
    maps: dict[int, Callable[[Array], Array]] = {}
    numbers: list[float] = []
    for k in columns:
        known = [s for s in chosen if not math.isnan(s.labels[k])]
        truth = np.array([s.labels[k] for s in known], dtype=np.int64)
        score = np.array([s.scores[k] for s in known])
        if len(known) == 0 or min((truth == 0).sum(), (truth == 1).sum()) < LEAST:
            return None
        maps[k], told = {"temperature": _temperature, "platt": _platt, "isotonic": _isotonic}[method](score, truth)
        numbers += told
    return Way(lambda studies: _mapped(table.kind, maps, studies), tuple(numbers))


def _temperature(score: Array, truth: Array) -> tuple[Callable[[Array], Array], list[float]]:
    """Logistic regression through the origin: its slope is one over the temperature."""
    slope = logistic(logits(score), truth, through=True)[1]
    hot = HOTTEST if slope <= 1 / HOTTEST else max(1 / slope, 1 / HOTTEST)
    return (lambda p: np.asarray(special.expit(logits(p) / hot))), [hot]


def _platt(score: Array, truth: Array) -> tuple[Callable[[Array], Array], list[float]]:
    """Logistic regression on every study twice, positive and negative, weighted by Platt's targets."""
    ups, downs = int((truth == 1).sum()), int((truth == 0).sum())
    target = np.where(truth == 1, (ups + 1) / (ups + 2), 1 / (downs + 2))
    x = logits(score)
    if float(x.std()) < 1e-9:
        flat = math.log((ups + 1) / (downs + 1))
        return (lambda p: np.full(len(p), special.expit(flat))), [flat, 0.0]
    start, slope = logistic(np.tile(x, 2), np.repeat([1, 0], len(x)), np.concatenate([target, 1 - target]))
    return (lambda p: np.asarray(special.expit(start + slope * logits(p)))), [start, slope]


def _isotonic(score: Array, truth: Array) -> tuple[Callable[[Array], Array], list[float]]:
    fit = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(score, truth.astype(np.float64))
    return (lambda p: np.asarray(fit.predict(p))), [float(len(np.unique(fit.y_thresholds_)))]


def _shared(chosen: list[Study], classes: int) -> Way | None:
    """One temperature of several classes: where the cross entropy's slope in one over it is 0."""
    known = [s for s in chosen if s.known]
    labels = np.array([s.label for s in known], dtype=np.int64)
    if len(known) == 0 or np.bincount(labels, minlength=classes).min() < LEAST:
        return None
    logs = np.log(np.clip([s.scores for s in known], 1e-7, 1.0))

    def slope(cold: float) -> float:
        expected = (special.softmax(cold * logs, axis=1) * logs).sum(axis=1)
        return float((logs[np.arange(len(labels)), labels] - expected).sum())

    ends = (1 / HOTTEST, HOTTEST)
    cold = ends[0] if slope(ends[0]) <= 0 else ends[1] if slope(ends[1]) >= 0 else float(
        optimize.brentq(slope, *ends, xtol=1e-13))

    def change(studies: list[Study]) -> list[Study]:
        return [s._replace(scores=tuple(special.softmax(cold * np.log(np.clip(s.scores, 1e-7, 1.0))).tolist()))
                for s in studies]

    return Way(change, (1 / cold,))


def _mapped(kind: str, maps: dict[int, Callable[[Array], Array]], studies: list[Study]) -> list[Study]:
    if not studies:
        return studies
    table = np.array([s.scores for s in studies])
    if kind == "binary":
        positive = maps[1](table[:, 1])
        table = np.stack([1 - positive, positive], axis=1)
    else:
        table = np.stack([maps[k](table[:, k]) for k in range(table.shape[1])], axis=1)
    if kind == "multiclass":
        total = table.sum(axis=1, keepdims=True)
        table = np.where(total > 0, table / np.where(total > 0, total, 1.0), 1 / table.shape[1])
    return [s._replace(scores=tuple(row)) for s, row in zip(studies, table.tolist(), strict=True)]


def at_prevalence(studies: list[Study], before: Array, now: Array) -> list[Study]:
    """Answers of exclusive classes under other class shares, by Bayes' rule."""
    out = []
    for s in studies:
        joint = np.maximum(s.scores, 1e-12) * now / before
        out.append(s._replace(scores=tuple((joint / joint.sum()).tolist())))
    return out


def treated(table: Table, raw: Table, method: str) -> Table:
    """Every model's answers, calibrated on its own source validation rows before scans are averaged.

    Args:
        table: of studies.
        raw: of scans.
        method: none, or a way of calibrating.
    """
    if method == "none" or table.kind == "regression":
        return table
    ways = {m: fitted(raw, method, raw.studies(m, "", "source", "val")) for m in table.models}

    def change(model: str, studies: list[Study]) -> list[Study]:
        way = ways[model]
        return studies if way is None else way.change(studies)

    after = raw.scored(change)
    out = {}
    for key, studies in table.parts.items():
        scans: dict[str, list[Study]] = {}
        for scan in after.parts[key]:
            scans.setdefault(scan.name, []).append(scan)
        out[key] = [s._replace(scores=tuple(np.mean([scan.scores for scan in scans[s.name]], axis=0).tolist()))
                    for s in studies]
    return table._replace(parts=out)
