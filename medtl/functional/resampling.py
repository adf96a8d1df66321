"""A binary sample, sorted once, and its sums under any number of integer bootstrap counts.

A bootstrap replicate is a count per patient. Confusion counts and squared errors are linear in the counts, so all
replicates are one matrix product; ranking metrics are cumulative sums along the one order of the scores. No replicate
is ever sorted or even materialised as rows.
"""
from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from medtl.functional.measure import BoolArray, FloatArray, IntArray, Metric, NotEstimable


@dataclass(frozen=True, eq=False)
class BinarySample:
    """Labelled studies of one binary question, each belonging to a cluster (its patient).

    Args:
        positive: the label, (n,) bool.
        scores: higher means more positive; finite, (n,). Probabilities where a metric needs them.
        cluster: index of the patient of each study, 0 to clusters - 1, (n,).
        clusters: number of patients, also those without a row here.
        decided: the call at the threshold, (n,) bool; None where there is no threshold.
    """

    positive: BoolArray
    scores: FloatArray
    cluster: IntArray
    clusters: int
    decided: BoolArray | None = None

    @classmethod
    def of(
        cls, positive: ArrayLike, scores: ArrayLike, *, cluster: ArrayLike | None = None, clusters: int | None = None,
        decided: ArrayLike | None = None,
    ) -> BinarySample:
        """Check the arrays and build a sample; without clusters each study is its own.

        Args:
            positive: labels of two values, False/True or 0/1, (n,).
            scores: finite, (n,).
            cluster: index of the patient of each study, (n,).
            clusters: number of patients, by default the largest index plus one.
            decided: calls, (n,).

        Returns:
            The sample.

        Raises:
            ValueError: shapes that differ, labels other than 0 and 1, or scores that are not finite.
        """
        labels, values = np.asarray(positive), np.asarray(scores, dtype=np.float64)
        if labels.ndim != 1 or labels.shape != values.shape:
            raise ValueError(f"labels and scores must be two vectors of one length, got {labels.shape}, {values.shape}")
        if labels.dtype != np.bool_ and not np.isin(labels, (0, 1)).all():
            raise ValueError("labels must be 0 or 1: mask unknown ones first")
        if not np.isfinite(values).all():
            raise ValueError(f"{int((~np.isfinite(values)).sum())} of {len(values)} scores are not finite")
        index = np.arange(len(values)) if cluster is None else np.asarray(cluster, dtype=np.int64)
        if index.shape != values.shape:
            raise ValueError(f"one cluster index per score is needed, got {index.shape} for {values.shape}")
        count = clusters if clusters is not None else int(index.max(initial=-1)) + 1
        calls = None if decided is None else np.asarray(decided, dtype=np.bool_)
        return cls(labels.astype(np.bool_), values, index.astype(np.int64), count, calls)

    @cached_property
    def totals(self) -> FloatArray:
        """Sums per cluster, (clusters, 5): positives, negatives, true positives, true negatives, squared error."""
        called = self.decided if self.decided is not None else np.zeros_like(self.positive)
        columns = (
            self.positive, ~self.positive, self.positive & called, ~self.positive & ~called,
            np.square(self.scores - self.positive),
        )
        sums = [np.bincount(self.cluster, weights=column, minlength=self.clusters) for column in columns]
        return np.stack(sums, axis=1)

    @cached_property
    def ranking(self) -> Ranking:
        """The order of the scores, worked out once."""
        return Ranking.of(self)


@dataclass(frozen=True, eq=False)
class Ranking:
    """Where positives stand among negatives when scores descend.

    Args:
        positives: cluster of each positive study, best score first, (p,).
        negatives: cluster of each negative study, best score first, (q,).
        ends: for each distinct score that a positive has, how many positives reach it or more, (k,).
        above: for each such score, how many negatives lie strictly above it, (k,).
        through: for each such score, how many negatives reach it or more, (k,).
    """

    positives: IntArray
    negatives: IntArray
    ends: IntArray
    above: IntArray
    through: IntArray

    @classmethod
    def of(cls, sample: BinarySample) -> Ranking:
        """Sort a sample.

        Args:
            sample: the studies.

        Returns:
            Its ranking.
        """
        order = np.argsort(-sample.scores, kind="stable")
        descending, positive = -sample.scores[order], sample.positive[order]
        clusters = sample.cluster[order]
        up, down = descending[positive], descending[~positive]
        levels = np.unique(up)
        return cls(
            positives=clusters[positive],
            negatives=clusters[~positive],
            ends=np.searchsorted(up, levels, side="right"),
            above=np.searchsorted(down, levels, side="left"),
            through=np.searchsorted(down, levels, side="right"),
        )


