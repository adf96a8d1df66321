"""Confident mistakes as images with what they rest on, and the studies that weighed most and least."""
from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from medtl.errors import RunStateError
from medtl.evaluation.report.facts import inline_png

FOLDER, FILE = "thumbnails", "pictures.json"
FOR, AGAINST = "#d55e00", "#0072b2"
SIDE = 148
_NAME = re.compile(r"[a-z]+-\d{1,6}\.png")


@dataclass(frozen=True)
class FailurePicture:
    """One answer that is worth looking at.

    Args:
        row: number of the scan in its table.
        site: hospital.
        role: source or target.
        kind: false alarm, miss, wrong class, or right for comparison.
        truth: class.
        called: class.
        score: of the class or label asked for.
        threshold: from which it is called positive, or None.
        slice: which slice is shown, in words; empty for single images.
        plain: the slice.
        overlay: the slice with the map.
    """

    row: str
    site: str
    role: str
    kind: str
    truth: str
    called: str
    score: float
    threshold: float | None
    slice: str
    plain: Markup
    overlay: Markup


@dataclass(frozen=True)
class WeighedPicture:
    """A source study and what it weighed."""

    row: str
    site: str
    weight: float
    which: str
    picture: str


@dataclass(frozen=True)
class Pictures:
    """What an evaluation drew.

    Args:
        failures: site by site: (site, role, answers).
        weights: studies of the largest and of the smallest weight.
    """

    failures: tuple[tuple[str, str, tuple[FailurePicture, ...]], ...]
    weights: tuple[WeighedPicture, ...]


def read_pictures(beside: Path) -> Pictures | None:
    """The pictures that stand beside a predictions.csv.

    Args:
        beside: its folder.

    Returns:
        Those that are there; None where none were drawn.

    Raises:
        RunStateError: their list is damaged.
    """
    folder = beside / FOLDER
    try:
        listed = json.loads((folder / FILE).read_text(encoding="utf-8"))
        failures = [found for entry in listed["failures"] if (found := _failure(folder, entry))]
        weights = tuple(
            WeighedPicture(str(entry["row"]), str(entry["site"]), float(entry["weight"]), str(entry["which"]), image)
            for entry in listed["weights"] if (image := _image(folder, entry["picture"]))
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise RunStateError(f"{FOLDER}/{FILE}: damaged ({type(error).__name__}); evaluate the run again") from None
    places = dict.fromkeys((found.site, found.role) for found in failures)
    return Pictures(tuple(
        (site, role, tuple(found for found in failures if (found.site, found.role) == (site, role)))
        for site, role in places
    ), weights)


def _image(folder: Path, name: Any) -> str | None:
    path = folder / str(name)
    return inline_png(path) if _NAME.fullmatch(str(name)) and path.is_file() else None


def _failure(folder: Path, entry: Mapping[str, Any]) -> FailurePicture | None:
    image = _image(folder, entry["picture"])
    if image is None:
        return None
    threshold = entry["threshold"]
    told = f"row {entry['row']} of {entry['site']}, {entry['kind']}: {entry['truth']} called {entry['called']}"
    shown = f"slice {entry['slice'] + 1} of {entry['slices']}" if entry["slices"] > 1 else ""
    return FailurePicture(
        row=str(entry["row"]), site=str(entry["site"]), role=str(entry["role"]), kind=str(entry["kind"]),
        truth=str(entry["truth"]), called=str(entry["called"]), score=float(entry["score"]),
        threshold=None if threshold is None else float(threshold), slice=shown,
        plain=_framed(image, [], told),
        overlay=_framed(image, entry["falls"], f"{told}; map of what the score rests on"),
    )


def _framed(image: str, falls: Sequence[Sequence[float]], told: str) -> Markup:
    """The picture, and a square per cell: orange where covering it lowers the score, blue where it raises it."""
    largest = max((abs(float(value)) for row in falls for value in row), default=0.0) or 1.0
    squares = []
    for r, row in enumerate(falls):
        for c, value in enumerate(row):
            strength = abs(float(value)) / largest
            if strength >= 0.08:
                squares.append(Markup(
                    '<rect x="{}" y="{}" width="{}" height="{}" fill="{}" fill-opacity="{}"/>'
                ).format(f"{c * SIDE / len(row):.1f}", f"{r * SIDE / len(falls):.1f}", f"{SIDE / len(row):.1f}",
                         f"{SIDE / len(falls):.1f}", FOR if float(value) > 0 else AGAINST, f"{0.6 * strength:.2f}"))
    return Markup(
        '<svg class="thumb" viewBox="0 0 {0} {0}" width="{0}" height="{0}" role="img" aria-label="{1}">'
        '<rect width="{0}" height="{0}" fill="#000"/>'
        '<image href="{2}" width="{0}" height="{0}" preserveAspectRatio="none"/>{3}</svg>'
    ).format(SIDE, told, image, Markup("").join(squares))
