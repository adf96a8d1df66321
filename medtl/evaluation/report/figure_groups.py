"""Which figures stand in one table: more columns than a page is wide are parted by what they say."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from medtl.evaluation.estimates import Estimate
from medtl.evaluation.scoring import load_metrics
from medtl.evaluation.site_report import PartResult, SiteReport, SiteResult

LOWER = "lower is better"
REFERRED = "Figures that refer to a prevalence, a sensitivity or a specificity fixed beforehand, stated in each title"


@dataclass(frozen=True)
class FigureGroup:
    """A table of figures.

    Args:
        title: of the table, or empty for the main one.
        heads: name, title and remark of each column.
        rows: results, site by site.
    """

    title: str
    heads: tuple[tuple[str, str, str], ...]
    rows: tuple[SiteResult, ...]

    def of(self, result: SiteResult | PartResult) -> list[Estimate]:
        """A result's figures, in the order of the columns."""
        known = {estimate.metric: estimate for estimate in result.estimates}
        return [known[name] for name, *_ in self.heads if name in known]

    @property
    def parted(self) -> list[SiteResult]:
        """The rows that have figures per class or label."""
        return [row for row in self.rows if row.parts and not row.pooled]


def figure_groups(report: SiteReport, rows: Sequence[SiteResult]) -> tuple[FigureGroup, ...]:
    """Parts a report's figures into tables.

    Args:
        report: the evaluation.
        rows: test results in the order wanted.

    Returns:
        The main table, then that of figures that refer to something, if there are any.
    """
    groups = [FigureGroup("", heads_of(report), tuple(rows))]
    if report.further:
        place = {(r.site, r.role, r.model, r.pooled): k for k, r in enumerate(rows)}
        further = sorted(report.further, key=lambda r: place.get((r.site, r.role, r.model, r.pooled), len(place)))
        groups.append(FigureGroup(REFERRED, tuple((name, title, "") for name, title in report.titles), tuple(further)))
    return tuple(groups)


def heads_of(report: SiteReport) -> tuple[tuple[str, str, str], ...]:
    """Columns of a report's main table: name, title and remark."""
    return tuple((metric.name, metric.title, LOWER if metric.higher_is_better is False else "")
                 for metric in load_metrics(report.metrics))
