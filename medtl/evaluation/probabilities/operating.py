"""Thresholds for a wanted sensitivity, where they were chosen, what they promise, and what they gave at the site."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from medtl.evaluation.estimates import Estimate
from medtl.evaluation.questions import Thresholds, group_of, question_names
from medtl.functional.intervals.effective import share_interval
from medtl.functional.macro import value_of
from medtl.functional.measure import NotEstimable
from medtl.functional.metrics.sensitivity import METRIC as SENSITIVITY
from medtl.functional.metrics.specificity import METRIC as SPECIFICITY
from medtl.functional.thresholds import threshold_for_sensitivity
from medtl.predictions import Predictions


@dataclass(frozen=True)
class OperatingRow:
    """A threshold for a wanted sensitivity on one question.

    Args:
        site: where it is used.
        model: adapted or baseline.
        question: the class or label.
        chosen_on: "source validation", whose promise holds for patients like the source's, or "target adapt".
        wanted: sensitivity.
        threshold: or why there is none.
        positives: positive patients that it was chosen on.
        sensitivity: at the site's test studies, with an exact interval.
        specificity: likewise.
        studies: test studies with a known label.
    """

    site: str
    model: str
    question: str
    chosen_on: str
    wanted: float
    threshold: float | NotEstimable
    positives: int
    sensitivity: Estimate
    specificity: Estimate
    studies: int

    def as_json(self) -> dict[str, Any]:
        """As JSON."""
        found = isinstance(self.threshold, float)
        return {
            "site": self.site, "model": self.model, "question": self.question, "chosen_on": self.chosen_on,
            "wanted": self.wanted, "confidence": 0.95, "threshold": self.threshold if found else None,
            "reason": None if isinstance(self.threshold, float) else self.threshold.reason,
            "positive_patients": self.positives, "n": self.studies, "sensitivity": self.sensitivity.as_json(),
            "specificity": self.specificity.as_json(),
        }


def operating_rows(
    chosen: Predictions, chosen_on: str, tested: Predictions, wanted: float, level: float
) -> tuple[OperatingRow, ...]:
    """Choose a threshold per question and say what it gives.

    Args:
        chosen: labelled rows of one model that the threshold is chosen on.
        chosen_on: how these are called.
        tested: rows of that model on one target site's test studies.
        wanted: sensitivity, in (0, 1).
        level: nominal coverage.

    Returns:
        One row per question; none for exclusive classes, where the highest score decides.
    """
    if tested.kind == "multiclass" or not len(tested):
        return ()
    out = []
    for q, name in enumerate(question_names(tested)):
        column = -1 if tested.kind == "binary" else q
        labels = chosen.labels[:, q if chosen.kind == "multilabel" else 0]
        known = np.asarray(labels >= 0)
        keys = chosen.patient_key[known]
        threshold = threshold_for_sensitivity(labels[known] == 1, chosen.scores[known, column], wanted, keys)
        positives = len(np.unique(keys[labels[known] == 1]))
        values = {} if isinstance(threshold, NotEstimable) else {name: threshold}
        sample = group_of(tested, Thresholds("", values)).samples[q]
        ends = []
        for metric, at in ((SENSITIVITY, 0), (SPECIFICITY, 1)):
            if sample.decided is None:
                ends.append(Estimate(metric.name, None, None, "no threshold"))
                continue
            interval = share_interval(sample.totals[:, at + 2], sample.totals[:, at], level)
            ends.append(Estimate.of(metric.name, value_of(metric, sample), interval))
        out.append(OperatingRow(
            str(tested.site[0]), str(tested.model[0]), name, chosen_on, wanted, threshold, positives, ends[0], ends[1],
            len(sample.scores),
        ))
    return tuple(out)
