"""The calibration that a package's scores get after the network, and whether it is the one of the run's report."""
from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from medtl.errors import IntegrityError
from medtl.functional.measure import FloatArray, NotEstimable
from medtl.predictions import Predictions, by_study
from medtl.predictions.calibrated import ScoreMap, fit_map, source_validation

FITTED_ON = "source validation"


@dataclass(frozen=True, eq=False)
class Calibration:
    """What ``evaluate.calibration`` makes of a package's scores.

    Attributes:
        method: asked for: temperature, platt or isotonic.
        found: the map, or why there is none, so that scores are the network's own.
        rows: scored scans with a label that it was fitted on.
    """

    method: str
    found: ScoreMap | NotEstimable
    rows: int

    @property
    def rule(self) -> str:
        """In a sentence, for the card and the contract."""
        if isinstance(self.found, NotEstimable):
            return (f"scores are the network's own: evaluate.calibration asks for {self.method}, which could not be "
                    f"fitted on {FITTED_ON} ({self.found.reason})")
        return (f"scores are calibrated after the network by {self.method} ({self.found.sentence}), fitted on the "
                f"labels of {self.rows} scans of {FITTED_ON}; thresholds and figures are of calibrated scores. It "
                "promises nothing for patients unlike the source's: look at the report's calibration of each site")

    def as_json(self) -> dict[str, Any]:
        """For the contract; ``map`` is null where there is none."""
        there = not isinstance(self.found, NotEstimable)
        return {"method": self.method, "fitted_on": FITTED_ON, "rows": self.rows, "rule": self.rule,
                "map": self.found.as_json() if there else None}  # type: ignore[union-attr]


def calibration_of(config: Mapping[str, Any], predictions: Predictions, model: str) -> Calibration | None:
    """Fits the calibration that a run's config asks for, as its report does.

    Args:
        config: of the run.
        predictions: of the run, all sites.
        model: that is exported.

    Returns:
        The calibration; None where none is asked for, or where numbers are predicted.
    """
    method = str((config.get("evaluate") or {}).get("calibration", "none"))
    if method == "none" or predictions.kind == "regression":
        return None
    rows = source_validation(predictions, model)
    labelled = int((rows.labels >= 0).any(axis=1).sum())
    return Calibration(method, fit_map(method, rows), labelled)


def read_map(told: Mapping[str, Any] | None) -> ScoreMap | None:
    """The map of a contract's ``calibration``.

    Args:
        told: as :meth:`Calibration.as_json` gave it, or None.

    Raises:
        IntegrityError: it cannot be read.
    """
    if told is None or told.get("map") is None:
        return None
    try:
        return ScoreMap.from_json(told["map"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise IntegrityError(f"contract.json: the calibration cannot be read ({type(error).__name__}: {error})"
                             ) from None


def check_scale(
    calibration: Calibration, predictions: Predictions, model: str, thresholds: Mapping[str, Any]
) -> float:
    """Whether what a reader of the contract will do to scores is what the run's report was made from.

    The map is written, read back and applied to every row; and a threshold that the report chose among calibrated
    scores must be one of them.

    Args:
        calibration: of the package.
        predictions: of the run, all sites.
        model: that is exported.
        thresholds: of that model, as the contract states them: rule and values.

    Returns:
        The largest difference between the scores of the map and of the map read back.

    Raises:
        IntegrityError: the scales differ.
    """
    if isinstance(calibration.found, NotEstimable):
        return 0.0
    again = read_map(json.loads(json.dumps(calibration.as_json())))
    assert again is not None
    mine = predictions.where(np.asarray(predictions.model == model))
    apart = float(np.abs(again(mine.scores) - calibration.found(mine.scores)).max(initial=0.0))
    scale = _validation_scores(again, predictions, model)
    values = thresholds.get("values") or {}
    chosen = [float(v) for v in values.values() if v is not None] if "Youden" in str(thresholds.get("rule")) else []
    lost = [value for value in chosen if not scale.size or float(np.abs(scale - value).min()) > 1e-8]
    if apart > 0 or lost:
        raise IntegrityError(
            f"the run's report is not of scores calibrated by {calibration.method} as its config asks: threshold "
            f"{', '.join(f'{value:.6g}' for value in lost) or 'none'} is no calibrated score of {FITTED_ON}; write the "
            "report anew with `medtl evaluate RUN`, then export"
        )
    return apart


def _validation_scores(found: ScoreMap, predictions: Predictions, model: str) -> FloatArray:
    rows = source_validation(predictions, model)
    return by_study(replace(rows, scores=found(rows.scores), logits=None)).scores.ravel()
