"""Learning curves: what each stage's losses and its selection value did, epoch by epoch."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from medtl.evaluation.report.facts import Epoch
from medtl.evaluation.report.svg import CYCLE, DASHES, Axes, ticks

MOST_LINES = 8


@dataclass(frozen=True)
class StagePlot:
    """The curves of one stage.

    Args:
        title: the stage, and whose it is.
        losses: the plot of the losses, or None.
        selection: the plot of the selection value, or None.
        key: (name, colour, dash) of each loss.
    """

    title: str
    losses: Markup | None
    selection: Markup | None
    key: tuple[tuple[str, str, str], ...]


def stage_plots(epochs: Sequence[Epoch], whose: str) -> tuple[StagePlot, ...]:
    """Draw the log of a run.

    Args:
        epochs: in order.
        whose: adapted or baseline.

    Returns:
        One entry per stage.
    """
    out = []
    for stage in dict.fromkeys(epoch.stage for epoch in epochs):
        of_stage = [epoch for epoch in epochs if epoch.stage == stage]
        names = list(dict.fromkeys(name for epoch in of_stage for name in epoch.losses))[:MOST_LINES]
        lines = [
            (name, CYCLE[k % len(CYCLE)], DASHES[k % len(DASHES)],
             [(float(e.epoch), e.losses[name]) for e in of_stage if name in e.losses])
            for k, name in enumerate(names)
        ]
        values = [(float(e.epoch), e.selection) for e in of_stage if e.selection is not None]
        out.append(StagePlot(
            f"{whose}: {stage}",
            _plot(lines, "loss", f"Losses of {stage}") if lines else None,
            _plot([("", CYCLE[2], "", values)], "selection value", f"Selection of {stage}") if values else None,
            tuple((name, colour, dash) for name, colour, dash, _ in lines),
        ))
    return tuple(out)


_Curve = tuple[str, str, str, list[tuple[float, float]]]


def _plot(lines: Sequence[_Curve], label: str, title: str) -> Markup:
    points = [point for *_, of_line in lines for point in of_line]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    low, high = min(ys), max(ys)
    room = 0.06 * (high - low) or 0.5
    axes = Axes(440, 240, (min(xs), max(max(xs), min(xs) + 1)), (low - room, high + room), left=56)
    whole = [tick for tick in ticks(*axes.x, wanted=6) if tick == int(tick)]
    parts = [axes.frame("epoch", label, whole, ticks(*axes.y))]
    for _, colour, dash, of_line in lines:
        parts.append(axes.path(of_line, colour, dash))
        if len(of_line) == 1:
            parts.append(axes.dot(*of_line[0], colour))
    return axes.svg(parts, title)
