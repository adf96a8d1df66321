"""A way of calibrating a model's scores as one map: fitted on labelled rows, applied to any scores, kept as JSON."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from medtl.errors import DataError
from medtl.functional.calibration import (
    Isotonic,
    Platt,
    Temperature,
    fit_isotonic,
    fit_platt,
    fit_temperature,
)
from medtl.functional.measure import FloatArray, NotEstimable
from medtl.predictions.table import Kind, Predictions

METHODS = ("temperature", "platt", "isotonic")
Step: TypeAlias = Temperature | Platt | Isotonic


@dataclass(frozen=True, eq=False)
class ScoreMap:
    """Calibrated scores from a model's own.

    Two classes have one map for the positive class; several labels one map each. Exclusive classes share a temperature,
    or have one map each whose answers are brought back to a sum of 1.

    Args:
        method: temperature, platt or isotonic.
        kind: binary, multiclass or multilabel.
        classes: names of the score columns.
        steps: the map of each column that has one: the second of two classes, all columns of more; a temperature that
            exclusive classes share stands alone.
    """

    method: str
    kind: Kind
    classes: tuple[str, ...]
    steps: tuple[Step, ...]

    def __call__(self, scores: FloatArray) -> FloatArray:
        """Calibrated scores.

        Args:
            scores: probabilities, (n, classes).

        Returns:
            (n, classes).
        """
        if self.kind == "multiclass" and self.method == "temperature":
            return self.steps[0](scores)
        if self.kind == "binary":
            positive = self.steps[0](scores[:, 1])
            return np.stack([1 - positive, positive], axis=1)
        table = np.stack([step(scores[:, k]) for k, step in enumerate(self.steps)], axis=1)
        if self.kind == "multilabel":
            return table
        total = table.sum(axis=1, keepdims=True)
        return np.where(total > 0, table / np.where(total > 0, total, 1.0), 1.0 / table.shape[1])

    @property
    def sentence(self) -> str:
        """The map in words and numbers, by class where there are several."""
        if len(self.steps) == 1:
            return self.steps[0].sentence
        return "; ".join(f"{name}: {step.sentence}" for name, step in zip(self.classes, self.steps, strict=True))

    def as_json(self) -> dict[str, Any]:
        """For a contract; numbers in full."""
        return {"method": self.method, "kind": self.kind, "classes": list(self.classes),
                "maps": [_as_json(step) for step in self.steps]}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> ScoreMap:
        """What :meth:`as_json` gave.

        Args:
            told: the JSON.

        Raises:
            KeyError: a part that is missing.
            TypeError: a part of another form.
            ValueError: a map that there is not, or numbers of another form.
        """
        return cls(str(told["method"]), told["kind"], tuple(told["classes"]), tuple(map(_step, told["maps"])))


def fit_map(method: str, rows: Predictions) -> ScoreMap | NotEstimable:
    """Fits a way of calibrating on labelled rows of one model.

    Args:
        method: temperature, platt or isotonic.
        rows: of one model; rows without a label are left out.

    Returns:
        The map, or why there is none.

    Raises:
        DataError: a method that there is not.
    """
    if method not in METHODS:
        raise DataError(f"evaluate.calibration: {method!r} is none of none, {', '.join(METHODS)}")
    if rows.kind == "multiclass" and method == "temperature":
        known = rows.labels[:, 0] >= 0
        shared = fit_temperature(rows.labels[known, 0], rows.scores[known])
        return shared if isinstance(shared, NotEstimable) else ScoreMap(method, rows.kind, rows.classes, (shared,))
    columns = [1] if rows.kind == "binary" else list(range(len(rows.classes)))
    steps: list[Step] = []
    for k in columns:
        labels = rows.labels[:, k if rows.kind == "multilabel" else 0]
        known = labels >= 0
        positive = labels[known] == (1 if rows.kind != "multiclass" else k)
        one = _fit(method, positive, np.asarray(rows.scores[known, k], dtype=np.float64))
        if isinstance(one, NotEstimable):
            return one if len(columns) == 1 else NotEstimable(f"{rows.classes[k]}: {one.reason}")
        steps.append(one)
    return ScoreMap(method, rows.kind, rows.classes, tuple(steps))


def source_validation(rows: Predictions, model: str) -> Predictions:
    """The rows that a model's calibration is fitted on: its own, of the source sites' validation split.

    Args:
        rows: of a run.
        model: adapted, baseline or tent.
    """
    return rows.where(np.asarray((rows.model == model) & (rows.role == "source") & (rows.split == "val")))


def _fit(method: str, positive: FloatArray, scores: FloatArray) -> Step | NotEstimable:
    if method == "temperature":
        return fit_temperature(positive, scores)
    return fit_platt(positive, scores) if method == "platt" else fit_isotonic(positive, scores)


def _as_json(step: Step) -> dict[str, Any]:
    if isinstance(step, Temperature):
        return {"temperature": step.value}
    if isinstance(step, Platt):
        return {"intercept": step.intercept, "slope": step.slope}
    return {"knots": step.knots.tolist(), "values": step.values.tolist()}


def _step(told: Mapping[str, Any]) -> Step:
    if "temperature" in told:
        return Temperature(float(told["temperature"]))
    if "slope" in told:
        return Platt(float(told["intercept"]), float(told["slope"]))
    return Isotonic(np.array(told["knots"], dtype=np.float64), np.array(told["values"], dtype=np.float64))
