"""The final table in the terminal: sites with their n, intervals and reasons, then gaps and verdicts."""
from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from medtl.evaluation.scoring import load_metrics
from medtl.evaluation.site_report import SiteReport, SiteResult
from medtl.functional.measure import NotEstimable


def render_report(report: SiteReport, *, selection: str, notes: Sequence[str] = ()) -> Group:
    """Draw an evaluation for the terminal.

    Args:
        report: the evaluation.
        selection: name of the rule that picked the checkpoint, printed with the numbers.
        notes: facts to repeat, such as simulated data or transductive use.

    Returns:
        A renderable for `rich.console.Console.print`.
    """
    table = Table(title="Test studies per site", title_justify="left", caption_justify="left", pad_edge=False)
    for name in ("site", "role", "model"):
        table.add_column(name, no_wrap=True)
    for name in ("n", "n+", "patients"):
        table.add_column(name, justify="right", no_wrap=True)
    for metric in load_metrics(report.metrics):
        table.add_column(metric.title, justify="center")
    worst = set(report.worst)
    for result in report.select(split="test"):
        table.add_row(*_cells(result, (result.model, result.site) in worst), style="bold" if result.pooled else "")
    lines = [f"{report.level:.0%} intervals: patient-cluster bootstrap, {report.bootstrap} draws, seed {report.seed}"
             if report.bootstrap else "no intervals: evaluate.bootstrap is 0"]
    lines.append(f"checkpoint selected by {selection}; {_thresholds(report)}")
    lines += _missing(report)
    lines += [f"gap {gap.model}: AUROC at {gap.internal} minus {gap.external}: {gap.estimate}" for gap in report.gaps]
    lines += [f"adapted minus baseline at {c.site}: {c.estimate}: {c.verdict}" for c in report.comparisons]
    lines += [f"note: {note}" for note in (*notes, *report.notes)]
    return Group(table, *(Text(line) for line in lines))


def _cells(result: SiteResult, is_worst: bool) -> list[Text]:
    positives = "" if result.positives is None else str(result.positives)
    figures = []
    for estimate in result.estimates:
        figure = str(estimate).replace(" [", "\n[")
        figures.append(Text(figure, style="dim" if estimate.value is None else "", justify="center"))
    site = f"{result.site} (worst)" if is_worst else result.site
    head = [site, result.role, result.model, str(result.studies), positives, str(result.patients)]
    return [*(Text(cell) for cell in head), *figures]


def _thresholds(report: SiteReport) -> str:
    parts = []
    for threshold in report.thresholds:
        values = [str(value) if isinstance(value, NotEstimable) else f"{value:.3g}" for _, value in threshold.values]
        parts.append(f"threshold of {threshold.model}: {threshold.rule}" + (f" = {', '.join(values)}" if values else ""))
    return "; ".join(parts)


def _missing(report: SiteReport) -> list[str]:
    found: dict[str, list[str]] = {}
    for result in report.select(split="test"):
        for estimate in result.estimates:
            if estimate.reason:
                found.setdefault(f"{result.site}: {estimate.reason}", []).append(estimate.metric)
    return [f"{reason} ({', '.join(dict.fromkeys(metrics))})" for reason, metrics in found.items()]
