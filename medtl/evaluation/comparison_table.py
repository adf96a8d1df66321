"""`medtl compare` in the terminal and as CSV: every row with its site, its n, its interval and its verdict."""
from __future__ import annotations

import csv
import io

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from medtl.evaluation.compare_runs import ComparisonReport
from medtl.evaluation.scoring import load_metrics

COLUMNS = ("site", "method", "reference", "metric", "claim_about", "seeds", "n", "patients", "method_value",
           "reference_value", "difference", "low", "high", "interval", "p", "p_adjusted", "p_equivalent", "detectable",
           "verdict", "sentence")


def render_comparison(report: ComparisonReport) -> Group:
    """Draw comparisons for the terminal.

    Args:
        report: the comparisons.

    Returns:
        A renderable for `rich.console.Console.print`.
    """
    table = Table(title="Method minus reference on the same target test studies", title_justify="left",
                  box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in ("site", "method\nagainst", "metric"):
        table.add_column(name)
    for name in ("n", "method\nref.", "difference\n95% interval", "p\nHolm"):
        table.add_column(name.replace("95%", f"{report.level:.0%}"), justify="right", no_wrap=True)
    for row in report.rows:
        p = "" if row.verdict.p_adjusted is None else f"{row.verdict.p_adjusted:.3f}"
        difference = "not est." if row.estimate.value is None else str(row.estimate).replace(" [", "\n[")
        table.add_row(
            Text(row.site), Text(f"{row.method}\n{row.reference}"), load_metrics((row.metric,))[0].short,
            f"{row.studies}\n{row.patients} pat.", f"{_number(row.value)}\n{_number(row.reference_value)}", difference,
            f"{'' if row.verdict.p is None else f'{row.verdict.p:.3f}'}\n{p}",
        )
    lines = [f"{row.site}, {row.method} against {row.reference}, {row.metric}: {row.verdict.sentence}; a claim about "
             f"{'these models' if row.claim == 'model' else 'the methods'}" for row in report.rows]
    methods = sorted({row.estimate.interval.method for row in report.rows if row.estimate.interval is not None})
    lines.append(f"{report.level:.0%} intervals, each for itself: {'; '.join(methods) or 'none'}; "
                 f"{report.bootstrap} draws")
    lines.append(report.rule.sentence)
    lines += [f"checkpoints of {name} selected by: {rule}" for name, rule in report.selections]
    lines += [f"{name} differs from the reference in {', '.join(_keys(changed))}" for name, changed in report.differs
              if changed]
    lines += [f"note: {note}" for note in report.notes]
    return Group(table, *(Text(line) for line in lines))


def comparison_csv(report: ComparisonReport) -> str:
    """Comparisons as CSV, blank where a number does not exist.

    Args:
        report: the comparisons.

    Returns:
        The text, one line per row of the table.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in report.rows:
        told = row.as_json()
        low, high = told["interval"] or (None, None)
        cells = {**told, "difference": told["value"], "low": low, "high": high, "interval": told["method"],
                 "method": row.method}
        writer.writerow(["" if cells[name] is None else cells[name] for name in COLUMNS])
    return out.getvalue()


def _keys(changed: tuple[str, ...]) -> list[str]:
    """Keys of a config that differ, two levels deep: `transfer.mapping.0.method: was ...` is transfer.mapping."""
    return list(dict.fromkeys(".".join(line.split(":", 1)[0].split(".")[:2]) for line in changed))


def _number(value: float | None) -> str:
    return "not est." if value is None else f"{value:.3f}"
