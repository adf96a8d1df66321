"""Every figure of a report again, from predictions.csv alone, by scikit-learn, scipy and numpy; nothing of medtl.

    python recompute.py REPORT_FOLDER PREDICTIONS.csv

reads index.html, results.csv and metrics.json of the folder, prints what does not agree, and ends with 1 if anything
does not. It shares no code with what it checks: pages are parsed, tables are read, formulas are written out again.
"""
from __future__ import annotations

import csv
import itertools
import json
import math
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats
from sklearn import metrics as sk
from sklearn.linear_model import LogisticRegression

LOGIT, BOUND = "patient-cluster bootstrap, logit t", "bound from separate patients"
FREE, EXACT = "patient-cluster bootstrap, t", "Clopper-Pearson"
GAP, DELONG = "two intervals recovered (MOVER)", "DeLong"
METRICS = ("auroc", "average_precision", "balanced_accuracy", "sensitivity", "specificity", "brier", "ppv", "npv",
           "reference_average_precision", "sensitivity_at_specificity", "specificity_at_sensitivity", "brier_skill")
REPLICATES = 200
"""Draws of the bootstrap here; the report's are its own."""
Key = tuple[str, str, str, str]


class Study(NamedTuple):
    """One study as one model answered it."""

    patient: str
    labels: tuple[float, ...]
    scores: tuple[float, ...]


class Table(NamedTuple):
    """predictions.csv, scans averaged to studies: studies by (model, site, role, split)."""

    kind: str
    names: tuple[str, ...]
    parts: dict[Key, list[Study]]


def read_table(path: Path) -> Table:
    """Reads predictions.csv."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    classes = tuple(name.removeprefix("score_") for name in rows[0] if name.startswith("score_"))
    kind = "multilabel" if "label" not in rows[0] else "binary" if len(classes) == 2 else "multiclass"
    grouped: dict[tuple[str, ...], list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        grouped[row["model"], row["site"], row["role"], row["split"], row["study"]].append(row)
    parts: dict[Key, list[Study]] = defaultdict(list)
    for (model, site, role, split, study), of_study in grouped.items():
        first = of_study[0]
        scores = np.mean([[float(row[f"score_{name}"]) for name in classes] for row in of_study], axis=0)
        if kind == "multilabel":
            labels = tuple(math.nan if first[f"label_{name}"] == "" else float(first[f"label_{name}"])
                           for name in classes)
        else:
            truth = first["label"]
            labels = tuple(math.nan if truth == "" else float(truth == name) for name in classes)
        who = f"{site}|patient {first['patient']}" if first["patient"] else f"{site}|study {study}"
        parts[model, site, role, split].append(Study(who, labels, tuple(scores.tolist())))
    return Table(kind, classes[1:] if kind == "binary" else classes, dict(parts))


class Question(NamedTuple):
    """A binary question put to the studies whose answer is known."""

    truth: NDArray[np.int64]
    score: NDArray[np.float64]
    called: NDArray[np.int64] | None
    patient: NDArray[Any]


def questions(table: Table, studies: list[Study], thresholds: dict[str, float | None]) -> list[Question]:
    """The binary questions of some studies."""
    out = []
    for k, name in enumerate(table.names):
        column = -1 if table.kind == "binary" else k
        asked = [s for s in studies if not math.isnan(s.labels[column])]
        score = np.array([s.scores[column] for s in asked])
        if table.kind == "multiclass":
            called: NDArray[np.int64] | None = np.array([int(np.argmax(s.scores)) == k for s in asked], dtype=np.int64)
        else:
            level = thresholds.get(name)
            called = None if level is None else (score >= level).astype(np.int64)
        out.append(Question(np.array([s.labels[column] for s in asked], dtype=np.int64), score, called,
                            np.array([s.patient for s in asked])))
    return out


def youden(question: Question) -> float | None:
    """The highest score of the largest sensitivity + specificity - 1."""
    if len(set(question.truth.tolist())) < 2:
        return None
    false, true, levels = sk.roc_curve(question.truth, question.score, drop_intermediate=False)
    gain = true - false
    return float(max(levels[1:][gain[1:] >= gain[1:].max() - 1e-12]))


class Reference(NamedTuple):
    """What some figures refer to, read from their titles."""

    prevalence: float = 0.1
    sensitivity: float = 0.95
    specificity: float = 0.9


def figures(q: Question, weight: NDArray[Any] | None = None, at: Reference | None = None) -> dict[str, float]:
    """Every metric that exists, by scikit-learn; those of a reference prevalence and so on where one is given."""
    counted = np.ones(len(q.truth)) if weight is None else weight
    there = [float(counted[q.truth == label].sum()) > 0 for label in (0, 1)]
    out = {}
    if any(there):
        out["brier"] = float(sk.brier_score_loss(q.truth, q.score, sample_weight=weight, pos_label=1))
    if all(there):
        out["auroc"] = float(sk.roc_auc_score(q.truth, q.score, sample_weight=weight))
        out["average_precision"] = float(sk.average_precision_score(q.truth, q.score, sample_weight=weight))
    if q.called is not None and any(there):
        table = sk.confusion_matrix(q.truth, q.called, labels=[0, 1], sample_weight=weight)
        recall = [table[k, k] / table[k].sum() if there[k] else None for k in (0, 1)]
        named = {"specificity": recall[0], "sensitivity": recall[1]}
        out |= {name: float(value) for name, value in named.items() if value is not None}
        if all(there):
            out["balanced_accuracy"] = (out["sensitivity"] + out["specificity"]) / 2
    return out | (referred(q, out, at) if at and all(there) and weight is None else {})


def referred(q: Question, known: dict[str, float], at: Reference) -> dict[str, float]:
    """Figures at a reference prevalence, sensitivity or specificity; predictive values by Bayes' rule."""
    share = q.truth.mean()
    weights = np.where(q.truth == 1, at.prevalence / share, (1 - at.prevalence) / (1 - share))
    false, true, _ = sk.roc_curve(q.truth, q.score, drop_intermediate=False)
    out = {
        "brier_skill": 1 - known["brier"] / (share * (1 - share)),
        "reference_average_precision": float(sk.average_precision_score(q.truth, q.score, sample_weight=weights)),
        "sensitivity_at_specificity": float(true[false <= 1 - at.specificity + 1e-9].max()),
        "specificity_at_sensitivity": float(1 - false[true >= at.sensitivity - 1e-9].min()),
    }
    if "sensitivity" in known:
        se, sp, pi = known["sensitivity"], known["specificity"], at.prevalence
        if se > 0 or sp < 1:
            out["ppv"] = pi * se / (pi * se + (1 - pi) * (1 - sp))
        if sp > 0 or se < 1:
            out["npv"] = (1 - pi) * sp / ((1 - pi) * sp + pi * (1 - se))
    return out


