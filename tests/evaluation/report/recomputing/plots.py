"""Lines of the plots, read back from the page: ROC, reliability and decision curves, to half a pixel."""
from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from sklearn import metrics as sk

from .ledger import Ledger
from .page import Page
from .sites import Sites
from .studies import Question


class Plots:
    """Lines of a page beside what the predictions give.

    Args:
        ledger: of metrics.json.
        page: its lines.
        sites: for the questions of each.
    """

    def __init__(self, ledger: Ledger, page: Page, sites: Sites) -> None:
        self.ledger, self.page, self.sites, self.told = ledger, page, sites, ledger.told

    def all(self) -> None:
        """Checks every line."""
        table, drawn = self.sites.table, 0
        for result in self.told["results"]:
            if result["split"] != "test" or result["pooled"]:
                continue
            for name, q in zip(table.names, self.sites.asked(result), strict=True):
                line = result["model"] if table.kind == "binary" else name
                if table.kind == "binary" or result["model"] == self.told["thresholds"][0]["model"]:
                    drawn += self._roc(result, line, q) + self._reliability(result, line, q)
        if drawn == 0:
            self.ledger.wrong.append("the page draws no curve")
        for curve in (self.told["probabilities"] or {}).get("decision_curves", ()):
            self._decision(curve)

    def _roc(self, result: dict[str, Any], line: str, q: Question) -> int:
        found = self.page.line(f"ROC curves of {result['site']}", f"roc {line}")
        if len(set(q.truth.tolist())) < 2:
            return 0
        if found is None:
            self.ledger.wrong.append(f"no ROC of {result['site']} {line}")
            return 0
        points, (dx, dy) = np.array(found[0]), found[1]
        false, true, _ = sk.roc_curve(q.truth, q.score, drop_intermediate=False)
        near = np.array([np.min(np.maximum(abs(false - x) / dx, abs(true - y) / dy)) for x, y in points])
        self.ledger.same(f"ROC of {result['site']} {line}: pixels off", 0.0, float(near.max()), 0.5)
        if len(points) < 400:
            area = float(np.trapezoid(points[:, 1], points[:, 0]))
            self.ledger.same(f"ROC of {result['site']} {line}: area", sk.roc_auc_score(q.truth, q.score), area, 2e-3)
        return 1

    def _reliability(self, result: dict[str, Any], line: str, q: Question) -> int:
        found = self.page.line(f"Reliability of {result['site']}", f"reliability {line}")
        wanted = reliability(q) if len(q.truth) else []
        if found is None or len(found[0]) != len(wanted):
            drawn = 0 if found is None else len(found[0])
            self.ledger.wrong.append(f"reliability of {result['site']} {line}: {drawn} bins, not {len(wanted)}")
            return 0
        self._near(f"reliability of {result['site']} {line}", found, wanted)
        return 1

    def _decision(self, curve: dict[str, Any]) -> None:
        several = len(self.sites.table.names) > 1
        where = f"{curve['site']}: {curve['question']}" if several else curve["site"]
        found = self.page.line(f"Decision curves of {where}", f"decision {curve['model']}")
        told = list(zip(curve["thresholds"], curve["net_benefit"], strict=True))
        if found is None:
            self.ledger.wrong.append(f"no decision curve of {where} {curve['model']}")
            return
        self._near(f"decision curve of {where} {curve['model']}", found, told[:len(found[0])])
        left = [benefit for _, benefit in told[len(found[0]):]]
        if left and left[0] > 0:
            self.ledger.wrong.append(f"decision curve of {where}: its line ends before it falls below 0")

    def _near(
        self, what: str, found: tuple[list[tuple[float, float]], tuple[float, float]],
        wanted: list[tuple[float, float]]
    ) -> None:
        points, (dx, dy) = found
        for (x, y), (across, up) in zip(points, wanted, strict=True):
            self.ledger.same(f"{what}: across", across, x, dx / 2)
            self.ledger.same(f"{what}: up", up, y, dy / 2)


def reliability(q: Question) -> list[tuple[float, float]]:
    """Mean score and share of positives in bins of equal size, equal scores together."""
    order = np.argsort(q.score, kind="stable")
    score, truth = q.score[order], q.truth[order]
    count, bins = len(score), max(1, min(10, len(score) // 10))
    edges = sorted({0, count} | {int(np.flatnonzero(score == score[k * count // bins])[0]) for k in range(1, bins)})
    return [(float(score[a:b].mean()), float(truth[a:b].mean())) for a, b in itertools.pairwise(edges)]
