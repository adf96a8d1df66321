"""The learning curve on disk: budget.csv, budget.json and a self-contained page; and in the terminal."""
from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from medtl.atomic import write_json, write_text
from medtl.evaluation.budget.curve import Curve
from medtl.evaluation.report.svg import ADAPTED, BASELINE, Axes, ticks


@dataclass(frozen=True)
class WrittenCurve:
    """A learning curve and its files.

    Args:
        curve: the figures.
        page: index.html.
        table: budget.csv.
    """

    curve: Curve
    page: Path
    table: Path

    def __rich__(self) -> Any:
        from rich import box
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table(title="AUROC by labelled target patients per class", title_justify="left", box=box.SIMPLE_HEAD,
                      padding=(0, 1), pad_edge=False)
        for name in ("per class", "AUROC", "95 % interval", "draws"):
            table.add_column(name, justify="right")
        for point in self.curve.points:
            ends = point.estimate.interval
            value = "not est." if point.estimate.value is None else f"{point.estimate.value:.3f}"
            table.add_row(str(point.labels), value, "" if ends is None else f"{ends.low:.3f} to {ends.high:.3f}",
                          " ".join(f"{value:.2f}" for _, value in point.draws))
        lines = [Text(f"{point.labels} per class: {reason}") for point in self.curve.points for reason in point.reasons]
        return Group(table, *lines, *(Text(f"note: {note}") for note in self.curve.notes),
                     Text(self.curve.answer, style="bold"), Text(f"figures: {self.table}"),
                     Text(f"report: {self.page}"))


def write_curve(curve: Curve, folder: Path, *, title: str, told: Sequence[tuple[str, str]]) -> WrittenCurve:
    """Writes a learning curve.

    Args:
        curve: the figures.
        folder: where to; exists.
        title: of the page.
        told: name and value of what a reader must know of the runs.

    Returns:
        The curve and its files.
    """
    write_json(folder / "budget.json", {**curve.as_json(), "setting": dict(told)})
    write_text(folder / "budget.csv", as_csv(curve))
    page: str = _template().render(curve=curve, title=title, told=told, plot=plot(curve))
    write_text(folder / "index.html", page)
    return WrittenCurve(curve, folder / "index.html", folder / "budget.csv")


def as_csv(curve: Curve) -> str:
    """A row per number of labels."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("per_class", "auroc", "low", "high", "draws", "reason"))
    for point in curve.points:
        value, ends = point.estimate.value, point.estimate.interval
        writer.writerow([
            point.labels, "" if value is None else f"{value:.9g}",
            *(["", ""] if ends is None else [f"{ends.low:.9g}", f"{ends.high:.9g}"]),
            " ".join(f"{seed}:{auroc:.9g}" for seed, auroc in point.draws), "; ".join(point.reasons),
        ])
    return out.getvalue()


def plot(curve: Curve) -> Markup | None:
    """Points with intervals, the fit with its band, and the goal; the number of labels on a logarithmic scale.

    Args:
        curve: the figures.

    Returns:
        The picture, or None where nothing has a value.
    """
    known = [p for p in curve.points if p.estimate.value is not None]
    positive = [p.labels for p in known if p.labels > 0]
    if not positive:
        return None
    last = curve.fitted[-1][0] if curve.fitted else max(positive)
    places = {p.labels: math.log2(p.labels) if p.labels else math.log2(min(positive)) - 1.2 for p in known}
    left, right = min(places.values()) - 0.3, math.log2(last) + 0.1
    ends = [end for p in known for end in ((p.estimate.interval.low, p.estimate.interval.high)
                                           if p.estimate.interval else (p.estimate.value or 0.0,))]
    bottom = math.floor(min(*ends, curve.wanted, 0.5) * 20) / 20
    axes = Axes(940, 420, (left, right), (bottom, 1.0), left=64, bottom=46)
    parts = [axes.frame("labelled target patients per class (log scale)", "AUROC", [], ticks(bottom, 1.0, 6))]
    for n in sorted({*(p.labels for p in known), *(2**k for k in range(int(right) + 1) if 2**k > max(positive))}):
        x, y = axes.at(places.get(n, math.log2(n) if n else left), bottom)
        parts.append(Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>').format(
            x, y + 15, "none" if n == 0 else n))
    if curve.fitted:
        band = [(math.log2(n), high) for n, _, _, high in curve.fitted]
        band += [(math.log2(n), low) for n, low, _, _ in reversed(curve.fitted)]
        corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in (axes.at(*corner) for corner in band))
        parts.append(Markup('<polygon points="{}" fill="#d6e4f4" stroke="none"/>').format(corners))
        measured = [(math.log2(n), v) for n, _, v, _ in curve.fitted if n <= max(positive)]
        beyond = [(math.log2(n), v) for n, _, v, _ in curve.fitted if n >= max(positive) * 0.9]
        parts += [axes.path(measured, ADAPTED), axes.path(beyond, ADAPTED, "6 4")]
    parts.append(axes.path([(left, curve.wanted), (right, curve.wanted)], BASELINE, "2 3", 1.6))
    x, y = axes.at(right, curve.wanted)
    parts.append(Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="end" style="fill:{}">wanted: {:g}</text>').format(
        x - 4, y - 5, BASELINE, curve.wanted))
    for p in known:
        x_at = places[p.labels]
        parts += [axes.dot(x_at + 0.06, value, "#8fa3b8", 2.6) for _, value in p.draws]
        if p.estimate.interval is not None:
            parts.append(axes.bar(x_at, p.estimate.interval.low, p.estimate.interval.high, ADAPTED))
        parts.append(axes.dot(x_at, p.estimate.value or 0.0, ADAPTED, 5, hollow=p.labels == 0))
    return axes.svg(parts, "AUROC by number of labelled target patients per class")


@cache
def _template() -> Any:
    loader = PackageLoader("medtl.evaluation.budget", "templates")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True,
                              lstrip_blocks=True)
    return environment.get_template("budget.html.j2")
