"""The result of a scan in the terminal."""
from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from medtl.sources.scan.record import REASONS

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

    from medtl.sources.scan.intake import Intake

_STYLES = {"use": "green", "repaired": "yellow", "refused": "red"}


def rendered(intake: Intake) -> ConsoleRenderable:
    """Verdicts, reasons, sites and findings.

    Args:
        intake: the result.

    Returns:
        What ``rich`` prints.
    """
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    series = intake.series
    counts = Counter(each.verdict for each in series)
    head = Text(f"{len(intake.studies)} studies, {len(series)} series in {intake.files} files: ")
    for verdict, style in _STYLES.items():
        head.append(f"{counts[verdict]} {verdict}  ", style=style)

    parts: list[ConsoleRenderable] = [head]
    reasons = Counter(code for each in series for code in each.reasons)
    if reasons or intake.skipped:
        table = Table(title="Reasons", title_justify="left")
        for column, justify in (("reason", "left"), ("series", "right"), ("files", "right"), ("what to do", "left")):
            table.add_column(column, justify="right" if justify == "right" else "left")
        files = {reason.value: count for reason, count in intake.skipped.items()}
        for code in sorted({*reasons, *files}, key=lambda code: (_rank(code), -reasons[code], code)):
            reason = REASONS[code]
            style = {"refusal": "red", "repair": "yellow"}.get(reason.effect, "")
            table.add_row(Text(code, style=style), str(reasons[code] or ""), str(files.get(code, "")),
                          Text(reason.action))
        parts.append(table)
    if intake.studies:
        table = Table(title="Sites, as the headers tell them apart", title_justify="left")
        for column in ("site", "studies", "patients", "scanners", "labels"):
            table.add_column(column)
        for site, facts in intake.document["sites"].items():
            labels = "; ".join(f"{name} " + " ".join(f"{value}:{n}" for value, n in of.items())
                               for name, of in facts["labels"].items())
            table.add_row(site, str(facts["studies"]), str(facts["patients"]), Text(", ".join(facts["scanners"])),
                          Text(labels))
        parts.append(table)
    parts += [Text(f"! {finding.text}", style="yellow") for finding in intake.findings]
    if intake.written:
        parts.append(Text("written: " + ", ".join(intake.written)))
    return Group(*parts)


def _rank(code: str) -> int:
    return ("refusal", "repair", "note").index(REASONS[code].effect)
