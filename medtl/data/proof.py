"""The proof of a split: counts per site, split and class, and no patient in two of them."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from medtl.errors import DataError
from medtl.sources.base import SHOWN, Labelling, at_most_ten
from medtl.types import Cohort, Role, Split


@dataclass(frozen=True)
class SplitCount:
    """Studies of one class in one split of one site.

    Attributes:
        site: hospital.
        role: source or target.
        split: its part.
        name: class, ``LABEL=VALUE`` for several labels, ``unknown`` for studies without a label, ``all`` for the sum.
        studies: how many.
        patients: how many, or None where some are unknown.
    """

    site: str
    role: Role
    split: Split
    name: str
    studies: int
    patients: int | None


@dataclass(frozen=True)
class SplitTable:
    """All counts of a cohort, in the order of sites and splits."""

    counts: tuple[SplitCount, ...]

    def as_dicts(self) -> list[dict[str, Any]]:
        """Rows for split.json: site, role, split, class, studies, patients."""
        rows = []
        for count in self.counts:
            row = asdict(count)
            row["class"] = row.pop("name")
            rows.append({key: row[key] for key in ("site", "role", "split", "class", "studies", "patients")})
        return rows


def proof(cohort: Cohort, class_names: Sequence[str] | None = None) -> SplitTable:
    """Counts a cohort and shows that its splits are apart.

    Args:
        cohort: roles and splits.
        class_names: names for the values 0, 1, … of a single label column; empty where it holds numbers.

    Returns:
        The table that is printed and stored.

    Raises:
        DataError: a patient, or a study of an unknown patient, is in two splits.
    """
    seen: dict[str, int] = {}
    crossing = []
    groups: dict[tuple[str, Role, Split], list[int]] = {}
    for row, item in enumerate(cohort.catalogue.items):
        role, split = cohort.role[row], cohort.split[row]
        if role == "unused":
            continue
        groups.setdefault((item.site, role, split), []).append(row)
        if split == "unused":
            continue
        for key in (f"patient {item.patient}", f"study {item.study}") if item.patient else (f"study {item.study}",):
            first = seen.setdefault(key, row)
            if (cohort.role[first], cohort.split[first]) != (role, split):
                crossing.append(f"row {item.row}: {key} is in {role} {split} at {item.site}, and by row "
                                f"{cohort.catalogue.items[first].row} in {cohort.role[first]} {cohort.split[first]}")
                break
    if crossing:
        raise DataError("the split leaks; give all rows of a patient one split",
                        *at_most_ten(crossing, limit=SHOWN - 1))
    order = {"train": 0, "val": 1, "test": 2, "adapt": 1, "unused": 3}
    counts = [
        count for (site, role, split), rows in sorted(groups.items(), key=lambda g: (
            g[0][1] != "source", _first(cohort, g[0][0]), order[g[0][2]]))
        for count in _counts(cohort, site, role, split, rows, class_names)
    ]
    return SplitTable(tuple(counts))


def _first(cohort: Cohort, site: str) -> int:
    return next(row for row, item in enumerate(cohort.catalogue.items) if item.site == site)


def _counts(
    cohort: Cohort, site: str, role: Role, split: Split, rows: list[int], class_names: Sequence[str] | None
) -> list[SplitCount]:
    items = cohort.catalogue.items
    names = cohort.catalogue.label_names
    classes: dict[str, list[int]] = {"all": rows}
    for row in rows:
        known = [(name, value) for name, value in zip(names, items[row].labels, strict=True) if not np.isnan(value)]
        for name, value in known:
            if class_names == ():
                classes.setdefault(name, []).append(row)
                continue
            plain = class_names is not None and len(names) == 1 and float(value).is_integer()
            text = class_names[int(value)] if plain and class_names is not None else f"{name}={value:g}"
            if not float(value).is_integer():
                text = name  # a number, not a class
            classes.setdefault(text, []).append(row)
        if not known:
            classes.setdefault("unknown", []).append(row)
    ordered = sorted(classes, key=lambda text: (text == "all", text == "unknown", text))
    return [
        SplitCount(site, role, split, text, len({items[row].study for row in classes[text]}),
                   None if any(not items[row].patient for row in classes[text])
                   else len({items[row].patient for row in classes[text]}))
        for text in ordered
    ]


def check_sizes(cohort: Cohort, task: Labelling | None) -> Cohort:
    """Refuses parts that are too small, and notes source tests in which nothing can be estimated.

    Target labels are not looked at: a target of one class is met by "not estimable" in the report.

    Args:
        cohort: roles and splits.
        task: classification needs two classes.

    Returns:
        The cohort, perhaps with more notes.

    Raises:
        DataError: a part with fewer than two studies, or source training or validation of one class only.
    """
    items = cohort.catalogue.items
    lines = []
    notes = []
    sites: dict[tuple[str, Role], None] = {}
    for row, item in enumerate(items):
        if cohort.role[row] != "unused":
            sites.setdefault((item.site, cohort.role[row]))
    classification = task is not None and task.kind != "regression"
    for site, role in sites:
        parts: tuple[Split, ...] = ("train", "val", "test") if role == "source" else ("adapt", "test")
        for part in parts:
            rows = [int(row) for row in cohort.rows(role, part) if items[row].site == site]
            studies = len({items[row].study for row in rows})
            if studies < 2:
                lines.append(f"{site}: {studies} studies in its {role} {part} part, expected at least 2; add studies, "
                             f"or give the site another split in its card")
            elif classification and role == "source" and not _two_classes(cohort, rows):
                only = [s for s, r in sites if r == "source"] == [site]
                message = f"{site}: one class only in its source {part} part"
                if only:
                    lines.append(f"{message}; two are needed to train and to measure")
                else:
                    notes.append(f"{message}; what needs two classes is not estimable there")
    pooled: tuple[Split, ...] = ("train", "val") if classification and not lines else ()
    if any(role == "source" for role in cohort.role):
        for part in pooled:
            if not _two_classes(cohort, [int(row) for row in cohort.rows("source", part)]):
                names = ", ".join(site for site, role in sites if role == "source")
                lines.append(f"{names}: one class only in the source {part} part of all source sites together")
    if lines:
        raise DataError(*at_most_ten(lines))
    return replace(cohort, notes=(*cohort.notes, *notes))


def _two_classes(cohort: Cohort, rows: Sequence[int]) -> bool:
    labels = cohort.catalogue.labels[list(rows)]
    return any(len(set(column[~np.isnan(column)].tolist())) > 1 for column in labels.T)
