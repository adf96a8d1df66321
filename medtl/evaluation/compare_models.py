"""Did adaptation gain, at which site, and how far does a model fall from home: differences with intervals."""
from __future__ import annotations

import numpy as np

from medtl.evaluation.estimates import Estimate
from medtl.evaluation.scoring import Scores
from medtl.evaluation.site_report import Comparison
from medtl.functional.intervals.clustered import independent_difference, paired_difference
from medtl.functional.measure import NotEstimable

GAIN, LOSS, UNSURE, SAME = "gain", "negative transfer", "inconclusive", "no difference: identical scores"
METRIC = "auroc"


def internal_external_gap(internal: Scores, external: Scores) -> Estimate:
    """AUROC at the source minus AUROC at a target site, both on studies that trained nothing.

    The sites' patients are independent, so the interval is recovered from the two sites' own intervals.

    Args:
        internal: the model on the source's test studies.
        external: the same model on the target's.

    Returns:
        The gap, above 0 where the model does worse away from home.
    """
    ends = [scores.mean(_index(scores)) for scores in (internal, external)]
    first, second = ends
    for end in ends:
        if end.value is None:
            return Estimate(METRIC, None, None, end.reason)
    assert first.value is not None
    assert second.value is not None
    gap = first.value - second.value
    if first.interval is None or second.interval is None:
        return Estimate(METRIC, gap, None, (first if first.interval is None else second).reason)
    return Estimate(METRIC, gap, independent_difference(first.value, first.interval, second.value, second.interval))


def compare_models(
    site: str, adapted: Scores, baseline: Scores, *, level: float = 0.95, pooled: bool = False
) -> Comparison:
    """AUROC of the adapted model minus the baseline's on the same studies, under the same draws of patients.

    The verdict is a gain where the whole interval lies above 0, negative transfer where it lies below, and otherwise
    inconclusive. It speaks of these two models at this site; it is not corrected for the number of sites.

    Args:
        site: how the comparison is named.
        adapted: the adapted model's scores.
        baseline: the baseline's, drawn with the same seed.
        level: nominal coverage.
        pooled: whether several sites stand together.

    Returns:
        The comparison with its verdict.
    """
    studies = adapted.group.studies
    if adapted.group.keys != baseline.group.keys:
        estimate = Estimate(METRIC, None, None, "the two models answered different studies")
        return Comparison(site, studies, estimate, f"not estimable ({estimate.reason})", pooled)
    j = _index(adapted)
    first, second = adapted.mean(j), baseline.mean(j)
    if first.value is None or second.value is None:
        reason = first.reason or second.reason
        return Comparison(site, studies, Estimate(METRIC, None, None, reason), f"not estimable ({reason})", pooled)
    value = first.value - second.value
    differences = adapted.mean_draws(j) - baseline.mean_draws(j)
    interval = paired_difference(value, differences, adapted.rarer(j), level)
    estimate = Estimate.of(METRIC, value, interval)
    if isinstance(interval, NotEstimable):
        return Comparison(site, studies, estimate, f"{UNSURE} ({estimate.reason})", pooled)
    if all(np.array_equal(a.scores, b.scores)
           for a, b in zip(adapted.group.samples, baseline.group.samples, strict=True)):
        return Comparison(site, studies, estimate, SAME, pooled)
    verdict = GAIN if interval.low > 0 else LOSS if interval.high < 0 else UNSURE
    return Comparison(site, studies, estimate, verdict, pooled)


def _index(scores: Scores) -> int:
    return [metric.name for metric in scores.metrics].index(METRIC)
