"""How much each source study counted, where a method weighs them: a histogram and what is left of the evidence."""
from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup

from medtl.errors import RunStateError
from medtl.evaluation.report.svg import CYCLE, Axes, ticks
from medtl.functional.measure import FloatArray
from medtl.functional.weighting import effective_sample_size

BINS = 24
FEW = 0.2
"""An effective share of the studies below which the report warns."""


@dataclass(frozen=True)
class SiteWeights:
    """The weights of one source site, or of all of them.

    Args:
        site: hospital.
        studies: weighed.
        effective: how many equally weighted studies would carry as much evidence.
        mean: weight.
        least: weight.
        largest: weight.
    """

    site: str
    studies: int
    effective: float
    mean: float
    least: float
    largest: float


@dataclass(frozen=True)
class Weights:
    """The weights of a run.

    Args:
        rows: all source sites together, then each.
        histogram: of all weights.
        warning: said where few studies carry the evidence; else empty.
    """

    rows: tuple[SiteWeights, ...]
    histogram: Markup
    warning: str


def weights_file(run: Path) -> Path | None:
    """Where a run keeps what its studies weighed in its last weighted stage, if methods weighed them.

    Args:
        run: its folder.

    Returns:
        ``weights.csv``, or None.
    """
    stages = run / "stages"
    for file in (*sorted(stages.glob("*/weights.csv"), reverse=True), stages / "weights.csv"):
        if file.is_file():
            return file
    return None


def read_weights(run: Path) -> Weights | None:
    """The weights of a run, drawn.

    Args:
        run: its folder.

    Returns:
        The weights, or None where no method weighed anything.

    Raises:
        RunStateError: the file is damaged.
    """
    file = weights_file(run)
    if file is None:
        return None
    try:
        with file.open(encoding="utf-8", newline="") as opened:
            rows = list(csv.DictReader(opened))
        sites = [row["site"] for row in rows]
        values = np.array([float(row["weight"]) for row in rows])
    except (KeyError, TypeError, ValueError, UnicodeDecodeError):
        raise RunStateError(f"{file.name}: damaged; it was written by medtl: site, study, weight") from None
    if not len(values):
        return None
    names = list(dict.fromkeys(sites))
    told = [_row("all source sites", values)] if len(names) > 1 else []
    told += [_row(name, values[np.array([site == name for site in sites])]) for name in names]
    share = told[0].effective / told[0].studies
    warning = "" if share >= FEW else (
        f"{told[0].studies} studies count as {told[0].effective:.0f} equally weighted ones: a few carry the "
        "evidence, and figures vary as if the source were that small"
    )
    return Weights(tuple(told), _histogram(values), warning)


def _row(site: str, values: FloatArray) -> SiteWeights:
    return SiteWeights(site, len(values), effective_sample_size(values), float(values.mean()), float(values.min()),
                       float(values.max()))


def _histogram(values: FloatArray) -> Markup:
    top = max(float(values.max()), 1.0) * 1.02
    counts, edges = np.histogram(values, bins=BINS, range=(0.0, top))
    axes = Axes(640, 230, (0.0, top), (0.0, float(counts.max()) * 1.06), left=52)
    whole = [tick for tick in ticks(0, float(counts.max()), 4) if tick == int(tick)]
    parts = [axes.frame("weight (mean 1)", "source studies", ticks(0, top, 7), whole)]
    parts += [axes.column(float(a), float(b), float(count), CYCLE[0])
              for a, b, count in zip(edges[:-1], edges[1:], counts, strict=True) if count]
    parts.append(axes.path([(1.0, 0.0), (1.0, float(counts.max()) * 1.06)], "#1b1f24", "4 3", 1.2))
    told = f"{len(values)} weights from {values.min():.2f} to {values.max():.2f}"
    return axes.svg(parts, f"Histogram of study weights: {told}")

