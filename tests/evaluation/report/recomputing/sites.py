"""Figures per site, of classes: thresholds, counts, values, intervals, gaps, comparisons and the worst site."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from .draws import REPLICATES, drawn_figures, error_of, slack_of, weights_of
from .figures import METRICS, REFERRED, Reference, figures, mean_of
from .intervals import FEWEST, NONE, check, intervals, rarer
from .ledger import Ledger, Place
from .paired import SAME, Found, bounded, delong_error, holm, word
from .studies import Question, Study, Table, questions

MOVER, DELONG, PAIRED = "two intervals recovered (MOVER)", "DeLong", "paired patient-cluster bootstrap, t"


class Sites:
    """What metrics.json says per site, beside a table of studies.

    Args:
        ledger: of metrics.json.
        table: of predictions, calibrated where the run is.
        thresholds: by model and question.
        at: what the further figures refer to.
    """

    def __init__(
        self, ledger: Ledger, table: Table, thresholds: dict[str, dict[str, float | None]], at: Reference
    ) -> None:
        self.ledger, self.table, self.thresholds, self.at = ledger, table, thresholds, at
        self.told = ledger.told
        self.room = room_of(ledger)

    def asked(self, result: dict[str, Any]) -> list[Question]:
        """The questions of an entry of metrics.json."""
        return questions(self.table, self.studies(result), self.thresholds[result["model"]])

    def studies(self, result: dict[str, Any]) -> list[Study]:
        """The studies of an entry."""
        site = "" if result["site"].startswith("all ") else result["site"]
        return self.table.studies(result["model"], site, result["role"], result["split"])

    def all(self) -> None:
        """Checks everything per site."""
        for k, told in enumerate(self.told["thresholds"]):
            self.ledger.count(f"thresholds of {told['model']}", list(told["values"]),
                              list(self.thresholds[told["model"]]))
            for name in told["values"]:
                self.ledger.agree(("thresholds", k, "values", name), self.thresholds[told["model"]].get(name),
                                  self.room)
        self._entries("results", METRICS, {split for *_, split in self.table.parts})
        for k in range(len(self.told["results"])):
            self._result(("results", k), METRICS, k)
        self._entries("further", REFERRED, {"test"})
        for k in range(len(self.told["further"]["results"])):
            self._result(("further", "results", k), REFERRED, 500 + k)
        self._worst()
        self._gaps()
        self._comparisons()

    def _entries(self, name: str, metrics: tuple[str, ...], splits: set[str]) -> None:
        """Every part of the data has its figures."""
        told = self.told["results"] if name == "results" else self.told["further"]["results"]
        wanted = [key for key in self.table.parts if key[3] in splits]
        wanted += [(m, f"all {r} sites", r, p) for m, r, p in dict.fromkeys((m, r, p) for m, _, r, p in wanted)
                   if len({s for a, s, b, c in wanted if (a, b, c) == (m, r, p)}) > 1]
        self.ledger.count(name, [(r["model"], r["site"], r["role"], r["split"]) for r in told], wanted)
        for entry in told:
            self.ledger.count(f"{name}: figures", list(entry["metrics"]), list(metrics))

    def _result(self, place: Place, metrics: tuple[str, ...], seed: int) -> None:
        ledger, result = self.ledger, self.ledger.at(place)
        studies, asked = self.studies(result), self.asked(result)
        known = [s for s in studies if s.known]
        ledger.agree((*place, "pooled"), result["site"].startswith("all "), 0)
        ledger.agree((*place, "n"), len(known), 0)
        ledger.agree((*place, "n_unknown"), len(studies) - len(known), 0)
        ledger.agree((*place, "patients"), len({s.patient for s in known}), 0)
        binary = self.table.kind == "binary"
        ledger.agree((*place, "n_positive"), int(asked[0].truth.sum()) if binary else None, 0)
        for j, name in enumerate(self.table.classes):
            mine = [s for s in studies if s.labels[j] == 1]
            ledger.say((*place, "classes", j, "name"), name)
            ledger.agree((*place, "classes", j, "studies"), len(mine), 0)
            ledger.agree((*place, "classes", j, "patients"), len({s.patient for s in mine}), 0)
        each = [figures(q, self.at) for q in asked]
        values = {name: value for name, value in mean_of(self.table.kind, each).items() if name in metrics}
        draws = int(self.told["bootstrap"])
        ends = intervals(self.table.kind, asked, each, values, draws, self.at, seed)
        for name in result["metrics"]:
            check(ledger, (*place, "metrics", name), values.get(name), ends.get(name, NONE), self.room)
        for j, part in enumerate(result["parts"]):
            of_part = {name: value for name, value in each[j].items() if name in metrics}
            ends = intervals("binary", [asked[j]], [each[j]], of_part, draws, self.at, seed)
            for i, estimate in enumerate(part["estimates"]):
                name = estimate["metric"]
                check(ledger, (*place, "parts", j, "estimates", i), of_part.get(name), ends.get(name, NONE), self.room)

    def _auroc(self, model: str, site: str, role: str) -> dict[str, Any]:
        return next(r["metrics"]["auroc"] for r in self.told["results"]
                    if (r["model"], r["site"], r["role"], r["split"]) == (model, site, role, "test"))

    def _worst(self) -> None:
        for k, told in enumerate(self.told["worst"]):
            found = {r["site"]: r["metrics"]["auroc"]["value"] for r in self.told["results"]
                     if (r["model"], r["role"], r["split"]) == (told["model"], "target", "test")
                     and not r["site"].startswith("all ") and r["metrics"]["auroc"]["value"] is not None}
            if found[told["site"]] > min(found.values()):
                self.ledger.say(("worst", k, "site"), min(found, key=lambda site: found[site]))

    def _gaps(self) -> None:
        for k, gap in enumerate(self.told["gaps"]):
            ends = [self._auroc(gap["model"], gap["internal"], "source"),
                    self._auroc(gap["model"], gap["external"], "target")]
            mover(self.ledger, ("gaps", k), ends)

    def _comparisons(self) -> None:
        rows: list[Found | None] = []
        values: list[float | None] = []
        for told in self.told["comparisons"]:
            site, _, against = told["site"].partition(", tent against ")
            pair = ("tent", against) if against else self.table.models[:2]
            asked = [self.asked({"model": m, "site": "all " if site == "all target sites" else site,
                                 "role": "target", "split": "test"}) for m in pair]
            found = [mean_of(self.table.kind, [figures(q) for q in of_one]).get("auroc") for of_one in asked]
            values.append(None if found[0] is None or found[1] is None else found[0] - found[1])
            rows.append(None if values[-1] is None else self._paired(asked[0], asked[1], values[-1]))
        judged(self.ledger, rows, values)
        for k, told in enumerate(self.told["comparisons"]):
            site = told["site"].partition(", tent against ")[0]
            self.ledger.agree(("comparisons", k, "pooled"), site == "all target sites", 0)
            studies = self.studies({"model": self.table.models[0], "role": "target", "split": "test",
                                    "site": "all " if site == "all target sites" else site})
            self.ledger.agree(("comparisons", k, "n"), sum(s.known for s in studies), 0)

    def _paired(self, one: list[Question], other: list[Question], value: float) -> Found | None:
        known = [[figures(q) for q in asked] for asked in (one, other)]
        patients = min(rarer("auroc", one, known[0]), rarer("auroc", other, known[1]))
        if patients < FEWEST:
            return None
        same = all(np.array_equal(a.score, b.score) for a, b in zip(one, other, strict=True))
        if len(one) == 1:
            error = delong_error(one[0], other[0])
            if error is None:
                return None
            method = DELONG
            return Found(value, error if error > 1e-12 else bounded(patients), patients, same, method)
        if not self.told["bootstrap"]:
            return None
        drawn = [drawn_figures(self.table.kind, asked, ["auroc"], of_one, self.at, weights_of(asked, 77, REPLICATES))[
            "auroc"] for asked, of_one in zip((one, other), known, strict=True)]
        apart = drawn[0] - drawn[1]
        error = error_of(apart)
        slack = slack_of(apart, int(self.told["bootstrap"])) if error > 0 else 0.0
        return Found(value, error if error > 0 else bounded(patients), patients, same, PAIRED, slack)


def room_of(ledger: Ledger) -> float:
    """How far apart figures may be: another program's fit of a calibration ends in other last digits."""
    return 1e-9 if ledger.told.get("calibration", "none") == "none" else 1e-5