def mean_figures(
    table: Table, asked: list[Question], weights: list[NDArray[Any]] | None = None, at: Reference | None = None
) -> dict[str, float]:
    """Every figure over all questions: the mean of those that have a value."""
    each = [figures(q, None if weights is None else weights[k], at) for k, q in enumerate(asked)]
    out = {}
    for metric in METRICS:
        wanted = "sensitivity" if table.kind == "multiclass" and metric == "balanced_accuracy" else metric
        known = [of_one[wanted] for of_one in each if wanted in of_one]
        if known:
            out[metric] = float(np.mean(known))
    return out


def rarer(metric: str, asked: list[Question]) -> int:
    """Patients that limit a figure."""
    found = []
    for q in asked:
        if metric not in figures(q):
            continue
        with_label = [len(set(q.patient[q.truth == label])) for label in (1, 0)]
        present = len(set(q.patient))
        kind = {"sensitivity": with_label[0], "specificity": with_label[1], "brier": present}
        found.append(kind.get(metric, min(*with_label, (present + 1) // 2)))
    return min(found, default=0)


def drawn_errors(table: Table, asked: list[Question], seed: int) -> dict[str, float]:
    """Standard errors over draws of patients within their site, a scikit-learn call per draw."""
    patients = sorted({p for q in asked for p in q.patient})
    sites: dict[str, list[int]] = defaultdict(list)
    for i, patient in enumerate(patients):
        sites[patient.split("|")[0]].append(i)
    place = {patient: i for i, patient in enumerate(patients)}
    of_row = [np.array([place[p] for p in q.patient]) for q in asked]
    generator = np.random.default_rng(seed)
    draws: dict[str, list[float]] = defaultdict(list)
    for _ in range(REPLICATES):
        counts = np.zeros(len(patients))
        for members in sites.values():
            counts += np.bincount(generator.choice(members, len(members)), minlength=len(patients))
        weights = [counts[rows] for rows in of_row]
        for name, value in mean_figures(table, asked, weights).items():
            draws[name].append(value)
    return {name: float(np.std(values, ddof=1)) for name, values in draws.items() if len(values) > 0.9 * REPLICATES}


def logit_interval(value: float, error: float, patients: int) -> tuple[float, float]:
    """The interval on the logit scale, with the share of one patient added to the variance."""
    spread = math.sqrt(error**2 + value * (1 - value) / (2 * patients**2))
    reach = stats.t.ppf(0.975, patients - 1) * spread / (value * (1 - value))
    centre = math.log(value / (1 - value))
    return tuple(1 / (1 + math.exp(-x)) for x in (centre - reach, centre + reach))  # type: ignore[return-value]


def logit(share: float) -> float:
    """Log odds."""
    return math.log(share / (1 - share))


def exact_interval(metric: str, q: Question) -> tuple[float, float]:
    """Clopper and Pearson's at the effective number of patients of Korn and Graubard."""
    assert q.called is not None
    mine = q.truth == (1 if metric == "sensitivity" else 0)
    right, who = (q.called == q.truth)[mine], q.patient[mine]
    total, patients, share = len(right), len(set(who)), float(right.mean())
    if total == patients:
        worth = float(total)
    elif share in (0.0, 1.0):
        worth = float(patients)
    else:
        gaps = [right[who == p].sum() - share * (who == p).sum() for p in sorted(set(who))]
        spread = patients / (patients - 1) * float(np.square(gaps).sum()) / total**2
        ratio = stats.t.ppf(0.975, total - 1) / stats.t.ppf(0.975, patients - 1)
        worth = min(share * (1 - share) / spread * ratio**2, total) if spread > 0 else float(patients)
    hits = share * worth
    low = 0.0 if hits == 0 else float(stats.beta.ppf(0.025, hits, worth - hits + 1))
    high = 1.0 if hits == worth else float(stats.beta.ppf(0.975, hits + 1, worth - hits))
    return low, high


def delong_error(one: Question, other: Question) -> float:
    """Standard error of a difference of AUROCs: placements pair by pair, summed by patient where any has several."""
    def placed(q: Question) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        up, down = q.score[q.truth == 1], q.score[q.truth == 0]
        won = (up[:, None] > down[None]) + 0.5 * (up[:, None] == down[None])
        return won.mean(axis=1), won.mean(axis=0)

    (a1, a0), (b1, b0) = placed(one), placed(other)
    d1, d0, m, n = a1 - b1, a0 - b0, len(a1), len(a0)
    value = d1.mean()
    if len(set(one.patient)) == len(one.patient):
        return float(math.sqrt(d1.var(ddof=1) / m + d0.var(ddof=1) / n))
    ups, downs = one.patient[one.truth == 1], one.patient[one.truth == 0]
    everyone = sorted(set(one.patient))
    sum1 = np.array([(d1[ups == p] - value).sum() for p in everyone])
    sum0 = np.array([(d0[downs == p] - value).sum() for p in everyone])
    i10, i01, i = len(set(ups)), len(set(downs)), len(everyone)
    s10, s01 = (sum1**2).sum() * i10 / ((i10 - 1) * m), (sum0**2).sum() * i01 / ((i01 - 1) * n)
    s11 = (sum1 * sum0).sum() * i / (i - 1)
    return float(math.sqrt(max(0.0, s10 / m + s01 / n + 2 * s11 / (m * n))))


def reliability(q: Question) -> list[tuple[float, float]]:
    """Mean score and share of positives in bins of equal size, equal scores together."""
    order = np.argsort(q.score, kind="stable")
    score, truth = q.score[order], q.truth[order]
    count, bins = len(score), max(1, min(10, len(score) // 10))
    edges = sorted({0, count} | {int(np.flatnonzero(score == score[k * count // bins])[0]) for k in range(1, bins)})
    return [(float(score[a:b].mean()), float(truth[a:b].mean())) for a, b in itertools.pairwise(edges)]


class Page(HTMLParser):
    """What is printed on a page: cells that say what they hold, and the lines of its plots in their own units."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.cells: list[tuple[dict[str, str], str]] = []
        self.lines: list[tuple[str, str, list[tuple[float, float]], tuple[float, float]]] = []
        self._open: dict[str, str] | None = None
        self._axes: list[float] = []
        self._picture = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {key: value or "" for key, value in attrs}
        if tag == "td" and any(key.startswith("data-") for key in found):
            self._open = found
            self.cells.append((found, ""))
        elif tag == "svg" and "data-axes" in found:
            self._axes, self._picture = [float(x) for x in found["data-axes"].split()], found["aria-label"]
        elif tag == "polyline" and "data-line" in found:
            x0, x1, low_x, high_x, y0, y1, low_y, high_y = self._axes
            points = [tuple(float(v) for v in pair.split(",")) for pair in found["points"].split()]
            scaled = [(low_x + (x - x0) / (x1 - x0) * (high_x - low_x), low_y + (y - y0) / (y1 - y0) * (high_y - low_y))
                      for x, y in points]
            pixel = (abs((high_x - low_x) / (x1 - x0)), abs((high_y - low_y) / (y1 - y0)))
            self.lines.append((self._picture, found["data-line"], scaled, pixel))

    def handle_endtag(self, tag: str) -> None:
        if tag == "td":
            self._open = None

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self.cells[-1] = (self._open, self.cells[-1][1] + " " + data)


NUMBER = re.compile(r"-?\d+\.\d+")


def printed(text: str) -> tuple[float | None, tuple[float, float] | None]:
    """Value and interval of a cell as printed."""
    if "not estimable" in text.split("no interval")[0] and not NUMBER.match(text.strip()):
        return None, None
    numbers = [float(x) for x in NUMBER.findall(text.split("no interval")[0])]
    return (numbers[0] if numbers else None), ((numbers[1], numbers[2]) if len(numbers) == 3 else None)


class Recomputed:
    """A report set beside what its predictions give.

    Args:
        folder: of the report.
        predictions: the file.
    """

    def __init__(self, folder: Path, predictions: Path) -> None:
        self.table = read_table(predictions)
        self.told = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        self.page = Page((folder / "index.html").read_text(encoding="utf-8"))
        with (folder / "results.csv").open(encoding="utf-8", newline="") as file:
            self.rows = list(csv.DictReader(file))
        self.fixed = self.told["thresholds"][0]["rule"].startswith("fixed")
        self.wrong: list[str] = []
        self.checked = 0
        self.at = self._reference()
        self.thresholds = {t["model"]: self._levels(t["model"]) for t in self.told["thresholds"]}

    def _reference(self) -> Reference:
        """What the titles of figures refer to."""
        titles = self.told.get("further", {}).get("titles", {})
        found = {key: float(titles[name].split()[-1]) for key, name in (
            ("prevalence", "ppv"), ("sensitivity", "specificity_at_sensitivity"),
            ("specificity", "sensitivity_at_specificity")) if name in titles}
        return Reference(**found)

    def _levels(self, model: str) -> dict[str, float | None]:
        told = next(t for t in self.told["thresholds"] if t["model"] == model)
        if self.table.kind == "multiclass":
            return {}
        if self.fixed:
            return dict(told["values"])
        validation = self._studies(model, "", "source", "val")
        return {name: youden(q) if len(q.truth) else None
                for name, q in zip(self.table.names, questions(self.table, validation, {}), strict=True)}

    def _studies(self, model: str, site: str, role: str, split: str) -> list[Study]:
        """Studies of one site, or of all sites of a role."""
        return [study for (m, s, r, p), studies in self.table.parts.items()
                if (m, r, p) == (model, role, split) and site in ("", s) for study in studies]

    def agree(self, what: str, told: float | None, found: float | None, within: float) -> None:
        """Notes a figure that differs."""
        self.checked += 1
        if (told is None) != (found is None) or (
            told is not None and found is not None and not abs(told - found) <= within
        ):
            self.wrong.append(f"{what}: told {told}, found {found}")

    def all(self) -> list[str]:
        """Checks everything.

        Returns:
            What does not agree.
        """
        for told in self.told["thresholds"]:
            for name, value in told["values"].items():
                self.agree(f"threshold {told['model']} {name}", value, self.thresholds[told["model"]].get(name), 1e-9)
        for number, result in enumerate(self.told["results"]):
            self._result(result, number)
        for result in self.told.get("further", {}).get("results", ()):
            self._further(result)
        self._treatments()
        self._gaps()
        self._comparisons()
        self._tables()
        self._plots()
        return self.wrong

    def asked(self, result: dict[str, Any]) -> list[Question]:
        """The questions of an entry of metrics.json."""
        site = "" if result["pooled"] else result["site"]
        studies = self._studies(result["model"], site, result["role"], result["split"])
        return questions(self.table, studies, self.thresholds[result["model"]])

    def _result(self, result: dict[str, Any], number: int) -> None:
        where = f"{result['site']} {result['split']} {result['model']}"
        site = "" if result["pooled"] else result["site"]
        studies = self._studies(result["model"], site, result["role"], result["split"])
        known = [s for s in studies if not all(math.isnan(label) for label in s.labels)]
        asked = self.asked(result)
        self.agree(f"{where}: n", result["n"], len(known), 0)
        self.agree(f"{where}: unknown", result["n_unknown"], len(studies) - len(known), 0)
        self.agree(f"{where}: patients", result["patients"], len({s.patient for s in known}), 0)
        if self.table.kind == "binary":
            self.agree(f"{where}: positives", result["n_positive"], int(asked[0].truth.sum()), 0)
        told, found = result["metrics"], mean_figures(self.table, asked)
        for name, estimate in told.items():
            self.agree(f"{where}: {name}", estimate["value"], found.get(name), 1e-9)
        for k, part in enumerate(result["parts"]):
            of_part = figures(asked[k])
            for estimate in part["estimates"]:
                self.agree(f"{where}: {part['name']} {estimate['metric']}", estimate["value"],
                           of_part.get(estimate["metric"]), 1e-9)
        if result["split"] == "test" and self.told["bootstrap"]:
            self._intervals(where, told, asked, number)

    def _further(self, result: dict[str, Any]) -> None:
        where, asked = f"{result['site']} {result['model']}", self.asked(result)
        found = mean_figures(self.table, asked, at=self.at)
        for name, estimate in result["metrics"].items():
            self.agree(f"{where}: {name}", estimate["value"], found.get(name), 1e-9)
        for k, part in enumerate(result["parts"]):
            of_part = figures(asked[k], at=self.at)
            for estimate in part["estimates"]:
                self.agree(f"{where}: {part['name']} {estimate['metric']}", estimate["value"],
                           of_part.get(estimate["metric"]), 1e-9)

    def _treatments(self) -> None:
        """Probabilities as answered: Brier, skill, and the line that logistic regression fits to their logits."""
        for told in (self.told.get("probabilities") or {}).get("treatments", ()):
            if told["treatment"] != "as answered" or self.table.kind != "binary":
                continue
            where = f"{told['site']} {told['model']} as answered"
            (q,) = questions(self.table, self._studies(told["model"], told["site"], told["role"], "test"), {})
            found, metrics = figures(q, at=self.at), told["metrics"]
            for name in ("brier", "brier_skill"):
                self.agree(f"{where}: {name}", metrics[name]["value"], found.get(name), 1e-9)
            if metrics["calibration_slope"]["value"] is None:
                continue
            clipped = np.clip(q.score, 1e-7, 1 - 1e-7)
            logits = np.log(clipped / (1 - clipped))
            fit = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(logits[:, None], q.truth)
            self.agree(f"{where}: slope", metrics["calibration_slope"]["value"], float(fit.coef_[0, 0]), 1e-4)
            over = partial(_expected_less_found, logits, q.truth)
            offset = float(optimize.brentq(over, -50, 50))
            self.agree(f"{where}: intercept", metrics["calibration_intercept"]["value"], offset, 1e-6)

    def _intervals(self, where: str, told: dict[str, Any], asked: list[Question], number: int) -> None:
        drawn = any(estimate["method"] == LOGIT for estimate in told.values())
        errors = drawn_errors(self.table, asked, number) if drawn else {}
        # four standard errors of two bootstrap standard errors, of this many draws here and there
        slack = 4 * math.sqrt(1 / (2 * REPLICATES) + 1 / (2 * self.told["bootstrap"]))
        for name, estimate in told.items():
            if not estimate["interval"]:
                continue
            counted = "sensitivity" if self.table.kind == "multiclass" and name == "balanced_accuracy" else name
            patients, value = rarer(counted, asked), estimate["value"]
            if estimate["method"] == BOUND:
                edge = 0.025 ** (1 / patients)
                ends = (edge, 1.0) if value >= 1 else (0.0, 1 - edge)
                for end, other in zip(estimate["interval"], ends, strict=True):
                    self.agree(f"{where}: bound of {name}", end, other, 1e-9)
            elif estimate["method"] == LOGIT:
                ends = logit_interval(value, errors[name], patients)
                reach = slack * (logit(ends[1]) - logit(ends[0])) / 2
                for end, other in zip(estimate["interval"], ends, strict=True):
                    self.agree(f"{where}: interval of {name}, logit", logit(end), logit(other), reach + 1e-6)
            elif str(estimate["method"]).startswith(EXACT) and len(asked) == 1:
                for end, other in zip(estimate["interval"], exact_interval(name, asked[0]), strict=True):
                    self.agree(f"{where}: exact interval of {name}", end, other, 1e-9)
            elif estimate["method"] == FREE:
                reach = stats.t.ppf(0.975, patients - 1) * errors[name]
                for end, other in zip(estimate["interval"], (value - reach, value + reach), strict=True):
                    self.agree(f"{where}: interval of {name}", end, other, slack * reach + 1e-6)
            else:
                self.wrong.append(f"{where}: {name}: interval by an unknown method, {estimate['method']}")

    def _gaps(self) -> None:
        for gap in self.told["gaps"]:
            ends = [next(r["metrics"]["auroc"] for r in self.told["results"]
                         if (r["model"], r["site"], r["role"], r["split"]) == (gap["model"], gap[key], role, "test"))
                    for key, role in (("internal", "source"), ("external", "target"))]
            where = f"gap {gap['model']} {gap['internal']} {gap['external']}"
            (a, one), (b, other) = ((e["value"], e["interval"]) for e in ends)
            self.agree(where, gap["value"], None if a is None or b is None else a - b, 1e-9)
            if gap["interval"]:
                low = a - b - math.hypot(a - one[0], other[1] - b)
                high = a - b + math.hypot(one[1] - a, b - other[0])
                self.agree(f"{where}: low", gap["interval"][0], low, 1e-9)
                self.agree(f"{where}: high", gap["interval"][1], high, 1e-9)
                if gap["method"] != GAP:
                    self.wrong.append(f"{where}: unknown method {gap['method']}")

    def _comparisons(self) -> None:
        for told in self.told["comparisons"]:
            site = "" if told["pooled"] else told["site"]
            both = [questions(self.table, self._studies(model, site, "target", "test"), self.thresholds[model])
                    for model in ("adapted", "baseline")]
            first, second = (mean_figures(self.table, asked).get("auroc") for asked in both)
            where = f"comparison {told['site']}"
            self.agree(where, told["value"], None if first is None or second is None else first - second, 1e-9)
            if told["interval"] and str(told["method"]).startswith(DELONG):
                (one,), (other,) = both
                error = delong_error(one, other)
                reach = stats.t.ppf(0.975, min(rarer("auroc", both[0]), rarer("auroc", both[1])) - 1) * error
                self.agree(f"{where}: low", told["interval"][0], told["value"] - reach, 1e-9)
                self.agree(f"{where}: high", told["interval"][1], told["value"] + reach, 1e-9)

    def _entries(self) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
        """Each figure of metrics.json under the name that a row or a cell gives it."""
        for result in (*self.told["results"], *self.told.get("further", {}).get("results", ())):
            place = (result["model"], result["site"], result["role"], result["split"])
            for name, estimate in result["metrics"].items():
                yield ("figure", *place, "", name), estimate
            for part in result["parts"]:
                for estimate in part["estimates"]:
                    yield ("figure", *place, part["name"], estimate["metric"]), estimate
        for gap in self.told["gaps"]:
            yield ("gap", gap["model"], gap["internal"], gap["external"]), gap
        for told in self.told["comparisons"]:
            yield ("comparison", told["site"]), told

    def _tables(self) -> None:
        """results.csv and the page's cells say what metrics.json says."""
        told = dict(self._entries())
        seen_rows, seen_cells = set(), set()
        for row in self.rows:
            if row["what"] == "threshold":
                level = self.thresholds[row["model"]].get(row["part"])
                self.agree(f"results.csv threshold {row['model']}", float(row["value"]) if row["value"] else None,
                           level, 1e-8)
                continue
            key: tuple[str, ...] = ("comparison", row["site"])
            if row["what"] == "figure":
                key = ("figure", row["model"], row["site"], row["role"], row["split"], row["part"], row["metric"])
            elif row["what"] == "gap":
                key = ("gap", row["model"], *row["site"].split(" minus "))
            seen_rows.add(key)
            ends = [float(row[name]) if row[name] else None for name in ("value", "low", "high")]
            self._same(f"results.csv {key}", told[key], ends, 1e-8)
        for attributes, text in self.page.cells:
            if "data-metric" in attributes:
                key = ("figure", *(attributes[f"data-{name}"] for name in
                                   ("model", "site", "role", "split", "part", "metric")))
            elif "data-gap" in attributes:
                key = ("gap", *attributes["data-gap"].split("|"))
            elif "data-comparison" in attributes:
                key = ("comparison", attributes["data-comparison"])
            else:
                continue
            seen_cells.add(key)
            value, interval = printed(text)
            self._same(f"page {key}", told[key], [value, *(interval or (None, None))], 5.001e-4)
        for key in told.keys() - seen_rows:
            self.wrong.append(f"results.csv lacks {key}")
        parts_shown = {key for key in told if key[0] != "figure" or not key[5] or key[4] == "test"}
        pooled = {("figure", r["model"], r["site"]) for r in self.told["results"] if r["pooled"]}
        for key in parts_shown - seen_cells:
            if not (key[0] == "figure" and key[5] and key[:3] in pooled):
                self.wrong.append(f"the page lacks {key}")

    def _same(self, what: str, told: dict[str, Any], found: list[float | None], within: float) -> None:
        ends = told["interval"] or (None, None)
        for name, one, other in zip(("value", "low", "high"), (told["value"], *ends), found, strict=True):
            self.agree(f"{what} {name}", one, other, within)

    def _plots(self) -> None:
        """Lines of the ROC and reliability plots, within half a pixel."""
        drawn = 0
        for result in self.told["results"]:
            if result["split"] != "test" or result["pooled"]:
                continue
            for name, q in zip(self.table.names, self.asked(result), strict=True):
                line = result["model"] if self.table.kind == "binary" else name
                if self.table.kind != "binary" and result["model"] != self.told["thresholds"][0]["model"]:
                    continue
                drawn += self._roc(result, line, q) + self._reliability(result, line, q)
        if drawn == 0:
            self.wrong.append("the page draws no curve")

    def _line(self, picture: str, line: str) -> tuple[list[tuple[float, float]], tuple[float, float]] | None:
        return next(((points, pixel) for about, name, points, pixel in self.page.lines
                     if about.startswith(picture) and name == line), None)

    def _roc(self, result: dict[str, Any], line: str, q: Question) -> int:
        found = self._line(f"ROC curves of {result['site']}", f"roc {line}")
        if len(set(q.truth.tolist())) < 2:
            return 0
        if found is None:
            self.wrong.append(f"no ROC of {result['site']} {line}")
            return 0
        points, (dx, dy) = np.array(found[0]), found[1]
        false, true, _ = sk.roc_curve(q.truth, q.score, drop_intermediate=False)
        near = np.array([np.min(np.maximum(abs(false - x) / dx, abs(true - y) / dy)) for x, y in points])
        self.agree(f"ROC of {result['site']} {line}: pixels off", 0.0, float(near.max()), 0.5)
        if len(points) < 400:
            area = float(np.trapezoid(points[:, 1], points[:, 0]))
            self.agree(f"ROC of {result['site']} {line}: area", sk.roc_auc_score(q.truth, q.score), area, 2e-3)
        return 1

    def _reliability(self, result: dict[str, Any], line: str, q: Question) -> int:
        found = self._line(f"Reliability of {result['site']}", f"reliability {line}")
        wanted = reliability(q) if len(q.truth) else []
        if found is None or len(found[0]) != len(wanted):
            drawn = 0 if found is None else len(found[0])
            self.wrong.append(f"reliability of {result['site']} {line}: {drawn} bins, not {len(wanted)}")
            return 0
        points, (dx, dy) = found
        for (x, y), (predicted, observed) in zip(points, wanted, strict=True):
            self.agree(f"reliability of {result['site']} {line}: predicted", predicted, x, dx / 2)
            self.agree(f"reliability of {result['site']} {line}: observed", observed, y, dy / 2)
        return 1


def _expected_less_found(logits: NDArray[np.float64], truth: NDArray[np.int64], offset: float) -> float:
    return float((1 / (1 + np.exp(-offset - logits)) - truth).sum())


def main(words: list[str]) -> int:
    """Checks a report; prints what does not agree."""
    recomputed = Recomputed(Path(words[0]), Path(words[1]))
    wrong = recomputed.all()
    for line in wrong:
        print(line)
    print(f"{recomputed.checked} figures recomputed, {len(wrong)} do not agree")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
