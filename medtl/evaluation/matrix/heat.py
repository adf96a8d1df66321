"""The heat map: site x site, each cell with its figure and its interval in words that can be read in print."""
from __future__ import annotations

from collections.abc import Callable, Sequence

from markupsafe import Markup

from medtl.evaluation.estimates import Estimate
from medtl.evaluation.matrix.figures import Cell, Matrix

HEIGHT, LEFT, TOP, WIDEST, ROOM = 56, 118, 40, 128, 1120
LIGHT, DARK = (239, 245, 252), (11, 60, 120)
LOSS, NONE, GAIN = (196, 92, 20), (250, 250, 250), (20, 92, 170)
EMPTY = (236, 236, 236)
SPAN = 0.2
"""A difference of this much has the full colour."""

Colour = tuple[int, int, int]
Read = Callable[[Cell], Estimate | None]
Paint = Callable[[float], Colour]


def heat_map(matrix: Matrix, method: str) -> Markup:
    """AUROC of one method's models: a row per source, a column per site tested.

    Args:
        matrix: the figures.
        method: whose.

    Returns:
        The picture.
    """
    return _grid(matrix, method, lambda cell: cell.estimate, level_colour, f"AUROC of {method}, source by site")


def difference_map(matrix: Matrix, method: str) -> Markup:
    """The same for the difference to the reference.

    Args:
        matrix: the figures.
        method: another one than the reference.

    Returns:
        The picture.
    """
    return _grid(matrix, method, lambda cell: cell.against, difference_colour,
                 f"AUROC of {method} minus the reference, source by site", signed=True)


def level_colour(value: float) -> Colour:
    """From light at .5 and below to dark at 1."""
    return _between(LIGHT, DARK, (value - 0.5) / 0.5)


def difference_colour(value: float) -> Colour:
    """Orange for a loss, blue for a gain, white between."""
    return _between(NONE, GAIN if value > 0 else LOSS, abs(value) / SPAN)


def _between(low: Colour, high: Colour, share: float) -> Colour:
    share = min(max(share, 0.0), 1.0)
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(low, high, strict=True))
    return red, green, blue


def ink_on(colour: Colour) -> str:
    """Black or white, whichever is easier to read on a colour (relative luminance, WCAG 2)."""
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in colour)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#ffffff" if 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05 else "#101418"


def _grid(matrix: Matrix, method: str, read: Read, paint: Paint, title: str, signed: bool = False) -> Markup:
    rows, columns = matrix.sources, matrix.sites
    wide = min(WIDEST, (ROOM - LEFT) // len(columns))
    width, height = LEFT + wide * len(columns) + 2, TOP + HEIGHT * len(rows) + 2
    parts = [_text(LEFT + wide * len(columns) / 2, 12, "tested at", "middle", 11.5)]
    parts += [_text(LEFT + wide * (c + 0.5), TOP - 9, _short(site, wide // 8), "middle", 13, bold=True)
              for c, site in enumerate(columns)]
    for r, source in enumerate(rows):
        y = TOP + HEIGHT * r
        parts.append(_text(LEFT - 8, y + HEIGHT / 2 - 2, _short(source, 15), "end", 13, bold=True))
        parts.append(_text(LEFT - 8, y + HEIGHT / 2 + 13, "trained on", "end", 10.5))
        for c, site in enumerate(columns):
            cell = matrix.cell(method, source, site)
            parts += _cell(cell, read, paint, LEFT + wide * c, y, wide, signed)
    return Markup('<svg viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" aria-label="{2}">{3}</svg>').format(
        width, height, title, Markup("").join(parts))


def _cell(cell: Cell | None, read: Read, paint: Paint, x: float, y: float, wide: int, signed: bool) -> list[Markup]:
    estimate: Estimate | None = None if cell is None else read(cell)
    if cell is None or estimate is None:
        return [_box(x, y, wide, (255, 255, 255), home=False, dashed=True)]
    middle = x + wide / 2
    if estimate.value is None:
        return [_box(x, y, wide, EMPTY, home=cell.place == "home"),
                _text(middle, y + 26, "not", "middle", 12), _text(middle, y + 41, "estimable", "middle", 12)]
    colour = paint(estimate.value)
    ink = ink_on(colour)
    value = f"{estimate.value:+.3f}" if signed else f"{estimate.value:.3f}"
    low_high = "no interval" if estimate.interval is None else _ends(estimate, signed)
    under = "at home" if cell.place == "home" else ""
    shift = -4 if under else 0
    out = [_box(x, y, wide, colour, home=cell.place == "home"),
           _text(middle, y + 26 + shift, value, "middle", 16, ink, bold=True),
           _text(middle, y + 43 + shift, low_high, "middle", 11.5, ink)]
    if under:
        out.append(_text(middle, y + 51, under, "middle", 9.5, ink))
    return out


def _ends(estimate: Estimate, signed: bool) -> str:
    assert estimate.interval is not None
    form = "{:+.2f} to {:+.2f}" if signed else "{:.2f} to {:.2f}"
    return form.format(estimate.interval.low, estimate.interval.high)


def _box(x: float, y: float, wide: int, colour: Colour, *, home: bool, dashed: bool = False) -> Markup:
    stroke, width = ("#101418", 1.6) if home else ("#ffffff" if not dashed else "#c9d0d7", 2)
    inset = 2.5 if home else 1
    return Markup(
        '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="rgb({},{},{})" stroke="{}" stroke-width="{}"'
        ' stroke-dasharray="{}"/>'
    ).format(x + inset, y + inset, wide - 2 * inset, HEIGHT - 2 * inset, *colour, stroke, width,
             "3 3" if dashed else "none")


def _text(x: float, y: float, text: str, anchor: str, size: float, ink: str = "#3a434d", bold: bool = False) -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" style="font-size:{}px;font-weight:{};fill:{}">{}</text>'
                  ).format(x, y, anchor, size, 650 if bold else 400, ink, text)


def _short(name: str, most: int) -> str:
    return name if len(name) <= max(most, 6) else name[: max(most, 6) - 1] + "…"


def scale(signed: bool) -> Markup:
    """The colours' key."""
    values: Sequence[float] = [-0.2, -0.1, 0.0, 0.1, 0.2] if signed else [0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    parts = []
    for k, value in enumerate(values):
        colour = difference_colour(value) if signed else level_colour(value)
        parts.append(Markup('<rect x="{}" y="0" width="56" height="20" fill="rgb({},{},{})"/>').format(56 * k, *colour))
        said = f"{value:+.1f}" if signed and value else f"{value:.1f}"
        parts.append(_text(56 * k + 28, 14, said, "middle", 11.5, ink_on(colour)))
    return Markup('<svg viewBox="0 0 {0} 20" width="{0}" height="20" role="img" aria-label="scale">{1}</svg>').format(
        56 * len(values), Markup("").join(parts))
