"""ROC and reliability per site, from predictions alone."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from medtl.evaluation.questions import Group, Thresholds, group_of
from medtl.evaluation.report.svg import ADAPTED, BASELINE, CYCLE, DASHES, Axes
from medtl.evaluation.site_report import SiteReport
from medtl.functional.reliability import reliability_bins
from medtl.functional.resampling import BinarySample
from medtl.functional.roc import roc_points
from medtl.predictions import Predictions, by_study

UNIT = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
MOST_POINTS = 400


@dataclass(frozen=True)
class SitePlots:
    """The two plots of one site, and what the lines mean.

    Args:
        site: hospital.
        role: source or target.
        roc: the ROC plot, or None.
        reliability: the reliability plot, or None.
        key: (name, colour, dash) of each line.
        missing: why a line is not drawn, by name.
    """

    site: str
    role: str
    roc: Markup | None
    reliability: Markup | None
    key: tuple[tuple[str, str, str], ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Line:
    name: str
    sample: BinarySample
    colour: str
    dash: str


def site_plots(predictions: Predictions, report: SiteReport) -> tuple[SitePlots, ...]:
    """Draw each site's test studies.

    Args:
        predictions: as read from the file.
        report: their evaluation, for its thresholds.

    Returns:
        One entry per site with test studies: both models for a binary task, else the adapted model's classes or labels.
    """
    rows = by_study(predictions)
    rows = rows.where(rows.split == "test")
    thresholds = {t.model: Thresholds(t.rule, dict(t.values)) for t in report.thresholds}
    out = []
    for result in report.select(split="test", pooled=False, model=report.models[0]):
        at_site = rows.where((rows.site == result.site) & (rows.role == result.role))
        groups = {m: group_of(at_site.where(at_site.model == m), thresholds[m]) for m in report.models}
        lines = _lines(groups, report.kind)
        drawn = [line for line in lines if _both(line.sample)]
        missing = tuple(f"{line.name}: one class" for line in lines if not _both(line.sample))
        out.append(SitePlots(
            result.site, result.role, _roc(drawn, result.site), _reliability(lines, result.site),
            tuple((line.name, line.colour, line.dash) for line in lines), missing,
        ))
    return tuple(out)


def _lines(groups: dict[str, Group], kind: str) -> list[_Line]:
    if kind == "binary":
        style = {"adapted": (ADAPTED, ""), "baseline": (BASELINE, "6 3"), "tent": (CYCLE[-1], "2 2")}
        return [_Line(model, group.samples[0], *style[model]) for model, group in groups.items()]
    first = next(iter(groups.values()))
    return [
        _Line(name, sample, CYCLE[k % len(CYCLE)], DASHES[k // len(CYCLE) % len(DASHES)])
        for k, (name, sample) in enumerate(zip(first.names, first.samples, strict=True))
    ]


def _both(sample: BinarySample) -> bool:
    return bool(sample.positive.any() and not sample.positive.all())


def _roc(lines: Sequence[_Line], site: str) -> Markup | None:
    if not lines:
        return None
    axes = Axes(272, 268, (0, 1), (0, 1))
    parts = [axes.frame("1 − specificity", "sensitivity", UNIT, UNIT), axes.path([(0, 0), (1, 1)], "#9aa4ae", "3 3", 1)]
    for line in reversed(lines):
        points = roc_points(line.sample.positive, line.sample.scores)
        step = max(1, len(points) // MOST_POINTS)
        kept = [*points[:-1:step].tolist(), points[-1].tolist()]
        parts.append(axes.path([(x, y) for x, y in kept], line.colour, line.dash, name=f"roc {line.name}"))
        if line.sample.decided is not None:
            called, positive = line.sample.decided, line.sample.positive
            parts.append(axes.dot(float(called[~positive].mean()), float(called[positive].mean()), line.colour))
    return axes.svg(parts, f"ROC curves of {site}")


def _reliability(lines: Sequence[_Line], site: str) -> Markup | None:
    axes = Axes(272, 268, (0, 1), (0, 1))
    parts = [axes.frame("predicted probability", "observed share", UNIT, UNIT),
             axes.path([(0, 0), (1, 1)], "#9aa4ae", "3 3", 1)]
    drawn = False
    for line in reversed(lines):
        bins = reliability_bins(line.sample.positive, line.sample.scores)
        drawn = drawn or bool(bins)
        parts += [axes.bar(b.predicted, b.interval.low, b.interval.high, line.colour) for b in bins]
        points = [(b.predicted, b.observed) for b in bins]
        parts.append(axes.path(points, line.colour, line.dash, 1.4, name=f"reliability {line.name}"))
        parts += [axes.dot(b.predicted, b.observed, line.colour, 3.2, hollow=bool(line.dash)) for b in bins]
    return axes.svg(parts, f"Reliability of {site}") if drawn else None


