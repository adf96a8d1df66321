"""Decision curves: net benefit of a model's calls at a site, of calling everyone, with bands over patients."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from medtl.evaluation.questions import Thresholds, group_of
from medtl.functional.decision_curve import THRESHOLDS, net_benefit
from medtl.functional.intervals.bootstrap import count_chunks
from medtl.predictions import Predictions


@dataclass(frozen=True)
class DecisionCurve:
    """Net benefit per study over thresholds.

    Args:
        site: target.
        model: adapted or baseline.
        question: the class or label.
        studies: with a known label.
        thresholds: probabilities, (k,).
        benefit: of the model, (k,).
        low: lower ends of pointwise percentile intervals, (k,); empty without draws.
        high: upper ends, (k,).
        everyone: of calling everyone positive, (k,).
    """

    site: str
    model: str
    question: str
    studies: int
    thresholds: tuple[float, ...]
    benefit: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    everyone: tuple[float, ...]

    def as_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "site": self.site, "model": self.model, "question": self.question, "n": self.studies,
            "thresholds": list(self.thresholds), "net_benefit": list(self.benefit), "low": list(self.low),
            "high": list(self.high), "everyone": list(self.everyone),
        }


def decision_curves(
    rows: Predictions, *, called: str, bootstrap: int, seed: int, level: float
) -> tuple[DecisionCurve, ...]:
    """Decision curves of one model at one site, one per question.

    Args:
        rows: of one model on one site's test studies, at least one.
        called: what the site is called in seeds.
        bootstrap: draws of patients.
        seed: of the draws.
        level: nominal coverage, pointwise.

    Returns:
        The curves of questions that have both classes.
    """
    group = group_of(rows, Thresholds("", {}))
    strata = [(called, patients) for _, patients in group.strata]
    curves = []
    for name, sample in zip(group.names, group.samples, strict=True):
        if not sample.positive.any() or sample.positive.all():
            continue
        plain = net_benefit(sample)
        drawn = [net_benefit(sample, THRESHOLDS, counts).model
                 for counts in count_chunks(seed, strata, bootstrap, len(sample.scores))] if bootstrap else []
        tails = [(1 - level) / 2, (1 + level) / 2]
        ends = np.nanquantile(np.vstack(drawn), tails, axis=0) if drawn else np.zeros((2, 0))
        curves.append(DecisionCurve(
            str(rows.site[0]), str(rows.model[0]), name, len(sample.scores), THRESHOLDS,
            tuple(plain.model[0].tolist()), tuple(ends[0].tolist()), tuple(ends[1].tolist()),
            tuple(plain.everyone[0].tolist()),
        ))
    return tuple(curves)
