"""Ways of calibrating a model's answers, fitted where labels may be used and applied to a site's studies."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from medtl.functional.calibration import to_prevalence
from medtl.functional.measure import FloatArray, NotEstimable
from medtl.predictions import Predictions
from medtl.predictions.calibrated import METHODS, fit_map, source_validation

__all__ = ["METHODS", "Applied", "at_prevalence", "calibrated", "fitted"]
Applied: TypeAlias = Callable[[Predictions], Predictions]


def fitted(method: str, rows: Predictions) -> tuple[Applied, str] | NotEstimable:
    """Fit a way of calibrating on labelled rows of one model.

    Args:
        method: temperature, platt or isotonic.
        rows: of one model; rows without a label are left out.

    Returns:
        What turns predictions into calibrated ones, and the map in words; or why there is none.

    Raises:
        DataError: a method that there is not.
    """
    found = fit_map(method, rows)
    if isinstance(found, NotEstimable):
        return found
    return lambda p: replace(p, scores=found(p.scores), logits=None), found.sentence


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
        found = fitted(method, source_validation(predictions, model))
        if isinstance(found, NotEstimable):
            notes.append(f"{model}: not calibrated ({found.reason} in source validation)")
            continue
        scores[mine] = found[0](predictions.where(np.asarray(mine))).scores
        notes.append(f"{model}: scores calibrated on source validation by {method} ({found[1]}), as in an exported "
                     "package")
    return replace(predictions, scores=scores, logits=None), tuple(notes)
