"""Write a run's report: read its files, evaluate its predictions, fill the template."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from medtl.atomic import write_json, write_text
from medtl.evaluation.oracle import OracleResult, oracle_results
from medtl.evaluation.report.facts import RunFacts, read_run
from medtl.evaluation.report.forest import forest
from medtl.evaluation.report.learning import stage_plots
from medtl.evaluation.report.plots import site_plots
from medtl.evaluation.report.splits import split_table
from medtl.evaluation.scoring import load_metrics
from medtl.evaluation.site_report import SiteReport, SiteResult
from medtl.evaluation.sites import HEADLINE, evaluate_sites
from medtl.evaluation.table import missing_lines, threshold_line


@dataclass(frozen=True)
class WrittenReport:
    """A report on disk, and what the terminal repeats of it.

    Args:
        report: the evaluation.
        selection: name of the rule that picked the checkpoint.
        notes: facts that every view of the numbers repeats.
        page: report/index.html.
        metrics: report/metrics.json.
    """

    report: SiteReport
    selection: str
    notes: tuple[str, ...]
    page: Path
    metrics: Path


def write_report(
    folder: Path, *, predictions: Path | None = None, out: Path | None = None, notes: Sequence[str] = ()
) -> WrittenReport:
    """Evaluate a run's predictions.csv and write report/index.html and report/metrics.json.

    Args:
        folder: the run; nothing outside it is read, but for `predictions`.
        predictions: another predictions.csv, as for another data card.
        out: where the report goes; `report` in the run by default.
        notes: further facts to repeat beside the numbers.

    Returns:
        The evaluation and the files.

    Raises:
        RunStateError: no run, or a file of it that is damaged.
        DataError: predictions that are missing or malformed.
    """
    facts = read_run(folder, predictions)
    settings = facts.section("evaluate")
    report = evaluate_sites(
        facts.predictions, bootstrap=int(settings.get("bootstrap", 2000)),
        threshold=settings.get("threshold", "youden"), seed=int(facts.section("train").get("seed", 0)),
    )
    repeated = tuple(dict.fromkeys((*facts.notes, *notes)))
    oracle = oracle_results(folder, facts.predictions) if predictions is None else ()
    target = out or folder / "report"
    page, metrics = target / "index.html", target / "metrics.json"
    write_json(metrics, {
        **report.as_json(), "run": facts.name, "selection": facts.selection, "notes": [*repeated, *report.notes],
        "predictions": {"file": facts.predictions_name, "sha256": facts.predictions_digest},
        "oracle": [result.as_json() for result in oracle],
    })
    write_text(page, render_page(facts, report, repeated, oracle))
    return WrittenReport(report, facts.selection, repeated, page, metrics)


def render_page(
    facts: RunFacts, report: SiteReport, notes: Sequence[str], oracle: Sequence[OracleResult] = ()
) -> str:
    """Fill the template; everything that came from a user is escaped.

    Args:
        facts: the run's files.
        report: the evaluation of its predictions.
        notes: facts to repeat.
        oracle: the oracle's column, if recorded.

    Returns:
        The page.
    """
    order = report.models.index
    shown = sorted(report.select(split="test", pooled=False), key=lambda r: (r.role, r.site, order(r.model)))
    pooled = list(report.select(split="test", pooled=True))
    stages = [*stage_plots(facts.epochs, "adapted"), *stage_plots(facts.baseline_epochs, "baseline")]
    page: str = _template().render(
        facts=facts, report=report, notes=[*notes, *report.notes], metrics=load_metrics(report.metrics),
        rows=[*shown, *pooled], other=_other_splits(report), worst=set(report.worst),
        forest=forest([*shown, *pooled], HEADLINE, "AUROC"), plots=site_plots(facts.predictions, report),
        stages=stages, splits=split_table(facts.splits), oracle=oracle, missing=missing_lines(report),
        thresholds=[threshold_line(report, model) for model in report.models], setting=_setting(facts),
        provenance=_provenance(facts.provenance), parts=_parts(shown),
    )
    return page


@cache
def _template() -> Any:
    loader = PackageLoader("medtl.evaluation.report", "templates")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True,
                              lstrip_blocks=True)
    return environment.get_template("report.html.j2")


def _other_splits(report: SiteReport) -> list[SiteResult]:
    return [result for result in report.results if result.split != "test"]


def _parts(shown: Sequence[SiteResult]) -> list[SiteResult]:
    return [result for result in shown if result.parts]


def _setting(facts: RunFacts) -> list[tuple[str, str]]:
    sites, model, transfer = facts.section("sites"), facts.section("model"), facts.section("transfer")
    methods = [
        str(entry.get("method")) for family in ("network", "mapping", "adversarial", "instances")
        for entry in transfer.get(family) or () if isinstance(entry, Mapping)
    ]
    task = facts.section("task")
    labels = task.get("labels") or [task.get("label")]
    told = [
        ("Question", ", ".join(str(label) for label in labels if label)),
        ("Trained on (source)", ", ".join(map(str, sites.get("source") or ()))),
        ("Carried to (target)", ", ".join(map(str, sites.get("target") or ()))),
        ("Target labels in training", _words(sites.get("target_labels", "none"))),
        ("Transfer methods", ", ".join(methods) or "none (source_only)"),
        ("Backbone", " ".join(str(model[key]) for key in ("backbone", "weights") if model.get(key))),
        ("Checkpoint", f"{facts.selection}: {facts.selection_sentence}"),
    ]
    return [(name, value) for name, value in told if value]


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{number} {str(key).replace('_', ' ')}" for key, number in value.items())
    return str(value)


def _provenance(told: Mapping[str, Any]) -> list[tuple[str, str]]:
    def flat(value: Any) -> str:
        if isinstance(value, (list, tuple)):
            return " ".join(map(str, value))
        return ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, Mapping) else str(value)

    return [(str(key), flat(value)) for key, value in told.items() if key != "notes" and value not in (None, "", [])]
