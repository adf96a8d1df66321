"""Did adaptation gain, at which site, and how far does a model fall from home: differences with intervals."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from medtl.evaluation.estimates import Estimate
from medtl.evaluation.paired import paired_row
from medtl.evaluation.scoring import Scores
from medtl.evaluation.site_report import Comparison
from medtl.evaluation.verdicts import Row, Rule, judge_rows
from medtl.functional.intervals.clustered import independent_difference
from medtl.functional.measure import NotEstimable

METRIC = "auroc"


@dataclass(frozen=True)
class Pair:
    """Two models at one target site, or at all of them together."""

    site: str
    adapted: Scores
    baseline: Scores
    pooled: bool = False


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


def compare_models(pairs: Sequence[Pair], *, level: float = 0.95) -> tuple[Comparison, ...]:
    """AUROC of the adapted model minus the baseline's on the same studies, judged together by `judge_rows`.

    The verdicts speak of these two trained models at these sites; the chance of any false gain or loss among all rows
    is 1 - level. They are the verdicts of `medtl compare` on one run.

    Args:
        pairs: adapted and baseline at each target site.
        level: nominal coverage of the intervals, each for itself.

    Returns:
        One comparison per pair.
    """
    rows = [paired_row([pair.adapted], [pair.baseline], _index(pair.adapted)) for pair in pairs]
    verdicts = judge_rows(rows, Rule(alpha=1 - level))
    return tuple(
        Comparison(pair.site, pair.adapted.group.studies, estimate_of(METRIC, row, level, _plain_value(pair, row)),
                   verdict.sentence, pair.pooled, verdict)
        for pair, row, verdict in zip(pairs, rows, verdicts, strict=True)
    )


def estimate_of(metric: str, row: Row, level: float, value: float | None = None) -> Estimate:
    """A difference as it is reported.

    Args:
        metric: registry name.
        row: the comparison.
        level: nominal coverage of the interval.
        value: the difference where it exists although its error does not.

    Returns:
        The difference with its interval, or with the reason why there is none.
    """
    found = row.difference
    if isinstance(found, NotEstimable):
        return Estimate(metric, value, None, found.reason)
    return Estimate(metric, found.value, found.interval(level))


def _plain_value(pair: Pair, row: Row) -> float | None:
    if pair.adapted.group.keys != pair.baseline.group.keys:
        return None
    first, second = (scores.mean(_index(scores)).value for scores in (pair.adapted, pair.baseline))
    return None if first is None or second is None else first - second


def _index(scores: Scores) -> int:
    return [metric.name for metric in scores.metrics].index(METRIC)
