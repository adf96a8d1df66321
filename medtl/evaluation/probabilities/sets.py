"""Split conformal sets per class: how often they hold the right class at a site, and how often the model abstains."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from medtl.evaluation.estimates import Estimate
from medtl.functional.conformal import class_bounds
from medtl.functional.intervals.effective import share_interval
from medtl.functional.measure import BoolArray, NotEstimable
from medtl.predictions import Predictions


@dataclass(frozen=True)
class SetRow:
    """Sets at one target site.

    Args:
        site: target.
        model: adapted or baseline.
        calibrated_on: "target adapt" or "source validation"; the promise holds for patients like those alone.
        error: allowed per class and patient.
        reason: why there are no sets; empty where there are.
        bounds: smallest probability of each class that keeps it in the set.
        patients: of each class that the bounds were calibrated on.
        coverage: share of each class's test studies whose set holds it, by class.
        answered: share of test studies whose set is one class; the rest is abstained from.
        right: share of the answered ones that are right.
        studies: test studies with a known label.
    """

    site: str
    model: str
    calibrated_on: str
    error: float
    reason: str
    bounds: tuple[float, ...] = ()
    patients: tuple[int, ...] = ()
    coverage: tuple[tuple[str, Estimate], ...] = ()
    answered: Estimate | None = None
    right: Estimate | None = None
    studies: int = 0

    def as_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "site": self.site, "model": self.model, "calibrated_on": self.calibrated_on, "error": self.error,
            "reason": self.reason or None, "bounds": list(self.bounds), "patients": list(self.patients),
            "coverage": {name: estimate.as_json() for name, estimate in self.coverage},
            "answered": None if self.answered is None else self.answered.as_json(),
            "right": None if self.right is None else self.right.as_json(), "n": self.studies,
        }


def set_row(
    chosen: Predictions, calibrated_on: str, tested: Predictions, error: float, level: float
) -> SetRow | None:
    """Calibrate sets on some labelled rows and judge them on a site's test studies.

    Args:
        chosen: labelled rows of one model.
        calibrated_on: how these are called.
        tested: rows of that model on one target site's test studies.
        error: allowed per class and patient, in (0, 1).
        level: nominal coverage of the intervals.

    Returns:
        The row; None for several labels, which are no exclusive classes.
    """
    if tested.kind not in ("binary", "multiclass") or not len(tested):
        return None
    site, model = str(tested.site[0]), str(tested.model[0])
    known = np.asarray(chosen.labels[:, 0] >= 0)
    bounds = class_bounds(chosen.labels[known, 0], chosen.scores[known], chosen.patient_key[known], error)
    rows = tested.where(np.asarray(tested.labels[:, 0] >= 0))
    if isinstance(bounds, NotEstimable):
        return SetRow(site, model, calibrated_on, error, bounds.reason, studies=len(rows))
    labels, held = rows.labels[:, 0].astype(np.int64), bounds.sets(rows.scores)
    who = np.unique(rows.patient_key, return_inverse=True)[1]
    right = held[np.arange(len(labels)), labels]
    single = held.sum(axis=1) == 1
    every = np.ones(len(labels), dtype=np.bool_)
    coverage = tuple((name, _share("coverage", right, labels == k, who, level))
                     for k, name in enumerate(tested.classes))
    return SetRow(site, model, calibrated_on, error, "", bounds.lowest, bounds.patients, coverage,
                  _share("answered", single, every, who, level), _share("right", right, single, who, level), len(rows))


def _share(name: str, hits: BoolArray, among: BoolArray, who: np.ndarray[Any, Any], level: float) -> Estimate:
    if not among.any():
        return Estimate(name, None, None, "no such study")
    size = int(who.max()) + 1
    hit, all_ = (np.bincount(who[mask], minlength=size) for mask in (hits & among, among))
    return Estimate.of(name, float(hits[among].mean()), share_interval(hit, all_, level))
