"""Figures of subgroups at a site: by scanner, and by what headers or the manifest say of patient and scan.

`evaluate_subgroups` reads predictions and `traits.csv` (study, site and a column per trait, de-identified); its
report's `as_json` stands in metrics.json under `subgroups`.
"""
from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from medtl.data.seeds import names_in_seeds
from medtl.evaluation.estimates import Estimate
from medtl.evaluation.questions import Thresholds, choose_thresholds, group_of
from medtl.evaluation.scoring import load_metrics, score
from medtl.functional.delong import delong
from medtl.functional.heterogeneity import cochran
from medtl.functional.measure import NotEstimable
from medtl.functional.multiplicity import holm
from medtl.predictions import Predictions, by_study

FIGURES = ("auroc", "sensitivity", "specificity", "brier")
MOST = 12
"""Values of a trait beyond which it is no grouping."""
LEAST = 10
"""Patients of a subgroup, below which it is named and not scored."""
Traits: TypeAlias = Mapping[tuple[str, str], Mapping[str, str]]


@dataclass(frozen=True)
class Subgroup:
    """One model's figures on the studies that share a trait's value at one site.

    Args:
        site: hospital.
        role: source or target.
        model: adapted or baseline.
        trait: such as sex.
        value: such as F; "unknown" where nobody said.
        studies: with a known label.
        patients: of those studies.
        positives: studies of the positive class of two, else None.
        estimates: of FIGURES, empty where there are too few patients.
    """

    site: str
    role: str
    model: str
    trait: str
    value: str
    studies: int
    patients: int
    positives: int | None
    estimates: tuple[Estimate, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "site": self.site, "role": self.role, "model": self.model, "trait": self.trait, "value": self.value,
            "n": self.studies, "patients": self.patients, "n_positive": self.positives,
            "metrics": {estimate.metric: estimate.as_json() for estimate in self.estimates},
        }


@dataclass(frozen=True)
class TraitTest:
    """Whether AUROC differs between the values of a trait at one site.

    Args:
        site: hospital.
        model: adapted or baseline.
        trait: such as sex.
        p: Cochran's test on DeLong's errors, subgroups taken as independent; or why there is none.
        p_adjusted: by Holm over every test of the report; None where there is none.
    """

    site: str
    model: str
    trait: str
    p: float | NotEstimable
    p_adjusted: float | None

    def as_json(self) -> dict[str, Any]:
        """As JSON."""
        return {"site": self.site, "model": self.model, "trait": self.trait,
                "p": self.p if isinstance(self.p, float) else None, "p_adjusted": self.p_adjusted,
                "reason": None if isinstance(self.p, float) else self.p.reason}


