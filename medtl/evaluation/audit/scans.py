"""What an audit looks at: rows, who they belong to, and what was measured of each; at most so many, spread over all."""
from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from medtl.data.prepared import Prepared
from medtl.data.seeds import names_in_seeds
from medtl.evaluation.audit.features import Features, features_of, middle
from medtl.types import Cohort

MOST_ROWS = 1200
"""Scans that are measured; of more, every second, third ... of each site."""
BLOCK = 20
"""Rows without a patient that count as one: neighbours in a file are often neighbouring slices."""


@dataclass(frozen=True)
class Measured:
    """The rows that an audit measured.

    Attributes:
        rows: positions in the catalogue, (n,).
        site: hospital of each.
        sites: names, in the order of the data, free of salt.
        unit: number of each row's patient, or of its block where the patient is unknown.
        in_blocks: whether the unit is a block.
        labels: per column of the catalogue, nan where unknown, (n, labels).
        features: of each.
    """

    rows: NDArray[np.int64]
    site: NDArray[np.str_]
    sites: tuple[str, ...]
    unit: NDArray[np.int64]
    in_blocks: NDArray[np.bool_]
    labels: NDArray[np.float64]
    features: tuple[Features, ...]

    @cached_property
    def pixels(self) -> NDArray[np.float64]:
        """Small pictures and the dozen statistics, (n, 588)."""
        return np.stack([np.concatenate([one.pixels, one.statistics]) for one in self.features])

    def of(self, name: str) -> NDArray[np.float64]:
        """One kind of features, (n, d)."""
        return np.stack([getattr(one, name) for one in self.features])

    @cached_property
    def first_of_unit(self) -> NDArray[np.int64]:
        """One row per unit, so that hospitals with many scans per patient are not told by their number."""
        return np.sort(np.unique(self.unit, return_index=True)[1])

    @property
    def units(self) -> int:
        """How many patients or blocks."""
        return len(np.unique(self.unit))

    @property
    def unit_word(self) -> str:
        """What ``units`` counts."""
        blocks = self.in_blocks
        return "blocks" if blocks.all() else "patients and blocks" if blocks.any() else "patients"


def units_of_rows(cohort: Cohort, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The patient of each row as a number, or its block of 20 rows of one site and class where the patient is unknown.

    Args:
        cohort: whose positions ``rows`` are.
        rows: in catalogue order.

    Returns:
        Numbers in order of appearance, and whether each is a block.
    """
    numbers: dict[tuple[object, ...], int] = {}
    seen: dict[tuple[object, ...], int] = {}
    units, blocks = [], []
    for row in map(int, rows):
        item = cohort.catalogue.items[row]
        key: tuple[object, ...] = ("patient", item.patient)
        if not item.patient:
            run = (item.site, tuple(-1.0 if value != value else value for value in item.labels))
            place = seen.get(run, 0)
            seen[run] = place + 1
            key = ("block", *run, place // BLOCK)
        units.append(numbers.setdefault(key, len(numbers)))
        blocks.append(not item.patient)
    return np.array(units, dtype=np.int64), np.array(blocks, dtype=np.bool_)


def measure(prepared: Prepared, cohort: Cohort, most: int = MOST_ROWS) -> Measured:
    """Measures the rows of a cohort that take part.

    Args:
        prepared: scans as they are before any harmonisation.
        cohort: roles; rows that are unused are left out.
        most: rows in all; of more, an even share of each site, spread over its rows.
    """
    used = [i for i in range(len(cohort.catalogue.items))
            if cohort.role[i] != "unused" and cohort.split[i] != "unused" and prepared.kept[i]]
    items = cohort.catalogue.items
    names = tuple(dict.fromkeys(items[i].site for i in used))
    drawn_as = names_in_seeds(names)
    sites = tuple(sorted(names, key=drawn_as.__getitem__))
    all_rows = np.array(used, dtype=np.int64)
    units, blocks = units_of_rows(cohort, all_rows)
    chosen: list[int] = []
    left, remaining = most, len(sites)
    by_site = {site: [k for k, i in enumerate(used) if items[i].site == site] for site in sites}
    for site in sorted(sites, key=lambda name: len(by_site[name])):
        places = by_site[site]
        count = min(len(places), left // remaining)
        chosen += [places[k * len(places) // count] for k in range(count)]
        left, remaining = left - count, remaining - 1
    keep = np.array(sorted(chosen), dtype=np.int64)
    rows = all_rows[keep]
    return Measured(
        rows=rows,
        site=np.array([items[int(i)].site for i in rows], dtype=np.str_),
        sites=sites,
        unit=units[keep],
        in_blocks=blocks[keep],
        labels=cohort.catalogue.labels[rows].astype(np.float64),
        features=tuple(features_of(middle(prepared.array(int(i)))) for i in rows),
    )
