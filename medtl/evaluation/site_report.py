"""What an evaluation says, as data: figures per site, thresholds, gaps, comparisons; ready for JSON."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from medtl.evaluation.estimates import Estimate
from medtl.evaluation.verdicts import Verdict
from medtl.functional.measure import NotEstimable


@dataclass(frozen=True)
class ClassCount:
    """How many labelled studies and patients have a class or label."""

    name: str
    studies: int
    patients: int


@dataclass(frozen=True)
class PartResult:
    """The figures of one class against the rest, or of one label."""

    name: str
    estimates: tuple[Estimate, ...]

    def as_json(self) -> dict[str, Any]:
        """As JSON."""
        return {"name": self.name, "estimates": [estimate.as_json() for estimate in self.estimates]}


@dataclass(frozen=True)
class SiteResult:
    """The figures of one model on one split of one site, or of several sites together.

    Args:
        site: hospital, or "all source sites", "all target sites".
        role: source or target.
        split: train, val, test or adapt.
        model: adapted or baseline.
        studies: with a known label.
        unknown: studies without one; they take no part.
        positives: labelled studies of the positive class; None where there are several classes or labels.
        patients: with a labelled study.
        classes: counts per class or label.
        estimates: figures, in the order of the report's metrics (means over classes or labels where there are several).
        parts: figures per class or label; empty for a binary task.
        pooled: whether several sites stand together.
        unnamed: whether some patients are unknown; each such study counts as one in `patients`.
    """

    site: str
    role: str
    split: str
    model: str
    studies: int
    unknown: int
    positives: int | None
    patients: int
    classes: tuple[ClassCount, ...]
    estimates: tuple[Estimate, ...]
    parts: tuple[PartResult, ...] = ()
    pooled: bool = False
    unnamed: bool = False

    def estimate(self, metric: str) -> Estimate:
        """The figure of a metric.

        Args:
            metric: registry name.

        Returns:
            Its estimate.

        Raises:
            KeyError: a metric that was not evaluated.
        """
        for estimate in self.estimates:
            if estimate.metric == metric:
                return estimate
        raise KeyError(metric)

    def as_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "site": self.site, "role": self.role, "split": self.split, "model": self.model, "pooled": self.pooled,
            "n": self.studies, "n_unknown": self.unknown, "n_positive": self.positives, "patients": self.patients,
            "classes": [{"name": c.name, "studies": c.studies, "patients": c.patients} for c in self.classes],
            "metrics": {estimate.metric: estimate.as_json() for estimate in self.estimates},
            "parts": [part.as_json() for part in self.parts],
        }


@dataclass(frozen=True)
class Gap:
    """Internal minus external: how much lower a model stands at a target site than at its own source."""

    model: str
    internal: str
    external: str
    estimate: Estimate

    def as_json(self) -> dict[str, Any]:
        """As JSON."""
        return {"model": self.model, "internal": self.internal, "external": self.external, **self.estimate.as_json()}


@dataclass(frozen=True)
class Comparison:
    """Adapted minus baseline on the same studies of one target site, and the verdict in words.

    Args:
        site: target site, or "all target sites".
        studies: how many were compared.
        estimate: the difference.
        verdict: the verdict's sentence, caveats included.
        pooled: whether several sites stand together.
        judged: the verdict's word and numbers.
    """

    site: str
    studies: int
    estimate: Estimate
    verdict: str
    pooled: bool = False
    judged: Verdict | None = None

    def as_json(self) -> dict[str, Any]:
        """As JSON."""
        return {"site": self.site, "pooled": self.pooled, "n": self.studies,
                **({} if self.judged is None else self.judged.as_json()), **self.estimate.as_json(),
                "verdict": self.verdict}


@dataclass(frozen=True)
class ModelThresholds:
    """The thresholds of one model, by question."""

    model: str
    rule: str
    values: tuple[tuple[str, float | NotEstimable], ...]

    def as_json(self) -> dict[str, Any]:
        """As JSON."""
        values = {name: None if isinstance(value, NotEstimable) else value for name, value in self.values}
        return {"model": self.model, "rule": self.rule, "values": values}


@dataclass(frozen=True)
class SiteReport:
    """An evaluation of one run.

    Args:
        kind: binary, multiclass or multilabel.
        classes: class names (binary: the positive one last) or label names.
        metrics: registry names, in the order of every `estimates`.
        level: nominal coverage of the intervals.
        bootstrap: replicates.
        seed: of the bootstrap.
        thresholds: of each model.
        results: per site, role, split and model; then the pooled ones.
        worst: of each model, the target site with the lowest AUROC on test: (model, site).
        gaps: internal minus external AUROC, per model and target site.
        comparisons: adapted minus baseline AUROC per target site; empty without a baseline.
        notes: what a reader must know to read the numbers.
        further: figures that refer to a prevalence, sensitivity or specificity, of test studies.
        titles: name and title of each further figure; the title says what it refers to.
    """

    kind: str
    classes: tuple[str, ...]
    metrics: tuple[str, ...]
    level: float
    bootstrap: int
    seed: int
    thresholds: tuple[ModelThresholds, ...]
    results: tuple[SiteResult, ...]
    worst: tuple[tuple[str, str], ...]
    gaps: tuple[Gap, ...]
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]
    further: tuple[SiteResult, ...] = ()
    titles: tuple[tuple[str, str], ...] = ()

    @property
    def models(self) -> tuple[str, ...]:
        """Models evaluated."""
        return tuple(threshold.model for threshold in self.thresholds)

    def select(
        self, *, model: str | None = None, role: str | None = None, split: str | None = None,
        pooled: bool | None = None,
    ) -> tuple[SiteResult, ...]:
        """Results that match, in report order.

        Args:
            model: adapted or baseline; None is any.
            role: source or target; None is any.
            split: train, val, test or adapt; None is any.
            pooled: whether several sites stand together; None is any.

        Returns:
            The matching results.
        """
        wanted = {"model": model, "role": role, "split": split, "pooled": pooled}
        return tuple(
            result for result in self.results
            if all(value is None or getattr(result, name) == value for name, value in wanted.items())
        )

    def as_json(self) -> dict[str, Any]:
        """As JSON, for report/metrics.json; a missing number is null with its reason."""
        return {
            "format": 1, "kind": self.kind, "classes": list(self.classes), "metrics": list(self.metrics),
            "level": self.level, "bootstrap": self.bootstrap, "seed": self.seed,
            "thresholds": [threshold.as_json() for threshold in self.thresholds],
            "results": [result.as_json() for result in self.results],
            "worst": [{"model": model, "site": site} for model, site in self.worst],
            "gaps": [gap.as_json() for gap in self.gaps],
            "comparisons": [comparison.as_json() for comparison in self.comparisons],
            "further": {"titles": dict(self.titles), "results": [result.as_json() for result in self.further]},
            "notes": list(self.notes),
        }
