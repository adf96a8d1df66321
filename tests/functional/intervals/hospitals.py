"""Simulated hospitals with clustered patients, and how often the shipped interval of each figure holds the truth."""
from __future__ import annotations

import importlib
import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import expit, logit

from medtl.functional.intervals.bootstrap import bootstrap
from medtl.functional.intervals.interval import Interval
from medtl.functional.intervals.shipped import shipped
from medtl.functional.macro import value_of
from medtl.functional.measure import Metric, NotEstimable
from medtl.functional.resampling import BinarySample

NAMES = ("auroc", "average_precision", "reference_average_precision", "balanced_accuracy", "sensitivity", "specificity",
         "ppv", "npv", "brier", "brier_skill", "sensitivity_at_specificity", "specificity_at_sensitivity",
         "calibration_slope", "calibration_intercept")


def metrics() -> tuple[Metric, ...]:
    return tuple(importlib.import_module(f"medtl.functional.metrics.{name}").METRIC for name in NAMES)


@dataclass(frozen=True)
class Ward:
    """Patients with one to four studies, half of a score's variance the patient's; probabilities too bold by 1.3."""

    patients: int
    shift: float = 1.2
    prevalence: float = 0.3

    def draw(self, rng: np.random.Generator) -> BinarySample:
        cluster = np.repeat(np.arange(self.patients), rng.integers(1, 5, self.patients))
        positive = (rng.random(self.patients) < self.prevalence)[cluster]
        noise = math.sqrt(0.5) * (rng.normal(size=self.patients)[cluster] + rng.normal(size=len(cluster)))
        odds = logit(self.prevalence) + self.shift * (self.shift * positive + noise) - self.shift**2 / 2
        p = expit(1.3 * odds)
        return BinarySample.of(positive, p, cluster=cluster, clusters=self.patients, decided=p >= self.prevalence)


@cache
def truths(shift: float, prevalence: float) -> tuple[float, ...]:
    """Every figure of 100,000 patients."""
    sample = Ward(100_000, shift, prevalence).draw(np.random.default_rng(99))
    return tuple(float(value_of(metric, sample)) for metric in metrics())  # type: ignore[arg-type]


@dataclass(frozen=True)
class Coverage:
    """Of one figure: share of the intervals given that hold the truth, and share of hospitals that got one."""

    covered: float
    given: float


def coverage(ward: Ward, simulations: int, replicates: int, seed: int = 3) -> dict[str, Coverage]:
    rng, chosen, truth = np.random.default_rng(seed), metrics(), truths(ward.shift, ward.prevalence)
    hits, given = np.zeros(len(chosen)), np.zeros(len(chosen))
    for number in range(simulations):
        sample = ward.draw(rng)
        draws = bootstrap([sample], chosen, seed=number, strata=[("a", ward.patients)], replicates=replicates)[0]
        positives, negatives = (int((sample.totals[:, column] > 0).sum()) for column in (0, 1))
        for j, metric in enumerate(chosen):
            value = value_of(metric, sample)
            if isinstance(value, NotEstimable):
                continue
            patients = {"both": min(positives, negatives), "positive": positives, "negative": negatives,
                        "any": positives + negatives}[metric.classes]
            interval = shipped(metric, sample, value, draws[j], patients)
            if isinstance(interval, Interval):
                given[j] += 1
                hits[j] += interval.low <= truth[j] <= interval.high
    return {name: Coverage(hits[j] / given[j] if given[j] else float("nan"), given[j] / simulations)
            for j, name in enumerate(NAMES)}
