"""The flow as a diagram: listed scans at the top, what was left out beside them, then a row of boxes per site."""
from __future__ import annotations

import textwrap
from collections.abc import Sequence

from markupsafe import Markup

from medtl.evaluation.report.flow import Flow, PartFlow, SiteFlow
from medtl.evaluation.report.svg import ADAPTED, BASELINE, SOFT

WIDTH, LINE, PAD = 1110, 17, 11
SITE_WIDTH, GAP = 168, 26
LETTER = 6.4
"""About the width of a letter at the size of the text, in pixels, to wrap lines by."""


def flow_plot(flow: Flow) -> Markup:
    """Draws a flow.

    Args:
        flow: of a run.

    Returns:
        An SVG picture, as high as it needs.
    """
    parts: list[Markup] = []
    head = [f"{flow.scans:,} scans listed", f"{flow.studies:,} studies at {flow.sites} site{'s' * (flow.sites != 1)}"]
    head_height = _height(head)
    left = ["left out"] + [line for why, count in flow.left for line in _wrapped(f"{count:,} {why}", 560)]
    if not flow.left:
        left = ["nothing left out"]
    out_height = _height(left)
    top = max(head_height, out_height)
    parts += [_box(10, 10 + (top - head_height) / 2, 230, head, SOFT), _box(330, 10, 600, left, SOFT, dashed=True)]
    middle = 10 + top / 2
    parts.append(_arrow(240, middle, 330, middle))
    y = top + 34.0
    spine = 40.0
    starts = []
    for site in flow.used:
        height = max([_height(_site_lines(site)), *(_height(lines) for lines in _parts_lines(site))])
        starts.append(y + height / 2)
        parts += _row(site, y, height)
        y += height + 16
    if starts:
        parts.append(_line(spine, 10 + (top + head_height) / 2, spine, starts[-1]))
        parts += [_arrow(spine, start, 74, start) for start in starts]
    told = (f"Flow of studies: {flow.scans} scans listed, {sum(count for _, count in flow.left)} left out; "
            + "; ".join(f"{site.site} ({site.role}) {site.studies} studies: "
                        + ", ".join(f"{part.name} {part.studies}" for part in site.parts) for site in flow.used))
    return Markup(
        '<svg viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" aria-label="{2}">{3}</svg>'
    ).format(WIDTH, round(y), told, Markup("").join(parts))


def _row(site: SiteFlow, y: float, height: float) -> list[Markup]:
    colour = ADAPTED if site.role == "target" else BASELINE
    drawn = [_box(74, y, SITE_WIDTH, _site_lines(site), colour, height=height)]
    x, width = 74.0 + SITE_WIDTH, _part_width(site)
    for part, lines in zip(site.parts, _parts_lines(site), strict=True):
        drawn.append(_arrow(x, y + height / 2, x + GAP, y + height / 2) if part is site.parts[0]
                     else _line(x, y + height / 2, x + GAP, y + height / 2))
        drawn.append(_box(x + GAP, y, width, lines, colour, height=height))
        x += GAP + width
    return drawn


def _part_width(site: SiteFlow) -> float:
    count = max(len(site.parts), 3)
    return (WIDTH - 84 - SITE_WIDTH - GAP * count) / count


def _site_lines(site: SiteFlow) -> list[str]:
    return [*_wrapped(site.site, SITE_WIDTH - 2 * PAD), site.role, f"{site.studies:,} studies"]


def _parts_lines(site: SiteFlow) -> list[list[str]]:
    return [_part_lines(part, _part_width(site) - 2 * PAD) for part in site.parts]


def _part_lines(part: PartFlow, width: float) -> list[str]:
    patients = "patients unknown" if part.patients is None else f"{part.patients:,} patients"
    classes = ", ".join(f"{name}: {count:,}" for name, count in part.classes)
    return [part.name, f"{part.studies:,} studies, {patients}", *_wrapped(classes, width),
            *(f"→ {line}" if k == 0 else line for k, line in enumerate(_wrapped(part.use, width - 16)))]


def _wrapped(text: str, width: float) -> list[str]:
    return textwrap.wrap(text, max(8, int(width / LETTER)), break_long_words=True) or [""]


def _height(lines: Sequence[str]) -> float:
    return len(lines) * LINE + 2 * PAD - 3


def _box(
    x: float, y: float, width: float, lines: Sequence[str], colour: str, *, height: float | None = None,
    dashed: bool = False,
) -> Markup:
    height = height if height is not None else _height(lines)
    first = y + PAD + 10 + (height - _height(lines)) / 2
    heavy = Markup(' font-weight="600"')
    words = [
        Markup('<text x="{}" y="{}"{}>{}</text>').format(
            f"{x + PAD:.1f}", f"{first + k * LINE:.1f}", "" if k else heavy, line)
        for k, line in enumerate(lines)
    ]
    frame = Markup('<rect x="{}" y="{}" width="{}" height="{}" rx="4" fill="#fff" stroke="{}" stroke-width="1.4"{}/>')
    return frame.format(f"{x:.1f}", f"{y:.1f}", f"{width:.1f}", f"{height:.1f}", colour,
                        Markup(' stroke-dasharray="5 3"') if dashed else "") + Markup("").join(words)


def _line(x0: float, y0: float, x1: float, y1: float) -> Markup:
    return Markup('<line x1="{}" y1="{}" x2="{}" y2="{}" stroke="{}" stroke-width="1.3"/>').format(
        f"{x0:.1f}", f"{y0:.1f}", f"{x1:.1f}", f"{y1:.1f}", SOFT)


def _arrow(x0: float, y0: float, x1: float, y1: float) -> Markup:
    head = Markup('<polygon points="{},{} {},{} {},{}" fill="{}"/>').format(
        f"{x1:.1f}", f"{y1:.1f}", f"{x1 - 7:.1f}", f"{y1 - 4:.1f}", f"{x1 - 7:.1f}", f"{y1 + 4:.1f}", SOFT)
    return _line(x0, y0, x1 - 5, y1) + head
