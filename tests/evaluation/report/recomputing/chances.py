"""What probabilities are worth: calibrated or not, thresholds for a sensitivity, sets and net benefit."""
from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
from scipy import stats

from .calibrations import METHODS, Way, at_prevalence, fitted
from .draws import REPLICATES, as_drawn, tail_slack, weights_of
from .figures import OF_PROBABILITIES, Reference, brier_parts, mean_of, of_probabilities
from .intervals import NONE, Expected, check, exact, intervals
from .ledger import Ledger, Place
from .prevalence import LEAST, ODD, SIMULATED, estimate
from .smooth import smooth_errors_by_chance
from .studies import Array, Question, Study, Table, questions

COARSE = 2.5e-3
"""Smooth ECE is computed in cells by the report and without them here."""
NULL_DRAWS = 80
LOCAL = (20, 50)
CUTS = [round(0.05 * k, 2) for k in range(1, 20)]


class Chances:
    """The part `probabilities` of metrics.json.

    Args:
        ledger: of metrics.json.
        table: of predictions, as answered.
        at: what Brier skill and others refer to.
    """

    def __init__(self, ledger: Ledger, table: Table, at: Reference) -> None:
        self.ledger, self.table, self.at = ledger, table, at
        self.told: dict[str, Any] = ledger.told["probabilities"]
        self.draws = int(self.told["draws"])

    def all(self) -> None:
        """Checks everything about probabilities."""
        seen = {(t["model"], t["site"], t["role"]) for t in self.told["treatments"] if t["treatment"] == "as answered"}
        wanted = [(m, s, r) for (m, s, r, p), studies in self.table.parts.items()
                  if p == "test" and any(x.known for x in studies)]
        self.ledger.count("treatments", sorted(seen), wanted)
        for k in range(len(self.told["treatments"])):
            self._treatment(("probabilities", "treatments", k), k)
        for k in range(len(self.told["prevalence"])):
            self._prevalence(("probabilities", "prevalence", k))
        for k in range(len(self.told["operating"])):
            self._operating(("probabilities", "operating", k))
        for k in range(len(self.told["sets"])):
            self._set(("probabilities", "sets", k))
        for k in range(len(self.told["decision_curves"])):
            self._curve(("probabilities", "decision_curves", k), k)

    def _tested(self, told: dict[str, Any], role: str = "target") -> list[Study]:
        return self.table.studies(told["model"], told["site"], role, "test")

    def _chosen(self, told: dict[str, Any], where: str) -> list[Study]:
        """Studies that something was chosen on."""
        if where == "source validation":
            return self.table.studies(told["model"], "", "source", "val")
        return [s for s in self.table.studies(told["model"], told["site"], "target", "adapt") if s.known]

    def _prior(self, model: str) -> Array:
        labels = [s.label for s in self.table.studies(model, "", "source", "val") if s.known]
        counts = np.bincount(np.array(labels, dtype=np.int64), minlength=len(self.table.classes))
        return np.asarray(counts / counts.sum())

    def _treatment(self, place: Place, seed: int) -> None:
        told, ledger = self.ledger.at(place), self.ledger
        tested, named = self._tested(told, told["role"]), str(told["treatment"])
        way: Way | None = None
        room = 1e-9
        if named == "prior shift":
            shares = next(p for p in self.told["prevalence"] if (p["model"], p["site"]) == (told["model"],
                                                                                            told["site"]))["value"]
            prior = self._prior(told["model"])
            way = None if shares is None else Way(lambda s: at_prevalence(s, prior, np.array(shares)), ())
        elif named.startswith("local platt, "):
            adapt = self._chosen(told, "target adapt")
            size = int(named.split()[2])
            everyone = list(dict.fromkeys(s.patient for s in adapt))
            sizes = [n for n in LOCAL if n < len(everyone)] + [len(everyone)]
            ledger.same(f"{place}: {size} patients", size in sizes, True, 0)
            way, room = fitted(self.table, "platt", [s for s in adapt if s.patient in everyone[:size]]), 1e-5
        elif named != "as answered":
            method, where = named.split(", ")
            ledger.same(f"{place}: a known way, {method}", method in METHODS, True, 0)
            way, room = fitted(self.table, method, self._chosen(told, where)), 1e-5
        known = [s for s in tested if s.known]
        ledger.agree((*place, "n"), len(known), 0)
        ledger.agree((*place, "patients"), len({s.patient for s in known}), 0)
        if named != "as answered" and way is None:
            ledger.say((*place, "detail"), "not estimable")
            ledger.count(f"{place}: figures", list(told["metrics"]), [])
            ledger.agree((*place, "brier_parts"), None)
            ledger.agree((*place, "smooth_ece_of_a_calibrated_model"), None)
            return
        if way is not None:
            self._sentence(place, way.numbers)
        asked = questions(self.table, tested if way is None else way.change(tested), {})
        told_of = [q for q in asked if len(q.truth)]
        each = [of_probabilities(q) for q in asked]
        values = mean_of(self.table.kind, each)
        drawn = as_drawn(asked, [s.patient for s in known], told["site"], int(self.ledger.told["seed"]), self.draws)
        ends = intervals(self.table.kind, asked, each, values, self.draws, self.at, seed, drawn)
        ledger.count(f"{place}: figures", list(told["metrics"]), list(OF_PROBABILITIES))
        for name in told["metrics"]:
            rough = COARSE if name == "smooth_ece" else max(room, 1e-4 if name.startswith("calib") else room)
            check(ledger, (*place, "metrics", name), values.get(name), ends.get(name, NONE), rough)
        parts = np.mean([brier_parts(q) for q in told_of], axis=0)
        if not isinstance(told["brier_parts"], dict):
            ledger.agree((*place, "brier_parts"), float(parts[0]))  # a figure, or null, where three are expected
            return
        for name, part in zip(("miscalibration", "discrimination", "uncertainty"), parts, strict=True):
            ledger.agree((*place, "brier_parts", name), float(part), room)
        self._chance(place, told_of, named == "as answered")

    def _sentence(self, place: Place, numbers: tuple[float, ...]) -> None:
        """The numbers of a fitted map as its sentence prints them, three digits each."""
        text = str(self.ledger.at((*place, "detail")))
        for name in self.table.classes:
            text = text.replace(f"{name}: ", " ")
        found = [float(x) for x in re.findall(r"[-+]?\d+(?:\.\d+)?(?:e[-+]\d+)?", text)] if numbers else []
        self.ledger.count(f"{place}: numbers of {text!r}", range(len(found)), range(len(numbers)))
        for one, other in zip(found, numbers, strict=False):
            self.ledger.same(f"{place}: {text}", one, other, 5.1e-3 * abs(other) + 1e-6)

    def _chance(self, place: Place, asked: list[Question], wanted: bool) -> None:
        place = (*place, "smooth_ece_of_a_calibrated_model")
        if not wanted:
            self.ledger.agree(place, None)
            return
        drawn = np.mean([smooth_errors_by_chance(q.score, NULL_DRAWS, 3 + k) for k, q in enumerate(asked)], axis=0)
        others = int(self.ledger.at((*place, "draws")))
        both = math.sqrt(1 / NULL_DRAWS + 1 / others)
        self.ledger.agree((*place, "mean"), float(drawn.mean()), 4 * float(drawn.std()) * both + COARSE)
        self.ledger.agree((*place, "q95"), float(np.quantile(drawn, 0.95)),
                          4 * float(drawn.std()) * both * math.sqrt(0.05 * 0.95) / 0.103 + COARSE)

    def _prevalence(self, place: Place) -> None:
        told, ledger = self.ledger.at(place), self.ledger
        prior, model = self._prior(told["model"]), told["model"]
        ledger.interval((*place, "source"), prior.tolist(), 1e-6)
        parts = self.table.parts.items()
        source = [s for (m, _, r, _), studies in parts if (m, r) == (model, "source") for s in studies if s.known]
        target = [s for (m, site, r, _), studies in parts if (m, site, r) == (model, told["site"], "target")
                  for s in studies]
        ledger.agree((*place, "studies"), len(target), 0)
        found = estimate(source, target, prior)
        if found is None:
            for name in ("value", "low", "high", "bbse", "p"):
                ledger.agree((*place, name), None)
            ledger.say((*place, "reason"), f"it needs {LEAST}")
            return
        assert found.p is not None
        room = 4 * math.sqrt(max(found.p * (1 - found.p), 0.02) * (1 / SIMULATED + 1 / 200)) + 1 / SIMULATED
        ledger.agree((*place, "p"), found.p, room)
        if told["p"] is not None and told["p"] < ODD:
            for name in ("value", "low", "high", "bbse"):
                ledger.agree((*place, name), None)
            return
        assert found.value is not None
        assert found.spread is not None
        assert found.low is not None
        assert found.high is not None
        ledger.interval((*place, "value"), found.value.tolist(), 1e-5 if len(prior) == 2 else 2e-3)
        room_by_class = tail_slack(found.spread, 200, min(self.draws, 100)) + 1e-3
        ledger.interval((*place, "low"), found.low.tolist(), room_by_class.tolist())
        ledger.interval((*place, "high"), found.high.tolist(), room_by_class.tolist())
        ledger.interval((*place, "bbse"), None if found.bbse is None else found.bbse.tolist(), 2e-6)

    def _operating(self, place: Place) -> None:
        told, ledger = self.ledger.at(place), self.ledger
        wanted = float(self.told["wanted"]["sensitivity"])
        ledger.agree((*place, "wanted"), wanted, 0)
        ledger.agree((*place, "confidence"), 0.95, 0)
        k = self.table.names.index(told["question"])
        q = questions(self.table, self._chosen(told, told["chosen_on"]), {})[k]
        lowest: dict[str, float] = {}
        for patient, score, truth in zip(q.patient, q.score, q.truth, strict=True):
            if truth:
                lowest[patient] = min(lowest.get(patient, math.inf), float(score))
        n = len(lowest)
        # the r-th lowest fails where fewer than r of n patients lie below the quantile that it should not exceed
        ranks = [r for r in range(1, n + 1) if stats.binom.cdf(r - 1, n, 1 - wanted) <= 0.05]
        level = sorted(lowest.values())[max(ranks) - 1] if ranks else None
        ledger.agree((*place, "positive_patients"), n, 0)
        ledger.agree((*place, "threshold"), level)
        tested = questions(self.table, self._tested(told), {told["question"]: level})[k]
        ledger.agree((*place, "n"), len(tested.truth), 0)
        for name, label in (("sensitivity", 1), ("specificity", 0)):
            mine = tested.truth == label
            if tested.called is None or not mine.any():
                check(ledger, (*place, name), None)
                continue
            right = (tested.called == tested.truth)[mine]
            check(ledger, (*place, name), float(right.mean()),
                  Expected(exact(right, tested.patient[mine]), (1e-9, 1e-9)))

    def _set(self, place: Place) -> None:
        told, ledger = self.ledger.at(place), self.ledger
        error = float(self.told["wanted"]["error"])
        ledger.agree((*place, "error"), error, 0)
        known = [s for s in self._tested(told) if s.known]
        ledger.agree((*place, "n"), len(known), 0)
        bounds, counts = [], []
        for k in range(len(self.table.classes)):
            lowest: dict[str, float] = {}
            for s in self._chosen(told, told["calibrated_on"]):
                if s.known and s.label == k:
                    lowest[s.patient] = min(lowest.get(s.patient, math.inf), s.scores[k])
            rank = math.floor(error * (len(lowest) + 1) + 1e-9)
            bounds.append(sorted(lowest.values())[rank - 1] if 1 <= rank <= len(lowest) else None)
            counts.append(len(lowest))
        if None in bounds:
            ledger.say((*place, "reason"), "not attainable")
            ledger.count(f"{place}: coverage", list(told["coverage"]), [])
            ledger.interval((*place, "bounds"), [])
            ledger.interval((*place, "patients"), [])
            ledger.agree((*place, "answered"), None)
            ledger.agree((*place, "right"), None)
            return
        ledger.interval((*place, "bounds"), bounds)
        ledger.interval((*place, "patients"), counts, 0)
        held = np.array([s.scores for s in known]) >= np.array(bounds)
        labels, who = np.array([s.label for s in known]), np.array([s.patient for s in known])
        holds, single = held[np.arange(len(known)), labels], held.sum(axis=1) == 1
        for k, name in enumerate(self.table.classes):
            self._share((*place, "coverage", name), holds, labels == k, who)
        self._share((*place, "answered"), single, np.ones(len(known), dtype=bool), who)
        self._share((*place, "right"), holds, single, who)

    def _share(self, place: Place, hits: Any, among: Any, who: Any) -> None:
        if not among.any():
            check(self.ledger, place, None)
            return
        check(self.ledger, place, float(hits[among].mean()), Expected(exact(hits[among], who[among]), (1e-9, 1e-9)))

    def _curve(self, place: Place, seed: int) -> None:
        told, ledger = self.ledger.at(place), self.ledger
        q = questions(self.table, self._tested(told), {})[self.table.names.index(told["question"])]
        ledger.agree((*place, "n"), len(q.truth), 0)
        ledger.interval((*place, "thresholds"), CUTS, 0)
        cuts, n, share = np.array(CUTS), len(q.truth), float(q.truth.mean())
        odds = cuts / (1 - cuts)
        called = q.score[:, None] >= cuts
        true, false = (called & (q.truth == 1)[:, None]).sum(axis=0), (called & (q.truth == 0)[:, None]).sum(axis=0)
        ledger.interval((*place, "net_benefit"), (true / n - false / n * odds).tolist())
        ledger.interval((*place, "everyone"), (share - (1 - share) * odds).tolist())
        if not self.draws:
            ledger.interval((*place, "low"), [])
            ledger.interval((*place, "high"), [])
            return
        worth = np.where((q.truth == 1)[:, None], 1.0, -odds) * called
        (weights,) = weights_of([q], seed, REPLICATES)
        drawn = weights @ worth / weights.sum(axis=1, keepdims=True)
        room = tail_slack(drawn.std(axis=0), REPLICATES, self.draws) + (1 + odds) / n
        for name, tail in (("low", 0.025), ("high", 0.975)):
            ledger.interval((*place, name), np.quantile(drawn, tail, axis=0).tolist(), room.tolist())
