"""Everything that a report tells, gathered before it is written."""
from __future__ import annotations

from dataclasses import dataclass

from medtl.evaluation.audit import Audit
from medtl.evaluation.oracle import OracleResult
from medtl.evaluation.probabilities import ProbabilityReport
from medtl.evaluation.report.facts import RunFacts
from medtl.evaluation.report.pictures import Pictures
from medtl.evaluation.report.weights import Weights
from medtl.evaluation.selection_table import Pick
from medtl.evaluation.site_report import SiteReport, SiteResult
from medtl.evaluation.subgroups import SubgroupReport


@dataclass(frozen=True)
class Content:
    """Everything that a report tells.

    Args:
        facts: the run's files.
        report: the evaluation of its predictions.
        notes: facts to repeat.
        oracle: the oracle's column, if recorded.
        picks: what each rule of selection would have picked, beside the oracle.
        pictures: of mistakes and weights, if drawn.
        weights: of source studies, if methods weighed them.
        audit: of shifts and shortcuts, if one was made.
        probabilities: calibration, thresholds, sets and decision curves.
        subgroups: figures by scanner and by what headers say.
    """

    facts: RunFacts
    report: SiteReport
    notes: tuple[str, ...] = ()
    oracle: tuple[OracleResult, ...] = ()
    picks: tuple[Pick, ...] = ()
    pictures: Pictures | None = None
    weights: Weights | None = None
    audit: Audit | None = None
    probabilities: ProbabilityReport | None = None
    subgroups: SubgroupReport | None = None

    @property
    def shown(self) -> list[SiteResult]:
        """The test results, site by site."""
        order = self.report.models.index
        return sorted(self.report.select(split="test", pooled=False),
                      key=lambda r: (r.role, r.site, order(r.model)))
