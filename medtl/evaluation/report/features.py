"""The map of the features by site and label, where one was drawn beside the report."""
from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from markupsafe import Markup, escape

from medtl.errors import RunStateError

PICTURE, DATA = "features.svg", "features.json"
_SVG = "{http://www.w3.org/2000/svg}"
_DRAWS = frozenset({"svg", "g", "rect", "line", "polyline", "polygon", "circle", "path", "text", "title"})
_SAYS = frozenset({
    "viewBox", "width", "height", "role", "aria-label", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "d",
    "points",
    "fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "text-anchor", "transform", "font-size",
    "font-family", "font-weight", "opacity",
})


@dataclass(frozen=True)
class FeaturePlot:
    """The map of the features.

    Args:
        picture: the drawing.
        projection: how features were flattened.
        distances: (model, target site, A-distance in words).
    """

    picture: Markup
    projection: str
    distances: tuple[tuple[str, str, str], ...]


def read_features(beside: Path) -> FeaturePlot | None:
    """The map that stands in a report's folder.

    Args:
        beside: the folder.

    Returns:
        The map, or None where there is none.

    Raises:
        RunStateError: it is damaged.
    """
    try:
        drawn = ElementTree.fromstring((beside / PICTURE).read_text(encoding="utf-8"))
        told = json.loads((beside / DATA).read_text(encoding="utf-8"))
        distances = tuple(
            (str(done["model"]), str(site), "not estimable" if found is None else
             f"{found['value']:.2f} [{found['low']:.2f} to {found['high']:.2f}]")
            for done in told["maps"] for site, found in done["a_distance"].items()
        )
        return FeaturePlot(_plain(drawn), str(told["projection"]), distances)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, ElementTree.ParseError) as error:
        raise RunStateError(f"{PICTURE}: damaged ({type(error).__name__}); evaluate the run again") from None


def _plain(element: ElementTree.Element) -> Markup:
    """The drawing written anew: only shapes and words, so that nothing else of a file enters the page."""
    name = element.tag.removeprefix(_SVG)
    if name not in _DRAWS:
        return Markup("")
    said = Markup("").join(Markup(' {}="{}"').format(key, value) for key, value in element.attrib.items()
                           if key in _SAYS)
    within = Markup("").join(_plain(child) + escape((child.tail or "").strip()) for child in element)
    return Markup("<{0}{1}>{2}{3}</{0}>").format(Markup(name), said, (element.text or "").strip(), within)
