"""AUROC of every site and model on one line each, with its interval: the report at a glance."""
from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from medtl.evaluation.report.svg import ADAPTED, BASELINE, Axes, ticks
from medtl.evaluation.site_report import SiteResult

ROW, TOP, BOTTOM, LEFT, RIGHT = 26, 8, 40, 250, 170


def forest(results: Sequence[SiteResult], metric: str, title: str) -> Markup | None:
    """Draw one interval per site and model.

    Args:
        results: those to show, in order from the top.
        metric: which figure.
        title: under the axis.

    Returns:
        The picture, or None when no result has a value.
    """
    figures = [result.estimate(metric) for result in results]
    ends = [end for f in figures if f.value is not None
            for end in ((f.interval.low, f.interval.high) if f.interval else (f.value, f.value))]
    if not ends:
        return None
    low, high = min(*ends, 0.5), 1.0
    low = int(low * 10) / 10
    axes = Axes(980, TOP + BOTTOM + ROW * len(results), (low, high), (len(results), 0), LEFT, BOTTOM, TOP, RIGHT)
    parts = [axes.frame(title, "", ticks(low, high, 6), [])]
    if low < 0.5:
        parts.append(axes.path([(0.5, 0), (0.5, len(results))], "#9aa4ae", "3 3", 1))
    for k, (result, figure) in enumerate(zip(results, figures, strict=True)):
        colour = ADAPTED if result.model == "adapted" else BASELINE
        _, y = axes.at(0, k + 0.5)
        name = f"{result.site}, {result.model}" if result.pooled else f"{result.site} ({result.role}), {result.model}"
        parts.append(Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(LEFT - 8, f"{y + 4:.1f}", name))
        parts.append(Markup('<text x="{}" y="{}">{}</text>').format(980 - RIGHT + 8, f"{y + 4:.1f}", str(figure)))
        if figure.value is None:
            continue
        if figure.interval is not None:
            parts.append(axes.path([(figure.interval.low, k + 0.5), (figure.interval.high, k + 0.5)], colour))
        parts.append(axes.dot(figure.value, k + 0.5, colour, 4.5, hollow=result.model != "adapted"))
    return axes.svg(parts, title)
