"""The matrix on disk: matrix.csv, matrix.json and a self-contained page; and in the terminal."""
from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from medtl.atomic import write_json, write_text
from medtl.evaluation.estimates import Estimate
from medtl.evaluation.matrix.figures import METRIC, OTHERS, REFERENCE, Cell, Matrix
from medtl.evaluation.matrix.heat import difference_map, heat_map, scale

COLUMNS = ("method", "source", "site", "place", METRIC, "low", "high", "seeds", "studies", "patients",
           "minus_reference", "minus_low", "minus_high", "p_adjusted", "verdict", "reason")


@dataclass(frozen=True)
class WrittenMatrix:
    """A matrix and its files.

    Args:
        matrix: the figures.
        page: index.html.
        table: matrix.csv.
    """

    matrix: Matrix
    page: Path
    table: Path

    def __rich__(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        matrix = self.matrix
        lines = [Text(line) for line in summary_lines(matrix)]
        lines += [Text(f"failed: {run}: {reason}") for run, reason in matrix.failures]
        lines += [Text(f"note: {note}") for note in matrix.notes]
        lines += [Text(f"figures: {self.table}"), Text(f"report: {self.page}")]
        return Group(*(_terminal(matrix, method) for method in matrix.methods), *lines)


def write_matrix(matrix: Matrix, folder: Path, *, title: str, told: Sequence[tuple[str, str]]) -> WrittenMatrix:
    """Writes a matrix.

    Args:
        matrix: the figures.
        folder: where to; exists.
        title: of the page.
        told: name and value of what a reader must know of the runs.

    Returns:
        The matrix and its files.
    """
    write_json(folder / "matrix.json", {**matrix.as_json(), "setting": dict(told)})
    write_text(folder / "matrix.csv", as_csv(matrix))
    write_text(folder / "index.html", render(matrix, title, told))
    return WrittenMatrix(matrix, folder / "index.html", folder / "matrix.csv")


def as_csv(matrix: Matrix) -> str:
    """A row per cell; a missing number is blank, and its reason stands in the last column."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for cell in matrix.cells:
        verdict = cell.verdict
        p = None if verdict is None else verdict.p_adjusted
        writer.writerow([
            cell.method, cell.source, cell.site, cell.place, *_numbers(cell.estimate),
            " ".join(f"{seed}:{value:.9g}" for seed, value in cell.seeds), f"{cell.studies:g}", cell.patients,
            *_numbers(cell.against), "" if p is None else f"{p:.6g}",
            "" if verdict is None else verdict.word,
            "; ".join(dict.fromkeys((*cell.reasons, *filter(None, [cell.estimate.reason])))),
        ])
    return out.getvalue()


def render(matrix: Matrix, title: str, told: Sequence[tuple[str, str]]) -> str:
    """The page; everything that came from a user is escaped."""
    away = [cell for cell in matrix.cells if cell.place != "home"]
    page: str = _template().render(
        matrix=matrix, title=title, told=told, reference=REFERENCE, others=OTHERS,
        maps={method: heat_map(matrix, method) for method in matrix.methods},
        differences=_differences(matrix), scale=scale(False), signed_scale=scale(True),
        cells=sorted(matrix.cells, key=_order(matrix)), away=sorted(away, key=_order(matrix)),
        places={"pair": "one site to another", "others": "all others to the one left out", "home": "at home"},
    )
    return page


def summary_lines(matrix: Matrix) -> list[str]:
    """What the matrix says of each method, in sentences."""
    lines = []
    where = {"pair": "site to site", "others": "leave one site out"}
    for summary in matrix.summaries:
        done, wanted = summary.cells
        counted = "" if done == wanted else f" (over {done} of {wanted} cells)"
        head = f"{summary.method}, {where[summary.place]}{counted}: AUROC at home {summary.internal}, away "
        lines.append(f"{head}{summary.external}; gap {summary.gap}")
        if summary.worst:
            share = "" if summary.worst_share is None else f", the worst in {summary.worst_share:.0%} of draws"
            lines.append(f"  worst site: {summary.worst} {summary.worst_estimate}{share}")
        if summary.against is not None:
            lines.append(f"  minus {REFERENCE}: {summary.against}")
    return lines


def _differences(matrix: Matrix) -> Mapping[str, Any]:
    if REFERENCE not in matrix.methods:
        return {}
    return {method: difference_map(matrix, method) for method in matrix.methods if method != REFERENCE}


def _order(matrix: Matrix) -> Any:
    rows, sites, methods = matrix.sources, matrix.sites, matrix.methods
    return lambda cell: (rows.index(cell.source), sites.index(cell.site), methods.index(cell.method))


def _numbers(estimate: Estimate | None) -> list[str]:
    if estimate is None or estimate.value is None:
        return ["", "", ""]
    ends = estimate.interval
    return [f"{estimate.value:.9g}", *(["", ""] if ends is None else [f"{ends.low:.9g}", f"{ends.high:.9g}"])]


def _terminal(matrix: Matrix, method: str) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=f"AUROC, {method}", title_justify="left", box=box.SIMPLE_HEAD, padding=0, pad_edge=False)
    table.add_column("trained on", no_wrap=True)
    for site in matrix.sites:
        table.add_column(f"at {site}", justify="right", min_width=9)
    for source in matrix.sources:
        cells = [matrix.cell(method, source, site) for site in matrix.sites]
        table.add_row(Text(source), *(_figure(cell) for cell in cells))
    return table


def _figure(cell: Cell | None) -> Any:
    from rich.text import Text

    if cell is None:
        return Text("")
    if cell.estimate.value is None:
        return Text("not\nest.", style="dim")
    ends = cell.estimate.interval
    said = "no int." if ends is None else f"{ends.low:.2f}–{ends.high:.2f}"
    return Text(f"{cell.estimate.value:.3f}\n{said}", style="dim" if cell.place == "home" else "")


@cache
def _template() -> Any:
    loader = PackageLoader("medtl.evaluation.matrix", "templates")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True,
                              lstrip_blocks=True)
    return environment.get_template("matrix.html.j2")
