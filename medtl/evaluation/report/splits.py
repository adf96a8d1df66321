"""The split's proof as a table: which studies and patients of which class stand in which split of which site."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class SplitTable:
    """Rows of site and split, columns of classes.

    Args:
        classes: column heads.
        rows: (site, role, split, cells), a cell being "studies (patients)".
    """

    classes: tuple[str, ...]
    rows: tuple[tuple[str, str, str, tuple[str, ...]], ...]


def split_table(counts: Sequence[Mapping[str, Any]]) -> SplitTable:
    """Arrange split.json.

    Args:
        counts: its entries: site, role, split, class, studies, patients (null where unknown).

    Returns:
        The table, empty without entries.
    """
    classes = tuple(dict.fromkeys(str(entry["class"]) for entry in counts))
    cells: dict[tuple[str, str, str], dict[str, str]] = {}
    for entry in counts:
        place = (str(entry["site"]), str(entry["role"]), str(entry["split"]))
        patients = entry.get("patients")
        told = "patients unknown" if patients is None else f"{patients} pat."
        cells.setdefault(place, {})[str(entry["class"])] = f"{entry['studies']} ({told})"
    rows = tuple((*place, tuple(row.get(name, "0") for name in classes)) for place, row in cells.items())
    return SplitTable(classes, rows)
