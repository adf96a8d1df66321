"""The report of a regression: error, concordance, bias and limits of agreement, gaps and comparisons."""
from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats
from sklearn import metrics as sk

from .draws import REPLICATES, error_of, slack_of, weights_of
from .intervals import FEWEST, FREE, NONE, Expected, check
from .ledger import Ledger, Place
from .paired import Found
from .sites import PAIRED, judged, mover
from .studies import Array, Question, Study, Table

FIGURES = ("mae", "rmse", "r2", "concordance", "bias", "limit_low", "limit_high")
SCALES = {"mae": (np.log, np.exp), "rmse": (np.log, np.exp), "concordance": (np.arctanh, np.tanh)}


def figures(y: Array, p: Array, w: Array | None = None) -> dict[str, float]:
    """Figures of agreement of measured and predicted values; a weight is how often each study is there."""
    if w is not None:
        y, p = np.repeat(y, w.astype(np.int64)), np.repeat(p, w.astype(np.int64))
    if not len(y):
        return {}
    e = p - y
    out = {"mae": float(sk.mean_absolute_error(y, p)), "rmse": float(np.sqrt(sk.mean_squared_error(y, p))),
           "bias": float(e.mean())}
    if np.ptp(y) > 0:
        out["r2"] = float(sk.r2_score(y, p))
    below = float(y.var() + p.var() + e.mean() ** 2)
    if below > 0:
        out["concordance"] = 2 * float(np.mean((y - y.mean()) * (p - p.mean()))) / below
    if len(y) > 1:
        half = float(stats.norm.ppf(0.975)) * float(e.std(ddof=1))
        out |= {"limit_low": float(e.mean()) - half, "limit_high": float(e.mean()) + half}
    return out


class Values:
    """What metrics.json says of predicted numbers.

    Args:
        ledger: of metrics.json.
        table: of predictions.
    """

    def __init__(self, ledger: Ledger, table: Table) -> None:
        self.ledger, self.table, self.told = ledger, table, ledger.told
        self.draws = int(self.told["bootstrap"])

    def all(self) -> None:
        """Checks everything of a regression."""
        for k in range(len(self.told["results"])):
            self._result(("results", k), k)
        for told in self.told["worst"]:
            found = {r["site"]: r["metrics"]["mae"]["value"] for r in self.told["results"]
                     if (r["model"], r["role"], r["split"], r["pooled"]) == (told["model"], "target", "test", False)
                     and r["metrics"]["mae"]["value"] is not None}
            self.ledger.same(f"worst site of {told['model']}", found[told["site"]], max(found.values()), 0)
        for k, gap in enumerate(self.told["gaps"]):
            mover(self.ledger, ("gaps", k), [
                next(r["metrics"]["mae"] for r in self.told["results"]
                     if (r["model"], r["site"], r["role"], r["split"]) == (gap["model"], gap[key], role, "test"))
                for key, role in (("internal", "source"), ("external", "target"))])
        self._comparisons()

    def _known(self, model: str, site: str, role: str, split: str) -> list[Study]:
        studies = self.table.studies(model, "" if site.startswith("all ") else site, role, split)
        return [s for s in studies if s.known]

    def _result(self, place: Place, seed: int) -> None:
        told, ledger = self.ledger.at(place), self.ledger
        key = (told["model"], told["site"], told["role"], told["split"])
        known = self._known(*key)
        everyone = self.table.studies(key[0], "" if key[1].startswith("all ") else key[1], *key[2:])
        ledger.agree((*place, "pooled"), key[1].startswith("all "), 0)
        ledger.agree((*place, "n"), len(known), 0)
        ledger.agree((*place, "n_unknown"), len(everyone) - len(known), 0)
        ledger.agree((*place, "n_positive"), None)
        patients = len({s.patient for s in known})
        ledger.agree((*place, "patients"), patients, 0)
        y, p, q = _pair(known)
        values = figures(y, p)
        ledger.count(f"{place}: figures", list(told["metrics"]), list(FIGURES))
        drawn: dict[str, Array] = {}
        if self.draws and patients >= FEWEST:
            rows = [figures(y, p, w) for w in weights_of([q], seed, REPLICATES)[0]]
            drawn = {name: np.array([row.get(name, np.nan) for row in rows]) for name in values}
        for name in told["metrics"]:
            ends = _interval(name, values[name], drawn[name], patients, self.draws) if name in drawn else NONE
            check(ledger, (*place, "metrics", name), values.get(name), ends, 1e-6)

    def _comparisons(self) -> None:
        rows: list[Found | None] = []
        values: list[float | None] = []
        for k, told in enumerate(self.told["comparisons"]):
            both = [self._known(m, told["site"], "target", "test") for m in self.table.models[:2]]
            self.ledger.agree(("comparisons", k, "pooled"), told["site"].startswith("all "), 0)
            self.ledger.agree(("comparisons", k, "n"), len(both[0]), 0)
            (y, p, q), (_, other, _) = (_pair(studies) for studies in both)
            patients = len(set(q.patient))
            if patients < FEWEST or not self.draws:
                rows.append(None)
                values.append(None)
                continue
            apart = np.array([figures(y, p, w)["mae"] - figures(y, other, w)["mae"]
                              for w in weights_of([q], 78, REPLICATES)[0]])
            values.append(figures(y, p)["mae"] - figures(y, other)["mae"])
            rows.append(Found(values[-1] or 0.0, max(error_of(apart), 1e-12), patients, bool(np.array_equal(p, other)),
                              PAIRED, slack_of(apart, self.draws)))
        judged(self.ledger, rows, values, higher_is_better=False)


def _pair(known: list[Study]) -> tuple[Array, Array, Question]:
    y, p = np.array([s.labels[0] for s in known]), np.array([s.scores[0] for s in known])
    return y, p, Question(np.zeros(len(y), dtype=np.int64), p, None, np.array([s.patient for s in known]))


def _interval(name: str, value: float, drawn: Array, patients: int, others: int) -> Expected:
    forth, back = SCALES.get(name, (np.asarray, np.asarray))
    moved: Any = forth(drawn)
    known = moved[np.isfinite(moved)]
    reach = float(stats.t.ppf(0.975, patients - 1)) * error_of(known)
    centre, slack = float(forth(value)), slack_of(known, others)
    low, high, *inner = (float(back(centre + share * reach)) for share in
                         (-1, 1, -1 - slack, -1 + slack, 1 - slack, 1 + slack))
    room = (max(abs(inner[0] - low), abs(inner[1] - low)), max(abs(inner[2] - high), abs(inner[3] - high)))
    return Expected((low, high), room, FREE)
