"""Everything that a report tells, gathered before it is written."""
from __future__ import annotations

from dataclasses import dataclass

from medtl.evaluation.audit import Audit
from medtl.evaluation.oracle import OracleResult
from medtl.evaluation.probabilities import ProbabilityReport
from medtl.evaluation.report.facts import RunFacts
from medtl.evaluation.report.features import FeaturePlot
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
        features: their map, if one was drawn.
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
    features: FeaturePlot | None = None

    @property
    def unnamed(self) -> frozenset[tuple[str, str, str]]:
        """Site, role and split of the parts where some patients are unknown, so that studies stand for them."""
        rows = self.facts.predictions
        nobody = rows.patient == ""
        return frozenset(zip(rows.site[nobody].tolist(), rows.role[nobody].tolist(), rows.split[nobody].tolist(),
                             strict=True))

    def patients(self, result: SiteResult) -> str:
        """How many patients a result is of, or that this is not known.

        Args:
            result: of the report.
        """
        parts = {(role, split) if result.pooled else (site, role, split) for site, role, split in self.unnamed}
        own = (result.role, result.split) if result.pooled else (result.site, result.role, result.split)
        return "unknown" if own in parts else f"{result.patients:,}"

    @property
    def shown(self) -> list[SiteResult]:
        """The test results, site by site."""
        order = self.report.models.index
        return sorted(self.report.select(split="test", pooled=False),
                      key=lambda r: (r.role, r.site, order(r.model)))
