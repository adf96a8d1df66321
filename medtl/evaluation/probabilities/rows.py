"""How good probabilities are at a site, as they are and after each way of calibrating."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from medtl.evaluation.estimates import Estimate
from medtl.evaluation.questions import Group, Thresholds, group_of
from medtl.evaluation.scoring import load_metrics, score
from medtl.functional.calibration import parts_of_brier
from medtl.functional.measure import FloatArray
from medtl.functional.resampling import BinarySample
from medtl.functional.smoothing import binned, smooth_errors
from medtl.predictions import Predictions

FIGURES = ("brier", "brier_skill", "smooth_ece", "calibration_slope", "calibration_intercept")
NULL_DRAWS = 100


@dataclass(frozen=True)
class Parts:
    """Brier's parts, averaged over questions: the score is miscalibration - discrimination + uncertainty."""

    miscalibration: float
    discrimination: float
    uncertainty: float


@dataclass(frozen=True)
class TreatmentRow:
    """One model's probabilities at one site under one way of calibrating.

    Args:
        site: hospital.
        role: source or target.
        model: adapted or baseline.
        treatment: "as answered", a method and where it was fitted, "prior shift", or "local" with its patients.
        detail: the fitted map in words, or why there is none.
        studies: with a known label.
        patients: of those studies.
        estimates: of FIGURES, empty where the treatment does not exist.
        parts: of the Brier score.
        null: smooth ECE that a calibrated model with these probabilities would show: mean and .95 quantile, studies
            taken as independent; only for "as answered".
    """

    site: str
    role: str
    model: str
    treatment: str
    detail: str
    studies: int
    patients: int
    estimates: tuple[Estimate, ...] = ()
    parts: Parts | None = None
    null: tuple[float, float] | None = None

    def as_json(self) -> dict[str, Any]:
        """As JSON."""
        parts = None if self.parts is None else {
            "miscalibration": self.parts.miscalibration, "discrimination": self.parts.discrimination,
            "uncertainty": self.parts.uncertainty,
        }
        return {
            "site": self.site, "role": self.role, "model": self.model, "treatment": self.treatment,
            "detail": self.detail, "n": self.studies, "patients": self.patients,
            "metrics": {estimate.metric: estimate.as_json() for estimate in self.estimates}, "brier_parts": parts,
            "smooth_ece_of_a_calibrated_model": None if self.null is None else
            {"mean": self.null[0], "q95": self.null[1], "draws": NULL_DRAWS},
        }


def treatment_row(
    rows: Predictions, treatment: str, detail: str, *, called: str, bootstrap: int, seed: int, level: float,
    with_null: bool = False,
) -> TreatmentRow:
    """Judge probabilities at one site.

    Args:
        rows: of one model on one split of one site, at least one.
        treatment: how they were calibrated.
        detail: the map in words.
        called: what the site is called in seeds.
        bootstrap: draws of patients.
        seed: of the draws.
        level: nominal coverage.
        with_null: whether to add what a calibrated model would show.

    Returns:
        The row.
    """
    group = group_of(rows, Thresholds("", {}))
    group = Group(group.names, group.samples, tuple((called, n) for _, n in group.strata), group.keys, group.unknown,
                  group.unnamed)
    site, role, model = str(rows.site[0]), str(rows.role[0]), str(rows.model[0])
    scores = score(group, load_metrics(FIGURES), seed=seed, replicates=bootstrap, level=level, where=site)
    told = [sample for sample in group.samples if len(sample.scores)]
    split = [parts_of_brier(sample.positive, sample.scores) for sample in told]
    parts = Parts(*(float(np.mean(part)) for part in zip(*split, strict=True))) if split else None
    return TreatmentRow(
        site, role, model, treatment, detail, group.studies, group.patients,
        tuple(scores.mean(j) for j in range(len(FIGURES))), parts, _null(told, seed) if with_null and told else None,
    )


def _null(samples: Sequence[BinarySample], seed: int) -> tuple[float, float]:
    rng = np.random.default_rng(np.random.SeedSequence([seed, 5]))
    drawn: FloatArray = np.zeros(NULL_DRAWS)
    for sample in samples:
        labels = rng.random((NULL_DRAWS, len(sample.scores))) < sample.scores
        drawn += smooth_errors(binned(sample.scores, (labels - sample.scores) / len(sample.scores))) / len(samples)
    return float(drawn.mean()), float(np.quantile(drawn, 0.95))
