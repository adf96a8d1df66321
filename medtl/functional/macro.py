"""Several classes or several labels as binary questions, averaged with equal weight.

Exclusive classes are asked one against the rest; labels are asked one by one, each over the studies where it is known.
A question that cannot be answered (one class only) is left out of the mean and named, never counted as 0.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from medtl.functional.measure import FloatArray, Metric, NotEstimable
from medtl.functional.resampling import BinarySample, Resampled, first_value


@dataclass(frozen=True)
class Macro:
    """A mean over questions.

    Args:
        value: the mean over the questions that have a value, or why none has.
        parts: one value or reason per question, in order.
    """

    value: float | NotEstimable
    parts: tuple[float | NotEstimable, ...]


def average(parts: Sequence[float | NotEstimable]) -> float | NotEstimable:
    """Mean over the questions that have a value.

    Args:
        parts: values or reasons, at least one.

    Returns:
        The mean, or the first reason when there is no value at all.
    """
    values = [part for part in parts if not isinstance(part, NotEstimable)]
    if not values:
        return next(part for part in parts if isinstance(part, NotEstimable))
    return sum(values) / len(values)


def value_of(metric: Metric, sample: BinarySample) -> float | NotEstimable:
    """A metric of one binary question, each study counting once.

    Args:
        metric: the figure of merit.
        sample: the studies.

    Returns:
        The value, or why there is none.
    """
    return first_value(metric, Resampled(sample, np.ones((1, sample.clusters))))


def one_vs_rest(metric: Metric, labels: ArrayLike, scores: ArrayLike) -> Macro:
    """Macro average over exclusive classes, each against all others; decisions are the class of the highest score.

    Args:
        metric: one whose `macro_of` is None; for balanced accuracy pass sensitivity (the mean of recalls).
        labels: class codes, -1 where unknown, (n,).
        scores: one column per class, (n, k).

    Returns:
        The mean and the value of each class.
    """
    codes, columns = np.asarray(labels), np.asarray(scores, dtype=np.float64)
    known = codes >= 0
    codes, columns = codes[known], columns[known]
    called = columns.argmax(axis=1) if len(columns) else np.zeros(0, dtype=np.int64)
    parts = tuple(
        value_of(metric, BinarySample.of(codes == k, columns[:, k], decided=called == k))
        for k in range(columns.shape[1])
    )
    return Macro(average(parts), parts)


def per_label(metric: Metric, labels: ArrayLike, scores: ArrayLike, thresholds: FloatArray | None = None) -> Macro:
    """Macro average over labels that may be present together, each over the studies where it is known.

    Args:
        metric: the figure of merit.
        labels: 0, 1, or -1 where unknown, (n, k).
        scores: one column per label, (n, k).
        thresholds: one per label, (k,), for metrics that read decisions; a score that reaches it is a positive call.

    Returns:
        The mean and the value of each label.

    Raises:
        ValueError: a metric that reads decisions, and no thresholds.
    """
    codes, columns = np.asarray(labels), np.asarray(scores, dtype=np.float64)
    if metric.needs == "decisions" and thresholds is None:
        raise ValueError(f"{metric.name} reads decisions: give one threshold per label")
    parts = []
    for k in range(columns.shape[1]):
        known = codes[:, k] >= 0
        decided = None if thresholds is None else columns[known, k] >= thresholds[k]
        parts.append(value_of(metric, BinarySample.of(codes[known, k], columns[known, k], decided=decided)))
    return Macro(average(parts), tuple(parts))
