"""The report of a regression: one page with figures per site and the Bland-Altman plot of every test site."""
from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from medtl.atomic import write_json, write_text
from medtl.evaluation.report.facts import RunFacts
from medtl.evaluation.report.results_csv import results_csv
from medtl.evaluation.site_report import SiteReport, SiteResult
from medtl.evaluation.values import evaluate_values
from medtl.functional.agreement import AGREEMENTS

WIDTH, HEIGHT, EDGE = 420, 260, 44


def write_values(facts: RunFacts, target: Path, notes: Sequence[str]) -> SiteReport:
    """Evaluates a regression's predictions and writes index.html, metrics.json and results.csv.

    Args:
        facts: the run's files.
        target: folder of the report.
        notes: facts to repeat beside the numbers.
    """
    settings = facts.section("evaluate")
    report = evaluate_values(
        facts.predictions, bootstrap=int(settings.get("bootstrap", 2000)),
        seed=int(facts.section("train").get("seed", 0)),
    )
    write_json(target / "metrics.json", {
        **report.as_json(), "run": facts.name, "selection": facts.selection, "notes": [*notes, *report.notes],
        "predictions": {"file": facts.predictions_name, "sha256": facts.predictions_digest}, "oracle": [],
    })
    write_text(target / "results.csv", results_csv(report))
    shown = report.select(split="test")
    page: str = _template().render(
        facts=facts, report=report, figures=AGREEMENTS, rows=shown, notes=[*notes, *report.notes],
        plots=[(result, bland_altman(facts, result)) for result in shown if not result.pooled],
    )
    write_text(target / "index.html", page)
    return report


def bland_altman(facts: RunFacts, result: SiteResult) -> Markup:
    """Differences against means of one site's test studies, with bias and limits of agreement.

    Args:
        facts: its predictions are drawn.
        result: which site, and its figures.

    Returns:
        An SVG, or a line where there is nothing to draw.
    """
    told = facts.predictions
    rows = told.where((told.site == result.site) & (told.role == result.role) & (told.split == "test")
                      & (told.model == result.model))
    measured, predicted = rows.labels[:, 0].astype(np.float64), rows.scores[:, 0]
    known = ~np.isnan(measured)
    lines = [result.estimate(name).value for name in ("bias", "limit_low", "limit_high")]
    if known.sum() < 2 or any(value is None for value in lines):
        return Markup("<p>Too few studies to draw.</p>")
    x, y = 0.5 * (measured + predicted)[known], (predicted - measured)[known]
    levels = [float(value) for value in lines if value is not None]
    (left, right), (low, high) = _ends(x), _ends(np.concatenate([y, levels]))

    def across(value: float) -> float:
        return EDGE + (value - left) / (right - left) * (WIDTH - EDGE - 8)

    def down(value: float) -> float:
        return 8 + (high - value) / (high - low) * (HEIGHT - EDGE - 8)

    marks = "".join(f'<circle cx="{across(float(a)):.1f}" cy="{down(float(b)):.1f}" r="2.2"/>'
                    for a, b in zip(x, y, strict=True))
    rules = "".join(
        f'<line x1="{EDGE}" x2="{WIDTH - 8}" y1="{down(level):.1f}" y2="{down(level):.1f}" class="{kind}"/>'
        f'<text x="{EDGE - 4}" y="{down(level) + 4:.1f}" text-anchor="end">{level:.3g}</text>'
        for level, kind in zip(levels, ("bias", "limit", "limit"), strict=True)
    )
    ends = "".join(f'<text x="{across(value):.1f}" y="{HEIGHT - EDGE + 16}" text-anchor="middle">{value:.3g}</text>'
                   for value in (left, right))
    label = f'<text x="{WIDTH / 2}" y="{HEIGHT - 8}" text-anchor="middle">mean of measured and predicted</text>'
    return Markup(f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="predicted less measured against their '
                  f'mean">{rules}{marks}{ends}{label}</svg>')


def _ends(values: Any) -> tuple[float, float]:
    low, high = float(np.min(values)), float(np.max(values))
    room = 0.05 * (high - low) or 1.0
    return low - room, high + room


@cache
def _template() -> Any:
    loader = PackageLoader("medtl.evaluation.report", "templates")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True,
                              lstrip_blocks=True)
    return environment.get_template("values.html.j2")
