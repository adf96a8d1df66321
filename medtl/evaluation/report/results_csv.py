"""Every figure of a report as a row, for a spreadsheet or another program."""
from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from medtl.evaluation.estimates import Estimate
from medtl.evaluation.site_report import SiteReport
from medtl.functional.measure import NotEstimable

COLUMNS = ("what", "model", "site", "role", "split", "part", "metric", "n", "n_positive", "patients", "value", "low",
           "high", "method", "reason")


def results_csv(report: SiteReport) -> str:
    """The figures of an evaluation, a row each.

    `what` is `figure`, `threshold`, `gap` (of the two sites named, internal first) or `comparison` (adapted minus
    baseline). Numbers have nine significant digits; a figure that does not exist has an empty value and its reason.

    Args:
        report: the evaluation.

    Returns:
        A CSV table with a header.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for threshold in report.thresholds:
        for part, value in threshold.values:
            known = not isinstance(value, NotEstimable)
            writer.writerow(("threshold", threshold.model, "", "", "", part, "", "", "", "",
                             _digits(value) if known else "", "", "", threshold.rule,  # type: ignore[arg-type]
                             "" if known else value.reason))  # type: ignore[union-attr]
    writer.writerows(_figures(report))
    for gap in report.gaps:
        between = f"{gap.internal} minus {gap.external}"
        writer.writerow(("gap", gap.model, between, "", "test", "", *_cells(gap.estimate)))
    for compared in report.comparisons:
        cells = _cells(compared.estimate)
        writer.writerow(("comparison", "adapted minus baseline", compared.site, "target", "test", "", cells[0],
                         compared.studies, *cells[2:]))
    return out.getvalue()


def _figures(report: SiteReport) -> Iterator[tuple[object, ...]]:
    for result in (*report.results, *report.further):
        place = ("figure", result.model, result.site, result.role, result.split)
        positives = "" if result.positives is None else result.positives
        for part, estimates in (("", result.estimates), *((part.name, part.estimates) for part in result.parts)):
            for estimate in estimates:
                cells = _cells(estimate)
                yield (*place, part, cells[0], result.studies, positives, result.patients, *cells[4:])


def _cells(estimate: Estimate) -> tuple[object, ...]:
    ends = estimate.interval
    low, high, method = ("", "", "") if ends is None else (_digits(ends.low), _digits(ends.high), ends.method)
    value = "" if estimate.value is None else _digits(estimate.value)
    return (estimate.metric, "", "", "", value, low, high, method, estimate.reason)


def _digits(value: float) -> str:
    return f"{value:.9g}"
