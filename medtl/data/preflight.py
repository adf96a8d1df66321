"""What can be known to be wrong before a scan is read: files that are missing, sites without a known label."""
from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from medtl.errors import DataError
from medtl.sources.base import at_most_ten
from medtl.types import Catalogue, Cohort


def preflight(data: Catalogue | Cohort) -> tuple[int, ...]:
    """Looks over all rows that take part.

    Args:
        data: all rows of a catalogue, or those rows of a cohort that have a split.

    Returns:
        Positions of the rows that take part.

    Raises:
        DataError: no row at all, missing files, or source rows without a single known label; all at once.
    """
    catalogue = data.catalogue if isinstance(data, Cohort) else data
    positions = range(len(catalogue.items))
    chosen = tuple(positions) if isinstance(data, Catalogue) else tuple(
        i for i in positions if data.role[i] != "unused" and data.split[i] != "unused"
    )
    if not chosen:
        raise DataError("no scan takes part; check the manifest and the sites")
    lines = _missing(catalogue, chosen)
    if isinstance(data, Cohort):
        lines += _unlabelled(data)
    if lines:
        raise DataError(*at_most_ten(lines))
    return chosen


def _missing(catalogue: Catalogue, positions: Iterable[int]) -> list[str]:
    return [
        f"row {catalogue.items[i].row}: {_relative(catalogue, i)!r} does not exist under data.root; copy it there or "
        f"remove the row"
        for i in positions if not catalogue.items[i].path.exists()
    ]


def _unlabelled(cohort: Cohort) -> list[str]:
    labels = cohort.catalogue.labels
    known: dict[str, bool] = {}
    for row, item in enumerate(cohort.catalogue.items):
        if cohort.role[row] == "source":
            known[item.site] = known.get(item.site, False) or bool((~np.isnan(labels[row])).any())
    return [f"{site}: a source site without a single known label; give labels, or make it a target"
            for site, any_known in known.items() if not any_known]


def _relative(catalogue: Catalogue, position: int) -> str:
    path = catalogue.items[position].path
    return str(path.relative_to(catalogue.root)) if path.is_relative_to(catalogue.root) else path.name
