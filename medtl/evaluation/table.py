"""The final table in the terminal, 80 columns wide: sites with n, intervals and reasons, then gaps and verdicts."""
from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from medtl.evaluation.estimates import Estimate
from medtl.evaluation.scoring import load_metrics
from medtl.evaluation.site_report import SiteReport, SiteResult
from medtl.functional.agreement import AGREEMENTS
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
    table = Table(title="Test studies per site", title_justify="left", box=box.SIMPLE_HEAD, padding=0, pad_edge=False)
    table.add_column("site", no_wrap=True)
    for name in ("n", "n+"):
        table.add_column(name, justify="right", no_wrap=True)
    for short in shorts_of(report):
        table.add_column(short, justify="right", min_width=7)
    worst = set(report.worst)
    for result in report.select(split="test"):
        table.add_row(*_cells(result, (result.model, result.site) in worst), style="bold" if result.pooled else "")
    lines = [f"{report.level:.0%} intervals: patient-cluster bootstrap, {report.bootstrap} draws, seed {report.seed}"
             if report.bootstrap else "no intervals: evaluate.bootstrap is 0"]
    lines.append(f"checkpoint selected by: {selection}")
    lines += [threshold_line(report, model) for model in report.models]
    lines += missing_lines(report)
    what = "mean absolute error" if report.kind == "regression" else "AUROC"
    lines += [f"gap, {gap.model}: {what} at {gap.internal} minus {gap.external}: {gap.estimate}" for gap in report.gaps]
    lines += [f"adapted minus baseline at {c.site}: {what} {c.estimate}: {c.verdict}" if c.estimate.value is not None
              else f"adapted minus baseline at {c.site}: {c.verdict}" for c in report.comparisons]
    lines += [f"note: {note}" for note in (*notes, *report.notes)]
    return Group(table, *(Text(line) for line in lines))


def shorts_of(report: SiteReport) -> tuple[str, ...]:
    """How narrow tables head the figures of a report, in order."""
    if report.kind == "regression":
        return tuple(figure.short for figure in AGREEMENTS)
    return tuple(metric.short for metric in load_metrics(report.metrics))


def threshold_line(report: SiteReport, model: str) -> str:
    """The rule and value of one model's threshold in a sentence.

    Args:
        report: the evaluation.
        model: adapted or baseline.

    Returns:
        Such as "threshold, adapted: Youden's index on source validation, 0.41".
    """
    threshold = next(t for t in report.thresholds if t.model == model)
    several = len(threshold.values) > 1
    values = [
        (f"{name} " if several else "") + (str(value) if isinstance(value, NotEstimable) else f"{value:.3g}")
        for name, value in threshold.values
    ]
    return f"threshold, {model}: " + ", ".join([threshold.rule, *values])


def missing_lines(report: SiteReport) -> list[str]:
    """Every reason for a missing figure or interval on test, once, with the figures that it concerns.

    Args:
        report: the evaluation.

    Returns:
        One line per site and reason.
    """
    found: dict[str, list[str]] = {}
    for result in report.select(split="test"):
        for estimate in result.estimates:
            if estimate.reason:
                what = "not estimable" if estimate.value is None else "stated with a caveat"
                line = f"{result.site}: {what} ({estimate.reason})"
                found.setdefault(line, []).append(estimate.metric)
    return [f"{line}: {', '.join(dict.fromkeys(metrics))}" for line, metrics in found.items()]


_OF_VALUES = {figure.name for figure in AGREEMENTS}


def _cells(result: SiteResult, is_worst: bool) -> list[Text]:
    site = f"{result.site} (worst)" if is_worst else result.site
    positives = "" if result.positives is None else str(result.positives)
    who = result.model if result.pooled else f"{result.role} {result.model}"
    patients = "?" if result.unnamed else str(result.patients)
    head = [f"{site}\n{who}", f"{result.studies}\n{patients} pat.", positives]
    return [*(Text(cell) for cell in head), *(_figure(estimate) for estimate in result.estimates)]


def _figure(estimate: Estimate) -> Text:
    if estimate.value is None:
        return Text("not\nest.", style="dim")
    if estimate.metric in _OF_VALUES:
        low_high = estimate.interval
        ends = "no int." if low_high is None else f"{low_high.low:.3g}–{low_high.high:.3g}"
        return Text(f"{estimate.value:.4g}\n{ends}")
    ends = "no int." if estimate.interval is None else f"{_two(estimate.interval.low)}–{_two(estimate.interval.high)}"
    return Text(f"{estimate.value:.3f}\n{ends}")


def _two(value: float) -> str:
    return f"{value:.2f}".removeprefix("0") if value < 0.995 else "1.0"