class Resampled:
    """A sample under one or many weightings of its clusters; sums are worked out when first asked for.

    Args:
        sample: the studies.
        counts: weight of each cluster in each replicate, at least 0, (replicates, clusters).
    """

    def __init__(self, sample: BinarySample, counts: ArrayLike) -> None:
        self.sample = sample
        self.counts = np.asarray(counts, dtype=np.float64)
        if self.counts.ndim != 2 or self.counts.shape[1] != sample.clusters:
            raise ValueError(f"counts must be (replicates, {sample.clusters}), got {self.counts.shape}")

    @cached_property
    def _sums(self) -> FloatArray:
        return self.counts @ self.sample.totals  # (replicates, 5)

    @property
    def positives(self) -> FloatArray:
        """Weight of the positive studies, (replicates,)."""
        return self._sums[:, 0]

    @property
    def negatives(self) -> FloatArray:
        """Weight of the negative studies, (replicates,)."""
        return self._sums[:, 1]

    @property
    def true_positives(self) -> FloatArray:
        """Weight of the positive studies that are called positive, (replicates,)."""
        self._require_decisions()
        return self._sums[:, 2]

    @property
    def true_negatives(self) -> FloatArray:
        """Weight of the negative studies that are called negative, (replicates,)."""
        self._require_decisions()
        return self._sums[:, 3]

    @property
    def squared_error(self) -> FloatArray:
        """Weighted sum of (score - label)², (replicates,)."""
        return self._sums[:, 4]

    @cached_property
    def positives_reaching(self) -> FloatArray:
        """Weight of positives that reach each score held by a positive, (replicates, k)."""
        ranking = self.sample.ranking
        running = np.cumsum(self.counts[:, ranking.positives], axis=1)
        return running if len(ranking.ends) == running.shape[1] else running[:, ranking.ends - 1]

    @cached_property
    def positives_at(self) -> FloatArray:
        """Weight of positives at each score held by a positive, (replicates, k)."""
        ranking = self.sample.ranking
        if len(ranking.ends) == len(ranking.positives):
            return self.counts[:, ranking.positives]
        return np.diff(self.positives_reaching, axis=1, prepend=0.0)

    @cached_property
    def _running_negatives(self) -> FloatArray:
        negatives = self.sample.ranking.negatives
        running = np.zeros((len(self.counts), len(negatives) + 1))
        np.cumsum(self.counts[:, negatives], axis=1, out=running[:, 1:])
        return running

    @cached_property
    def negatives_reaching(self) -> FloatArray:
        """Weight of negatives that reach each score held by a positive, (replicates, k)."""
        return self._running_negatives[:, self.sample.ranking.through]

    @cached_property
    def negatives_above(self) -> FloatArray:
        """Weight of negatives strictly above each score held by a positive, (replicates, k)."""
        ranking = self.sample.ranking
        if np.array_equal(ranking.above, ranking.through):
            return self.negatives_reaching
        return self._running_negatives[:, ranking.above]

    def _require_decisions(self) -> None:
        if self.sample.decided is None:
            raise ValueError("this metric reads decisions, and the sample has none: give a threshold")


def weighted_value(metric: Metric, sample: BinarySample, weights: ArrayLike | None = None) -> float | NotEstimable:
    """A metric of a sample of one study per cluster under one weighting.

    Args:
        metric: the figure of merit.
        sample: studies that are each their own cluster.
        weights: weight per study, at least 0, (n,); None is 1 each.

    Returns:
        The value, or why there is none.

    Raises:
        ValueError: weights of another shape, negative or not finite.
    """
    return first_value(metric, single(sample, weights))


def first_value(metric: Metric, resampled: Resampled) -> float | NotEstimable:
    """A metric under the first weighting.

    Args:
        metric: the figure of merit.
        resampled: a sample under at least one weighting.

    Returns:
        The value, or why there is none.
    """
    gap = metric.missing(float(resampled.positives[0]), float(resampled.negatives[0]))
    if gap is not None:
        return gap
    value = float(metric.kernel(resampled)[0])
    return NotEstimable(metric.undefined) if np.isnan(value) else value


def single(sample: BinarySample, weights: ArrayLike | None) -> Resampled:
    """A sample of one study per cluster under one weighting.

    Args:
        sample: studies that are each their own cluster.
        weights: weight per study, at least 0, (n,); None is 1 each.

    Returns:
        One replicate.

    Raises:
        ValueError: weights of another shape, negative or not finite.
    """
    values = np.ones(sample.clusters) if weights is None else np.asarray(weights, dtype=np.float64)
    if values.shape != sample.scores.shape or not np.isfinite(values).all() or (values < 0).any():
        raise ValueError(f"weights must be {sample.scores.shape}, finite and at least 0, got shape {values.shape}")
    return Resampled(sample, values[None, :])
