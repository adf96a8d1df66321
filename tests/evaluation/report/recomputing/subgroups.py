"""The part `subgroups` of metrics.json: figures by scanner and by what traits.csv says, and tests of a difference."""
from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from .figures import Reference, figures, mean_of
from .intervals import NONE, check, intervals
from .ledger import Ledger, Place
from .paired import delong_error, holm
from .sites import room_of
from .studies import Question, Study, Table, questions

FIGURES = ("auroc", "sensitivity", "specificity", "brier")
LEAST, MOST = 10, 12
Traits = dict[tuple[str, str], dict[str, str]]


def read_traits(folder: Path) -> Traits:
    """What a run knows of its studies, by site and study."""
    path = folder / "traits.csv"
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {(row.pop("site"), row.pop("study")): row for row in csv.DictReader(file)}


class Subgroups:
    """What metrics.json says of subgroups.

    Args:
        ledger: of metrics.json.
        table: of predictions, calibrated where the run is.
        thresholds: by model and question.
        traits: by site and study.
    """

    def __init__(
        self, ledger: Ledger, table: Table, thresholds: dict[str, dict[str, float | None]], traits: Traits
    ) -> None:
        self.ledger, self.table, self.thresholds, self.traits = ledger, table, thresholds, traits
        self.told: dict[str, Any] = ledger.told["subgroups"] or {"groups": [], "tests": []}

    def all(self) -> None:
        """Checks every subgroup and every test."""
        names = dict.fromkeys(name for row in self.traits.values() for name in row)
        wanted: list[tuple[str, ...]] = []
        tests: list[tuple[str, str, str]] = []
        for (model, site, role, split), studies in self.table.parts.items():
            for trait in ("scanner", *names) if split == "test" else ():
                values = {self.value(s, trait) for s in studies}
                if 2 <= len(values) <= MOST:
                    wanted += [(model, site, role, trait, value) for value in values]
                    tests.append((model, site, trait))
        told = [(g["model"], g["site"], g["role"], g["trait"], g["value"]) for g in self.told["groups"]]
        self.ledger.count("subgroups", told, wanted)
        self.ledger.count("tests of subgroups", [(t["model"], t["site"], t["trait"]) for t in self.told["tests"]],
                          tests)
        if not told:
            self.ledger.agree(("subgroups",), None)
            return
        for k in range(len(told)):
            self._group(("subgroups", "groups", k), 900 + k)
        found = [self._test(t["model"], t["site"], t["trait"]) for t in self.told["tests"]]
        for k, (p, adjusted) in enumerate(zip(found, holm(found), strict=True)):
            self.ledger.agree(("subgroups", "tests", k, "p"), p, 1e-7)
            self.ledger.agree(("subgroups", "tests", k, "p_adjusted"), adjusted, 1e-7)

    def value(self, study: Study, trait: str) -> str:
        """A study's value of a trait."""
        known = study.scanner if trait == "scanner" else self.traits.get((study.site, study.name), {}).get(trait)
        return known or "unknown"

    def _studies(self, model: str, site: str, trait: str, value: str) -> list[Study]:
        return [s for (m, here, _, split), studies in self.table.parts.items() for s in studies
                if (m, here, split) == (model, site, "test") and self.value(s, trait) == value]

    def _group(self, place: Place, seed: int) -> None:
        told, ledger = self.ledger.at(place), self.ledger
        studies = self._studies(told["model"], told["site"], told["trait"], told["value"])
        known = [s for s in studies if s.known]
        patients = len({s.patient for s in known})
        asked = questions(self.table, studies, self.thresholds[told["model"]])
        ledger.agree((*place, "n"), len(known), 0)
        ledger.agree((*place, "patients"), patients, 0)
        binary = self.table.kind == "binary"
        ledger.agree((*place, "n_positive"), int(asked[0].truth.sum()) if binary else None, 0)
        ledger.count(f"{place}: figures", list(told["metrics"]), list(FIGURES))
        each = [figures(q) for q in asked]
        values = {} if patients < LEAST else {
            name: value for name, value in mean_of(self.table.kind, each).items() if name in FIGURES}
        draws = min(400, int(ledger.told["bootstrap"]))
        ends = intervals(self.table.kind, asked, each, values, draws, Reference(), seed)
        for name in told["metrics"]:
            check(ledger, (*place, "metrics", name), values.get(name), ends.get(name, NONE), room_of(ledger))

    def _test(self, model: str, site: str, trait: str) -> float | None:
        """Cochran's test on the subgroups' AUROCs and their DeLong errors."""
        if self.table.kind != "binary":
            return None
        here = [s for (m, at, _, split), studies in self.table.parts.items() for s in studies
                if (m, at, split) == (model, site, "test")]
        found: list[tuple[float, float]] = []
        for value in sorted({self.value(s, trait) for s in here}):
            (q,) = questions(self.table, [s for s in here if self.value(s, trait) == value], {})
            error = delong_error(q) if enough(q) else None
            if error:
                found.append((figures(q)["auroc"], error))
        if len(found) < 2:
            return None
        values, errors = np.array(found).T
        centre = np.average(values, weights=errors**-2)
        return float(stats.chi2.sf((((values - centre) / errors) ** 2).sum(), len(found) - 1))


def enough(q: Question) -> bool:
    """Whether five patients have a positive study, and five a negative one."""
    return min(len(set(q.patient[q.truth == label])) for label in (0, 1)) >= LEAST // 2