def mover(ledger: Ledger, place: Place, ends: list[dict[str, Any]]) -> None:
    """A gap of two sites from their own figures, which are checked where they stand.

    Args:
        ledger: of metrics.json.
        place: of the gap.
        ends: the estimates at home and away.
    """
    (a, one), (b, other) = ((e["value"], e["interval"]) for e in ends)
    ledger.agree((*place, "value"), None if a is None or b is None else a - b)
    if one is None or other is None:
        ledger.interval((*place, "interval"), None)
        return
    ledger.interval((*place, "interval"), (a - b - math.hypot(a - one[0], other[1] - b),
                                           a - b + math.hypot(one[1] - a, b - other[0])))
    ledger.say((*place, "method"), MOVER)


def judged(
    ledger: Ledger, rows: list[Found | None], values: list[float | None], higher_is_better: bool = True
) -> None:
    """Differences, intervals, p values, their correction and the verdicts of all comparisons together.

    Args:
        ledger: of metrics.json.
        rows: the differences; None where their error cannot be had.
        values: the differences alone.
        higher_is_better: direction of the figure.
    """
    adjusted = holm([None if row is None else row.p() for row in rows])
    spread = [holm([None if row is None else row.p(1 + sign * row.slack) for row in rows]) for sign in (-1, 1)]
    tests = max(1, sum(p is not None for p in adjusted))
    for k, row in enumerate(rows):
        place: Place = ("comparisons", k)
        room = 0.0 if row is None else row.slack
        ledger.agree((*place, "value"), values[k])
        ledger.interval((*place, "interval"), None if row is None else (row.value - row.reach, row.value + row.reach),
                        0.0 if row is None else room * row.reach + 1e-9)
        ledger.agree((*place, "p_equivalent"), None)
        if row is None:
            for name in ("p", "p_adjusted", "detectable"):
                ledger.agree((*place, name), None)
            ledger.say((*place, "verdict"), "not estimable")
            continue
        ends = [row.p(1 - room), row.p(1 + room)] if room < 1 else [0.0, 1.0]
        ledger.agree((*place, "p"), row.p(), max(ends) - min(ends) + 1e-7)
        both = [s[k] or 0.0 for s in spread]
        ledger.agree((*place, "p_adjusted"), adjusted[k], max(both) - min(both) + 1e-7)
        ledger.agree((*place, "detectable"), row.detectable(tests), room * row.detectable(tests) + 1e-9)
        ledger.say((*place, "method"), row.method)
        words = {word(row, p or 0.0, higher_is_better) for p in (adjusted[k], *both)}
        if not any(str(ledger.at((*place, "verdict"))).startswith(w) for w in words):
            ledger.say((*place, "verdict"), SAME if row.same else sorted(words)[0])
