"""Ways of calibrating a model's answers, fitted where labels may be used and applied to a site's studies."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from medtl.errors import DataError
from medtl.functional.calibration import (
    Calibrator,
    fit_isotonic,
    fit_platt,
    fit_temperature,
    to_prevalence,
)
from medtl.functional.measure import FloatArray, NotEstimable
from medtl.predictions import Predictions

METHODS = ("temperature", "platt", "isotonic")
Applied: TypeAlias = Callable[[Predictions], Predictions]


def fitted(method: str, rows: Predictions) -> tuple[Applied, str] | NotEstimable:
    """Fit a way of calibrating on labelled rows of one model.

    Two classes have one map for the positive class; several labels one map each. Exclusive classes share a temperature,
    or have one map each whose answers are brought back to a sum of 1.

    Args:
        method: temperature, platt or isotonic.
        rows: of one model; rows without a label are left out.

    Returns:
        What turns predictions into calibrated ones, and the map in words; or why there is none.

    Raises:
        DataError: a method that there is not.
    """
    if method not in METHODS:
        raise DataError(f"evaluate.calibration: {method!r} is none of none, {', '.join(METHODS)}")
    if rows.kind == "multiclass" and method == "temperature":
        known = rows.labels[:, 0] >= 0
        shared = fit_temperature(rows.labels[known, 0], rows.scores[known])
        if isinstance(shared, NotEstimable):
            return shared
        return lambda p: replace(p, scores=shared(p.scores), logits=None), shared.sentence
    columns = [1] if rows.kind == "binary" else list(range(len(rows.classes)))
    maps: dict[int, Calibrator] = {}
    for k in columns:
        labels = rows.labels[:, k if rows.kind == "multilabel" else 0]
        known = labels >= 0
        positive = labels[known] == (1 if rows.kind != "multiclass" else k)
        one = _fit(method, positive, np.asarray(rows.scores[known, k], dtype=np.float64))
        if isinstance(one, NotEstimable):
            return one if len(columns) == 1 else NotEstimable(f"{rows.classes[k]}: {one.reason}")
        maps[k] = one
    told = "; ".join(f"{rows.classes[k]}: {one.sentence}" if len(maps) > 1 else one.sentence for k, one in maps.items())
    return lambda p: replace(p, scores=_mapped(p, maps), logits=None), told


def at_prevalence(rows: Predictions, before: FloatArray, now: FloatArray) -> Predictions:
    """Answers of exclusive classes under other class shares.

    Args:
        rows: binary or multiclass.
        before: shares under which the answers hold, (classes,).
        now: shares to be had, (classes,).

    Returns:
        The same rows with other scores.
    """
    return replace(rows, scores=to_prevalence(rows.scores, before, now), logits=None)


def calibrated(predictions: Predictions, method: str) -> tuple[Predictions, tuple[str, ...]]:
    """Every model's answers, calibrated on its own source validation rows.

    Args:
        predictions: of a run.
        method: none, temperature, platt or isotonic.

    Returns:
        The predictions, and what was done in words, model by model.

    Raises:
        DataError: a method that there is not.
    """
    if method == "none" or predictions.kind == "regression":
        return predictions, ()
    scores, notes = predictions.scores.copy(), []
    for model in predictions.models:
        mine = predictions.model == model
        validation = mine & (predictions.role == "source") & (predictions.split == "val")
        found = fitted(method, predictions.where(np.asarray(validation)))
        if isinstance(found, NotEstimable):
            notes.append(f"{model}: not calibrated ({found.reason} in source validation)")
            continue
        scores[mine] = found[0](predictions.where(np.asarray(mine))).scores
        notes.append(f"{model}: scores calibrated on source validation by {method} ({found[1]}); an exported package "
                     "gives them as the network does")
    return replace(predictions, scores=scores, logits=None), tuple(notes)


def _fit(method: str, positive: FloatArray, scores: FloatArray) -> Calibrator | NotEstimable:
    if method == "temperature":
        return fit_temperature(positive, scores)
    return fit_platt(positive, scores) if method == "platt" else fit_isotonic(positive, scores)


def _mapped(rows: Predictions, maps: dict[int, Calibrator]) -> FloatArray:
    if rows.kind == "binary":
        positive = maps[1](rows.scores[:, 1])
        return np.stack([1 - positive, positive], axis=1)
    table = np.stack([maps[k](rows.scores[:, k]) for k in range(rows.scores.shape[1])], axis=1)
    if rows.kind == "multilabel":
        return table
    total = table.sum(axis=1, keepdims=True)
    return np.where(total > 0, table / np.where(total > 0, total, 1.0), 1.0 / table.shape[1])
