"""Everything about probabilities at every site, from predictions alone."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from medtl.data.seeds import names_in_seeds
from medtl.evaluation.prevalence import Prevalence, estimate_prevalence
from medtl.evaluation.probabilities.curves import DecisionCurve, decision_curves
from medtl.evaluation.probabilities.operating import OperatingRow, operating_rows
from medtl.evaluation.probabilities.rows import TreatmentRow, treatment_row
from medtl.evaluation.probabilities.sets import SetRow, set_row
from medtl.evaluation.probabilities.treatments import METHODS, at_prevalence, fitted
from medtl.functional.measure import NotEstimable
from medtl.predictions import UNKNOWN, Predictions, by_study

DRAWS = 400
"""At most so many draws of patients: these figures are many."""
LOCAL = (20, 50)
"""Patients whose labels a local calibration is given, beside all of the adapt split."""
SOURCE_VALIDATION, TARGET_ADAPT = "source validation", "target adapt"
NOTE_SOURCE = "what is chosen on source validation promises nothing for patients unlike the source's"
NOTE_LOCAL = (
    "local means with labels of the target's adapt patients, which trained nothing here; the model itself may have "
    "seen their images"
)
NOTE_SEEN = "labels of the target's adapt patients took part in training, so nothing is calibrated on them"
NOTE_SHIFT = "prior shift holds only where each class looks alike at both sites; a test refuses it otherwise"
NOTE_CURVES = (
    "net benefit above that of calling everyone and of calling nobody (0) is worth having; bands are pointwise"
)


@dataclass(frozen=True)
class Wanted:
    """What is asked, fixed beforehand.

    Args:
        sensitivity: that thresholds should keep, in (0, 1).
        error: that sets may make per class and patient, in (0, 1).
        labels_seen: whether training saw labels of adapt patients.
    """

    sensitivity: float = 0.95
    error: float = 0.1
    labels_seen: bool = False


@dataclass(frozen=True)
class ProbabilityReport:
    """Calibration, thresholds, sets and decision curves.

    Args:
        treatments: per site, model and way of calibrating, on test studies.
        prevalence: of each target site and model as estimated without labels.
        operating: thresholds for a wanted sensitivity.
        sets: conformal sets at the target sites.
        curves: net benefit at the target sites.
        wanted: what was asked.
        draws: of patients, for the intervals here.
        notes: what a reader must know.
    """

    treatments: tuple[TreatmentRow, ...]
    prevalence: tuple[Prevalence, ...]
    operating: tuple[OperatingRow, ...]
    sets: tuple[SetRow, ...]
    curves: tuple[DecisionCurve, ...]
    wanted: Wanted
    draws: int
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "wanted": {"sensitivity": self.wanted.sensitivity, "error": self.wanted.error}, "draws": self.draws,
            "treatments": [row.as_json() for row in self.treatments],
            "prevalence": [row.as_json() for row in self.prevalence],
            "operating": [row.as_json() for row in self.operating], "sets": [row.as_json() for row in self.sets],
            "decision_curves": [curve.as_json() for curve in self.curves], "notes": list(self.notes),
        }


def evaluate_probabilities(
    predictions: Predictions, wanted: Wanted | None = None, *, bootstrap: int = DRAWS, seed: int = 0,
    level: float = 0.95,
) -> ProbabilityReport | None:
    """Judge the probabilities of every model at the source's and the targets' test studies.

    Args:
        predictions: of a run; rows of one study are averaged first.
        wanted: what is asked.
        bootstrap: draws of patients, at most DRAWS of them are made.
        seed: of all draws.
        level: nominal coverage.

    Returns:
        The report; None for a regression.
    """
    if predictions.kind == "regression":
        return None
    wanted, rows, draws = wanted or Wanted(), by_study(predictions), min(bootstrap, DRAWS)
    called = names_in_seeds(rows.site.tolist())
    treatments: list[TreatmentRow] = []
    shares: list[Prevalence] = []
    operating: list[OperatingRow] = []
    sets: list[SetRow] = []
    curves: list[DecisionCurve] = []
    for model in rows.models:
        mine = rows.where(np.asarray(rows.model == model))
        validation = mine.where(np.asarray((mine.role == "source") & (mine.split == "val")))
        prior = _shares(validation)
        found = () if prior is None else estimate_prevalence(mine, prior, model=model, draws=min(draws, 100), seed=seed)
        estimated = {one.site: one for one in found}
        shares += estimated.values()
        for site, role in dict.fromkeys(zip(mine.site.tolist(), mine.role.tolist(), strict=True)):
            here = mine.where(np.asarray((mine.site == site) & (mine.role == role)))
            tested = here.where(np.asarray(here.split == "test"))
            if not len(tested) or not (tested.labels >= 0).any():
                continue
            adapt = here.where(np.asarray((here.split == "adapt") & (here.labels >= 0).any(axis=1)))
            if wanted.labels_seen:
                adapt = adapt.where(np.zeros(len(adapt), dtype=np.bool_))
            options = {"called": called[site], "bootstrap": draws, "seed": seed, "level": level}
            treatments += _treated(tested, validation, adapt, estimated.get(site), prior, options)
            if role != "target":
                continue
            curves += decision_curves(tested, **options)  # type: ignore[arg-type]
            for chosen, name in ((validation, SOURCE_VALIDATION), (adapt, TARGET_ADAPT)):
                if len(chosen):
                    operating += operating_rows(chosen, name, tested, wanted.sensitivity, level)
                    one = set_row(chosen, name, tested, wanted.error, level)
                    sets += [] if one is None else [one]
    notes = [NOTE_SOURCE, NOTE_SEEN if wanted.labels_seen else NOTE_LOCAL, NOTE_CURVES]
    notes += [NOTE_SHIFT] if shares else []
    return ProbabilityReport(
        tuple(treatments), tuple(shares), tuple(operating), tuple(sets), tuple(curves), wanted, draws, tuple(notes)
    )


def _treated(
    tested: Predictions, validation: Predictions, adapt: Predictions, estimated: Prevalence | None,
    prior: tuple[float, ...] | None, options: dict[str, Any],
) -> list[TreatmentRow]:
    out = [treatment_row(tested, "as answered", "", with_null=True, **options)]

    def add(name: str, found: Any) -> None:
        if isinstance(found, NotEstimable):
            first = out[0]
            out.append(TreatmentRow(first.site, first.role, first.model, name, f"not estimable: {found.reason}",
                                    first.studies, first.patients))
        else:
            out.append(treatment_row(found[0](tested), name, found[1], **options))

    for method in METHODS:
        add(f"{method}, {SOURCE_VALIDATION}", fitted(method, validation))
    if estimated is not None and prior is not None:
        if estimated.value is None:
            add("prior shift", NotEstimable(estimated.reason))
        else:
            now = np.array(estimated.value)
            add("prior shift", (lambda p: at_prevalence(p, np.array(prior), now), estimated.sentence))
    everyone = list(dict.fromkeys(adapt.patient_key.tolist()))
    for size in [*(size for size in LOCAL if size < len(everyone)), *([len(everyone)] if everyone else [])]:
        labelled = adapt.where(np.isin(adapt.patient_key, everyone[:size]))
        add(f"local platt, {size} patients", fitted("platt", labelled))
    return out


def _shares(rows: Predictions) -> tuple[float, ...] | None:
    """Class shares of labelled rows; None for several labels, or where some class is missing."""
    if rows.kind == "multilabel":
        return None
    known = rows.labels[rows.labels[:, 0] != UNKNOWN, 0].astype(np.int64)
    counts = np.bincount(known, minlength=len(rows.classes))
    return tuple((counts / counts.sum()).tolist()) if len(known) and counts.min() > 0 else None
