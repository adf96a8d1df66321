"""Write a run's report: read its files, evaluate its predictions, write the page and the same figures as data."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from medtl.atomic import write_json, write_text
from medtl.evaluation.audit import read_audit
from medtl.evaluation.oracle import oracle_results
from medtl.evaluation.probabilities import answers_of, probabilities_of, reference_of
from medtl.evaluation.report.content import Content
from medtl.evaluation.report.facts import read_run
from medtl.evaluation.report.features import read_features
from medtl.evaluation.report.markdown import markdown
from medtl.evaluation.report.pictures import read_pictures
from medtl.evaluation.report.render import render_page
from medtl.evaluation.report.results_csv import results_csv
from medtl.evaluation.report.values_page import write_values
from medtl.evaluation.report.weights import read_weights
from medtl.evaluation.selection_table import picks_of
from medtl.evaluation.site_report import SiteReport
from medtl.evaluation.sites import evaluate_sites
from medtl.evaluation.subgroups import evaluate_subgroups, read_traits


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
    """Evaluate a run's predictions.csv and write index.html, metrics.json, results.csv and report.md.

    Args:
        folder: the run; nothing outside it is read, but for `predictions` and what stands beside it or in `out`.
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
    if facts.predictions.kind == "regression":
        place, told = out or folder / "report", tuple(dict.fromkeys((*facts.notes, *notes)))
        return WrittenReport(write_values(facts, place, told), facts.selection, told, place / "index.html",
                             place / "metrics.json")
    settings = facts.section("evaluate")
    probabilities = probabilities_of(facts.config, facts.predictions)
    answers, treated = answers_of(facts.config, facts.predictions)
    facts = replace(facts, predictions=answers)
    subgroups = evaluate_subgroups(
        facts.predictions, read_traits(folder / "traits.csv"), threshold=settings.get("threshold", "youden"),
        bootstrap=min(400, int(settings.get("bootstrap", 2000))), seed=int(facts.section("train").get("seed", 0)),
    )
    report = evaluate_sites(
        facts.predictions, bootstrap=int(settings.get("bootstrap", 2000)),
        threshold=settings.get("threshold", "youden"), seed=int(facts.section("train").get("seed", 0)),
        reference=reference_of(facts.config),
    )
    repeated = tuple(dict.fromkeys((*facts.notes, *treated, *notes)))
    target = out or folder / "report"
    oracle = oracle_results(folder, facts.predictions) if predictions is None else ()
    content = Content(
        facts=facts, report=report, probabilities=probabilities, subgroups=subgroups, notes=repeated, oracle=oracle,
        picks=picks_of(folder, oracle),
        pictures=read_pictures((predictions or folder / "predictions.csv").parent),
        weights=read_weights(folder), audit=read_audit(target), features=read_features(target),
    )
    page, metrics = target / "index.html", target / "metrics.json"
    write_json(metrics, {
        **report.as_json(), "run": facts.name, "selection": facts.selection, "notes": [*repeated, *report.notes],
        "calibration": str(settings.get("calibration", "none")),
        "predictions": {"file": facts.predictions_name, "sha256": facts.predictions_digest},
        "probabilities": None if probabilities is None else probabilities.as_json(),
        "subgroups": None if subgroups is None else subgroups.as_json(),
        "oracle": [result.as_json() for result in content.oracle],
        "selection_rules": [pick.as_json() for pick in content.picks],
    })
    write_text(target / "results.csv", results_csv(report))
    write_text(target / "report.md", markdown(content))
    write_text(page, render_page(content))
    return WrittenReport(report, facts.selection, repeated, page, metrics)
