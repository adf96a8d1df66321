"""What is known of patients and scans beside labels, coarse enough to identify nobody: for figures by subgroup."""
from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medtl.sources.scan.study import StudyRow

NAMES = ("sex", "age", "manufacturer", "kernel", "slice_thickness", "view")
"""Columns of a manifest that are read as traits."""
_SEXES = {"m": "M", "male": "M", "f": "F", "female": "F", "o": "O", "other": "O"}
_NUMBER = re.compile(r"\d{1,3}(\.\d+)?")
_BAND = re.compile(r"\d{1,3}\s*[-–]\s*\d{1,3}|\d{1,3}\+")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9 ./_+-]{0,23}")
_THICK_MM = (1.5, 3.0)


def traits_of_study(study: StudyRow) -> tuple[tuple[str, str], ...]:
    """Of a study whose headers were read.

    Args:
        study: with its chosen series.

    Returns:
        Names and values; what is unknown is left out.
    """
    chosen = study.chosen
    found = {"sex": study.sex, "age": study.age}
    if chosen is not None:
        thick = chosen.slice_thickness_mm
        found |= {"manufacturer": chosen.manufacturer, "kernel": chosen.kernel,
                  "slice_thickness": "" if thick is None else thickness_band(thick), "view": chosen.view}
    return tuple((name, value) for name, value in found.items() if value)


def traits_of_cells(row: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Of a manifest's row: ages as bands of ten years, thicknesses in three bands, anything odd as unknown.

    Args:
        row: cells by column.

    Returns:
        Names and values, of the columns that NAMES lists.
    """
    found = []
    for name in NAMES:
        cell = row.get(name, "").strip()
        if cell and (value := _coarse(name, cell)):
            found.append((name, value))
    return tuple(found)


def thickness_band(thickness_mm: float) -> str:
    """Thin, medium or thick slices.

    Args:
        thickness_mm: above 0.

    Returns:
        The band in words.
    """
    low, high = _THICK_MM
    return f"up to {low:g} mm" if thickness_mm <= low else f"up to {high:g} mm" if thickness_mm <= high \
        else f"above {high:g} mm"


def _coarse(name: str, cell: str) -> str:
    if name == "sex":
        return _SEXES.get(cell.casefold(), "")
    if name == "age":
        if _NUMBER.fullmatch(cell):
            decade = int(float(cell)) // 10 * 10
            return "90+" if decade >= 90 else f"{decade}-{decade + 9}"
        return cell.replace(" ", "") if _BAND.fullmatch(cell) else ""
    if name == "slice_thickness" and _NUMBER.fullmatch(cell):
        return thickness_band(float(cell))
    return cell if _WORD.fullmatch(cell) else ""
