"""Decision curves: what calling by a threshold is worth at a site, against calling everyone and calling nobody."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from markupsafe import Markup

from medtl.evaluation.probabilities.curves import DecisionCurve
from medtl.evaluation.report.svg import DASHES, SOFT, Axes, colour_of, ticks


@dataclass(frozen=True)
class DecisionPlot:
    """The curves of one question at one site.

    Args:
        title: the site, and the question where there are several.
        picture: the plot.
        key: (name, colour, dash) of each line.
    """

    title: str
    picture: Markup
    key: tuple[tuple[str, str, str], ...]


def decision_plots(curves: Sequence[DecisionCurve]) -> tuple[DecisionPlot, ...]:
    """Draws the curves, all models of one question at one site together.

    Args:
        curves: of a report.

    Returns:
        One plot per site and question.
    """
    several = len({curve.question for curve in curves}) > 1
    places = dict.fromkeys((curve.site, curve.question) for curve in curves)
    return tuple(
        _plot(f"{site}: {question}" if several else site,
              [curve for curve in curves if (curve.site, curve.question) == (site, question)])
        for site, question in places
    )


def _plot(title: str, curves: Sequence[DecisionCurve]) -> DecisionPlot:
    first = curves[0]
    top = max(*first.everyone, *(value for curve in curves for value in curve.benefit), 0.05)
    low = -0.25 * top
    axes = Axes(340, 268, (0.0, max(first.thresholds)), (low, 1.08 * top), left=52)
    parts = [axes.frame("threshold probability", "net benefit", ticks(*axes.x), ticks(*axes.y))]
    parts.append(axes.path([(0.0, 0.0), (axes.x[1], 0.0)], SOFT, "", 1.2))
    everyone = [(x, y) for x, y in zip(first.thresholds, first.everyone, strict=True) if y >= low]
    parts.append(axes.path(everyone, SOFT, "2 3", 1.6))
    key = []
    for k, curve in enumerate(curves):
        colour, dash = colour_of(curve.model), DASHES[k % len(DASHES)]
        if curve.low:
            band = [*zip(curve.thresholds, curve.low, strict=True),
                    *reversed(list(zip(curve.thresholds, curve.high, strict=True)))]
            parts.append(axes.area([(x, max(y, low)) for x, y in band], colour))
        points = list(takewhile(lambda point: point[1] >= low, zip(curve.thresholds, curve.benefit, strict=True)))
        parts.append(axes.path(points, colour, dash, name=f"decision {curve.model}"))
        key.append((curve.model, colour, dash))
    key += [("everyone called", SOFT, "2 3"), ("nobody called", SOFT, "")]
    return DecisionPlot(title, axes.svg(parts, f"Decision curves of {title}"), tuple(key))
