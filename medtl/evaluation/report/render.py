"""Fill the templates of the page."""
from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from medtl.evaluation import subgroups
from medtl.evaluation.probabilities.rows import FIGURES
from medtl.evaluation.report.checklists import checklists
from medtl.evaluation.report.content import Content
from medtl.evaluation.report.decisions import decision_plots
from medtl.evaluation.report.facts import THUMBNAILS, RunFacts
from medtl.evaluation.report.figure_groups import figure_groups
from medtl.evaluation.report.flow import flow_of
from medtl.evaluation.report.flow_plot import flow_plot
from medtl.evaluation.report.forest import forest
from medtl.evaluation.report.learning import stage_plots
from medtl.evaluation.report.limits import limits
from medtl.evaluation.report.plan import plan_of, words_of
from medtl.evaluation.report.plots import site_plots
from medtl.evaluation.report.reproduce import recipe_of
from medtl.evaluation.report.splits import split_table
from medtl.evaluation.report.summary import headlines, question_of, told
from medtl.evaluation.scoring import load_metrics
from medtl.evaluation.site_report import SiteReport
from medtl.evaluation.sites import HEADLINE
from medtl.evaluation.table import missing_lines, threshold_line

MOST_REFUSED = 40
"""Refused scans beyond these are in refused.csv only."""
SECTIONS = (
    ("data", "Data and flow"), ("methods", "Methods"), ("results", "Results"), ("comparison", "Did adaptation help?"),
    ("calibration", "Calibration"), ("audit", "Audit"), ("subgroups", "Subgroups"),
    ("failures", "Failures"), ("weights", "Weights"), ("features", "Features"), ("learning", "Learning curves"),
    ("limits", "Limits"), ("reproduce", "Reproduce"), ("checklists", "Checklists"), ("appendix", "Appendix"),
)


def render_page(content: Content) -> str:
    """Fill the template; everything that came from a user is escaped.

    Args:
        content: of the report.

    Returns:
        The page.
    """
    facts, report, flow = content.facts, content.report, flow_of(content.facts)
    shown, pooled = content.shown, list(report.select(split="test", pooled=True))
    groups = figure_groups(report, [*shown, *pooled])
    stages = [*stage_plots(facts.epochs, "adapted" if "adapted" in report.models else "baseline"),
              *stage_plots(facts.baseline_epochs, "baseline")]
    page: str = _template().render(
        facts=facts, report=report, notes=[*content.notes, *report.notes], groups=groups, told=told,
        subgroups=content.subgroups, subgroup_heads=_heads(subgroups.FIGURES),
        probabilities=content.probabilities, treatment_heads=_heads(FIGURES),
        decisions=decision_plots(content.probabilities.curves) if content.probabilities else (),
        question=question_of(facts), headlines=headlines(content), patients=content.patients, features=content.features,
        contents=_contents(content),
        asked=_asked(facts), sites=_sites(facts), flow=flow, flow_drawn=flow_plot(flow) if flow else None,
        shown_refused=facts.refused[:max(MOST_REFUSED, THUMBNAILS)], plan=plan_of(facts),
        other=[result for result in report.results if result.split != "test"],
        worst=set(report.worst) if _targets(report) > 1 else set(), forest=forest([*shown, *pooled], HEADLINE, "AUROC"),
        plots=site_plots(facts.predictions, report), stages=stages, splits=split_table(facts.splits),
        oracle=content.oracle, picks=content.picks, missing=missing_lines(report), setting=_setting(facts),
        thresholds=[threshold_line(report, model) for model in report.models], recipe=recipe_of(facts),
        limits=limits(facts, report), audit=content.audit,
        pictures=content.pictures, weights=content.weights, checklists=checklists(content),
    )
    return page


@cache
def _template() -> Any:
    loader = PackageLoader("medtl.evaluation.report", "templates")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True,
                              lstrip_blocks=True)
    return environment.get_template("report.html.j2")


def _heads(names: Sequence[str]) -> list[tuple[str, str]]:
    return [(metric.name, metric.title) for metric in load_metrics(names)]


def _targets(report: SiteReport) -> int:
    return len({result.site for result in report.select(role="target", split="test", pooled=False)})


def _contents(content: Content) -> Sequence[tuple[str, str]]:
    there = {"weights": content.weights, "features": content.features, "subgroups": content.subgroups}
    return [pair for pair in SECTIONS if there.get(pair[0], True)]


def _asked(facts: RunFacts) -> list[str]:
    task = facts.section("task")
    return [str(label) for label in task.get("labels") or [task.get("label")] if label]


def _sites(facts: RunFacts) -> list[str]:
    sites = facts.section("sites")
    return [str(site) for role in ("source", "target") for site in sites.get(role) or ()]


def _setting(facts: RunFacts) -> list[tuple[str, str]]:
    sites = facts.section("sites")
    told = [
        ("Label", ", ".join(_asked(facts))),
        ("Trained on (source)", ", ".join(map(str, sites.get("source") or ()))),
        ("Carried to (target)", ", ".join(map(str, sites.get("target") or ()))),
        ("Target labels in training", words_of(sites.get("target_labels", "none"))),
        ("Transfer methods", " + ".join(str(entry.get("method")) for _, entry in facts.methods)
         or "none (source_only)"),
    ]
    return [(name, value) for name, value in told if value]
