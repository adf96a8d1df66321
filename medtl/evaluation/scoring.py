"""Figures of one group of studies, with intervals from draws of its patients."""
from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from medtl.evaluation.estimates import Estimate
from medtl.evaluation.questions import Group, rarer_patients
from medtl.functional.intervals.bootstrap import bootstrap
from medtl.functional.intervals.interval import Interval
from medtl.functional.intervals.shipped import from_spread, shipped
from medtl.functional.macro import average, value_of
from medtl.functional.measure import BoolArray, FloatArray, Metric, NotEstimable, Reference


def load_metrics(names: Sequence[str], reference: Reference | None = None) -> tuple[Metric, ...]:
    """The `METRIC` constants of registered metrics.

    Args:
        names: registry names.
        reference: for metrics that refer to a prevalence, sensitivity or specificity; their defaults if None.

    Returns:
        One metric per name.

    Raises:
        ConfigError: a name that is not registered.
    """
    return tuple(
        module.at(reference) if reference is not None and hasattr(module, "at") else module.METRIC
        for module in map(_module, names)
    )


@cache
def _module(name: str) -> Any:
    from medtl import registry

    return importlib.import_module(registry.load("metrics", name).__module__)


@dataclass(frozen=True, eq=False)
class Scores:
    """All figures of one group: of every question, and their means.

    Args:
        group: the studies.
        metrics: the figures of merit.
        values: value or reason of each question and metric, [question][metric].
        draws: the bootstrap values, (questions, metrics, replicates).
        level: nominal coverage.
    """

    group: Group
    metrics: tuple[Metric, ...]
    values: tuple[tuple[float | NotEstimable, ...], ...]
    draws: FloatArray
    level: float

    def part(self, question: int, metric: int) -> Estimate:
        """The figure of one class or label."""
        value = self.values[question][metric]
        return Estimate.of(self.metrics[metric].name, value, self._interval(value, [question], metric))

    def mean(self, metric: int) -> Estimate:
        """The figure over all questions: the only one, or the mean of those that have a value."""
        column = [row[metric] for row in self.values]
        asked = self.answered(metric)
        value = average(column)
        estimate = Estimate.of(self.metrics[metric].name, value, self._interval(value, asked, metric))
        left_out = [name for q, name in enumerate(self.group.names) if q not in asked]
        if asked and left_out:
            note = f"mean over {len(asked)} of {len(column)}: {', '.join(left_out)} not estimable"
            reason = f"{note}; {estimate.reason}" if estimate.reason else note
            return Estimate(estimate.metric, estimate.value, estimate.interval, reason)
        return estimate

    def answered(self, metric: int) -> list[int]:
        """Questions that have a value of the metric."""
        return [q for q, row in enumerate(self.values) if not isinstance(row[metric], NotEstimable)]

    def mean_draws(self, metric: int) -> FloatArray:
        """Bootstrap values of the mean, (replicates,), nan where a question that has a value lacks a class."""
        asked = self.answered(metric)
        return self.draws[asked, metric].mean(axis=0) if asked else np.full(self.draws.shape[2], np.nan)

    def rarer(self, metric: int) -> int:
        """Patients that limit the mean: of the rarest class among the questions that have a value."""
        samples = self.group.samples
        return min((rarer_patients(samples[q], self.metrics[metric]) for q in self.answered(metric)), default=0)

    def _interval(
        self, value: float | NotEstimable, asked: list[int], metric: int
    ) -> Interval | NotEstimable | None:
        if isinstance(value, NotEstimable):
            return None
        drawn = self.draws[asked, metric].mean(axis=0)
        patients = min(rarer_patients(self.group.samples[q], self.metrics[metric]) for q in asked)
        if len(asked) == 1:
            return shipped(self.metrics[metric], self.group.samples[asked[0]], value, drawn, patients, self.level)
        return from_spread(self.metrics[metric], value, drawn, patients, self.level)


def score(
    group: Group, metrics: Sequence[Metric], *, seed: int, replicates: int, level: float, where: str,
    no_decision: str = "no threshold",
) -> Scores:
    """Compute every figure of a group and its bootstrap values.

    Args:
        group: the studies.
        metrics: figures of merit.
        seed: of the evaluation; each site has its own stream, so two models meet the same draws.
        replicates: number of draws.
        level: nominal coverage.
        where: how a reason names the group, such as a site's name.
        no_decision: the reason given where a question has no threshold.

    Returns:
        The scores.
    """
    values: list[tuple[float | NotEstimable, ...]] = []
    for sample in group.samples:
        row: list[float | NotEstimable] = []
        for metric in metrics:
            if metric.needs == "decisions" and sample.decided is None:
                row.append(NotEstimable(no_decision))
                continue
            value = value_of(metric, sample)
            row.append(_placed(value, sample.positive, where) if isinstance(value, NotEstimable) else value)
        values.append(tuple(row))
    draws = bootstrap(group.samples, metrics, seed=seed, strata=group.strata, replicates=replicates)
    return Scores(group, tuple(metrics), tuple(values), draws, level)


def _placed(value: NotEstimable, positive: BoolArray, where: str) -> NotEstimable:
    if len(positive) and (positive.all() or not positive.any()):
        return NotEstimable(f"one class at {where}")
    return NotEstimable(f"{value.reason} at {where}")