@dataclass(frozen=True)
class SubgroupReport:
    """Subgroups of test studies, tests over them, and how many were looked at."""

    groups: tuple[Subgroup, ...]
    tests: tuple[TraitTest, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """As JSON."""
        return {"groups": [group.as_json() for group in self.groups], "tests": [test.as_json() for test in self.tests],
                "notes": list(self.notes)}


def read_traits(file: Path) -> dict[tuple[str, str], dict[str, str]]:
    """What is known of each study.

    Args:
        file: traits.csv; it need not exist.

    Returns:
        By site and study, trait to value.
    """
    if not file.is_file():
        return {}
    with file.open(encoding="utf-8", newline="") as stream:
        return {(row.pop("site"), row.pop("study")): row for row in csv.DictReader(stream)}


def evaluate_subgroups(
    predictions: Predictions, traits: Traits, *, threshold: str | float = "youden", bootstrap: int = 400, seed: int = 0,
    level: float = 0.95,
) -> SubgroupReport | None:
    """Score every subgroup of the test studies of every site, at the thresholds of the main table.

    Args:
        predictions: of a run; rows of one study are averaged first.
        traits: what is known of each study; the scanner is taken from the predictions.
        threshold: rule, as for the main table.
        bootstrap: draws of patients.
        seed: of the draws.
        level: nominal coverage.

    Returns:
        The report; None for a regression, or where no trait splits any site.
    """
    if predictions.kind == "regression":
        return None
    rows = by_study(predictions)
    rows, seen = rows.where(np.asarray(rows.split == "test")), rows
    called = names_in_seeds(rows.site.tolist())
    columns = _columns(rows, traits)
    groups: list[Subgroup] = []
    raw: list[tuple[str, str, str, float | NotEstimable]] = []
    for model in rows.models:
        validation = seen.where(np.asarray((seen.role == "source") & (seen.split == "val") & (seen.model == model)))
        thresholds = choose_thresholds(validation, threshold)
        for site, role in dict.fromkeys(zip(rows.site.tolist(), rows.role.tolist(), strict=True)):
            here = np.asarray((rows.model == model) & (rows.site == site) & (rows.role == role))
            for trait, values in columns.items():
                names = sorted(set(values[here].tolist()))
                if not 2 <= len(names) <= MOST:
                    continue
                found = []
                for name in names:
                    part = rows.where(here & (values == name))
                    found.append(_aurocs(part))
                    groups.append(_group(part, trait, name, thresholds, called[site], bootstrap, seed, level))
                p = cochran([value for value, _ in found], [error for _, error in found])
                raw.append((site, model, trait, p))
    if not groups:
        return None
    adjusted = holm([p if isinstance(p, float) else float("nan") for *_, p in raw])
    tests = tuple(TraitTest(site, model, trait, p, None if np.isnan(a) else float(a))
                  for (site, model, trait, p), a in zip(raw, adjusted.tolist(), strict=True))
    return SubgroupReport(tuple(groups), tests, (_note(len(groups), len(tests), level),))


def _note(groups: int, tests: int, level: float) -> str:
    return (f"{groups} subgroups were looked at: of as many true values about {groups * (1 - level):.1f} lie outside "
            f"their {level:.0%} interval by chance; the {tests} tests of a difference are corrected for their number "
            "(Holm), and none was fixed beforehand")


def _columns(rows: Predictions, traits: Traits) -> dict[str, np.ndarray[Any, Any]]:
    keys = list(zip(rows.site.tolist(), rows.study.tolist(), strict=True))
    names = dict.fromkeys(name for key in keys for name in traits.get(key, {}))
    found = {name: np.array([traits.get(key, {}).get(name) or "unknown" for key in keys]) for name in names}
    return {"scanner": np.where(rows.scanner == "", "unknown", rows.scanner), **found}


def _aurocs(part: Predictions) -> tuple[float, float]:
    """AUROC and its error, of two classes; nan where they do not exist."""
    if part.kind != "binary":
        return float("nan"), float("nan")
    known = np.asarray(part.labels[:, 0] >= 0)
    found = delong(part.labels[known, 0], part.scores[known, 1], part.patient_key[known])
    if isinstance(found, NotEstimable) or min(found.patients) < LEAST // 2:
        return float("nan"), float("nan")
    return float(found.values[0]), float(np.sqrt(max(0.0, found.covariance[0, 0])))


def _group(
    part: Predictions, trait: str, value: str, thresholds: Thresholds, called: str, bootstrap: int, seed: int,
    level: float,
) -> Subgroup:
    group = group_of(part, thresholds)
    group = replace(group, strata=tuple((called, patients) for _, patients in group.strata))
    positives = int(group.samples[-1].positive.sum()) if part.kind == "binary" else None
    told = Subgroup(str(part.site[0]), str(part.role[0]), str(part.model[0]), trait, value, group.studies,
                    group.patients, positives)
    if group.patients < LEAST:
        reason = f"{group.patients} patients, a subgroup needs {LEAST}"
        return replace(told, estimates=tuple(Estimate(name, None, None, reason) for name in FIGURES))
    scores = score(group, load_metrics(FIGURES), seed=seed, replicates=bootstrap, level=level, where=f"{trait} {value}")
    return replace(told, estimates=tuple(scores.mean(j) for j in range(len(FIGURES))))
