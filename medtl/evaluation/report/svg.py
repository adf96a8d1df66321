"""Axes drawn as inline SVG: crisp on screen and in print, no file beside the page, text that can be searched."""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

INK, GRID, SOFT = "#1b1f24", "#e3e7eb", "#5b6570"
ADAPTED, BASELINE = "#0b5ea8", "#c04a00"
CYCLE = ("#0b5ea8", "#c04a00", "#00795a", "#a3467f", "#7a5c00", "#1b1f24")
"""Darkened from Okabe and Ito's, which colour-blind readers tell apart; lines differ in their dashes too."""
DASHES = ("", "6 3", "2 2", "8 3 2 3", "12 3", "1 3")


TENT = CYCLE[-1]


def colour_of(model: str) -> str:
    """A model's colour: adapted, baseline, or the copy that adapts at test time."""
    return {"adapted": ADAPTED, "baseline": BASELINE}.get(model, TENT)


@dataclass(frozen=True)
class Axes:
    """A plot's box in pixels and the range of numbers that it shows.

    Args:
        width: of the picture, pixels.
        height: of the picture, pixels.
        x: lowest and highest value along the bottom.
        y: lowest and highest value along the side.
        left: margin for the side's labels, pixels.
        bottom: margin for the bottom's labels, pixels.
        top: margin above, pixels.
        right: margin on the right, pixels.
    """

    width: int
    height: int
    x: tuple[float, float]
    y: tuple[float, float]
    left: int = 46
    bottom: int = 38
    top: int = 10
    right: int = 12

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point lies, in pixels, held within the box."""
        across = _within((x - self.x[0]) / ((self.x[1] - self.x[0]) or 1.0))
        up = _within((y - self.y[0]) / ((self.y[1] - self.y[0]) or 1.0))
        span_x, span_y = self.width - self.left - self.right, self.height - self.top - self.bottom
        return self.left + across * span_x, self.height - self.bottom - up * span_y

    def frame(self, x_label: str, y_label: str, x_ticks: Sequence[float], y_ticks: Sequence[float]) -> Markup:
        """Grid, ticks and labels."""
        parts = []
        for tick in x_ticks:
            px, py = self.at(tick, self.y[0])
            parts.append(_line(px, py, px, self.at(tick, self.y[1])[1], GRID))
            parts.append(_text(px, py + 14, number(tick), "middle"))
        for tick in y_ticks:
            px, py = self.at(self.x[0], tick)
            parts.append(_line(px, py, self.at(self.x[1], tick)[0], py, GRID))
            parts.append(_text(px - 6, py + 4, number(tick), "end"))
        (x0, y0), (x1, y1) = self.at(self.x[0], self.y[0]), self.at(self.x[1], self.y[1])
        parts.append(_line(x0, y0, x1, y0, SOFT))
        parts.append(_line(x0, y0, x0, y1, SOFT))
        parts.append(_text((x0 + x1) / 2, self.height - 6, x_label, "middle"))
        middle = (y0 + y1) / 2
        turned = Markup('<text x="12" y="{0}" text-anchor="middle" transform="rotate(-90 12 {0})">{1}</text>')
        parts.append(turned.format(f"{middle:.1f}", y_label))
        return Markup("").join(parts)

    def path(
        self, points: Sequence[tuple[float, float]], colour: str, dash: str = "", width: float = 2.0, name: str = ""
    ) -> Markup:
        """A line through points; a named one can be read back from the page with the picture's ``data-axes``."""
        steps = " ".join(f"{px:.2f},{py:.2f}" for px, py in (self.at(x, y) for x, y in points))
        told = Markup(' data-line="{}"').format(name) if name else ""
        line = Markup('<polyline points="{}" fill="none" stroke="{}" stroke-width="{}" stroke-dasharray="{}"{}/>')
        return line.format(steps, colour, width, dash or "none", told)

    def dot(self, x: float, y: float, colour: str, radius: float = 4.0, hollow: bool = False) -> Markup:
        """A round mark."""
        px, py = self.at(x, y)
        return Markup('<circle cx="{}" cy="{}" r="{}" fill="{}" stroke="{}" stroke-width="1.6"/>').format(
            f"{px:.1f}", f"{py:.1f}", radius, "#fff" if hollow else colour, colour)

    def bar(self, x: float, low: float, high: float, colour: str) -> Markup:
        """A vertical interval."""
        (px, y0), (_, y1) = self.at(x, low), self.at(x, high)
        return _line(px, y0, px, y1, colour, 1.4)

    def area(self, points: Sequence[tuple[float, float]], colour: str) -> Markup:
        """A faint surface within points, for a band."""
        corners = " ".join(f"{px:.1f},{py:.1f}" for px, py in (self.at(x, y) for x, y in points))
        return Markup('<polygon points="{}" fill="{}" fill-opacity="0.13"/>').format(corners, colour)

    def column(self, low: float, high: float, count: float, colour: str) -> Markup:
        """A bar of a histogram, from 0 up."""
        (x0, y0), (x1, y1) = self.at(low, 0.0), self.at(high, count)
        return Markup('<rect x="{}" y="{}" width="{}" height="{}" fill="{}"/>').format(
            f"{x0 + 0.5:.1f}", f"{y1:.1f}", f"{max(x1 - x0 - 1, 0.5):.1f}", f"{y0 - y1:.1f}", colour)

    def _range(self) -> str:
        """Pixels and values of two opposite corners, by which lines are read back."""
        (x0, y0), (x1, y1) = self.at(self.x[0], self.y[0]), self.at(self.x[1], self.y[1])
        return " ".join(f"{value:g}" for value in (x0, x1, *self.x, y0, y1, *self.y))

    def svg(self, parts: Sequence[Markup], title: str) -> Markup:
        """The picture, with a title that readers of the screen hear."""
        return Markup(
            '<svg viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" aria-label="{2}" data-axes="{4}">{3}</svg>'
        ).format(self.width, self.height, title, Markup("").join(parts), self._range())


def number(value: float) -> str:
    """A tick's number: short, without a trailing zero."""
    return f"{value:.4g}"


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round numbers between two ends.

    Args:
        low: lower end.
        high: upper end, at least low.
        wanted: about how many.

    Returns:
        Multiples of 1, 2 or 5 times a power of ten that lie within.
    """
    span = (high - low) or 1.0
    raw = span / max(wanted, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= raw)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def _within(share: float) -> float:
    return min(max(share, 0.0), 1.0)


def _line(x0: float, y0: float, x1: float, y1: float, colour: str, width: float = 1.0) -> Markup:
    return Markup('<line x1="{}" y1="{}" x2="{}" y2="{}" stroke="{}" stroke-width="{}"/>').format(
        f"{x0:.1f}", f"{y0:.1f}", f"{x1:.1f}", f"{y1:.1f}", colour, width)


def _text(x: float, y: float, text: str, anchor: str) -> Markup:
    return Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(f"{x:.1f}", f"{y:.1f}", anchor, escape(text))
