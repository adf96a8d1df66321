"""A split that the data's authors published: read through the card's mapping, with crossing patients moved out."""
from __future__ import annotations

from collections.abc import MutableSequence, Sequence

from medtl.data.policy import PublishedSplit, SplitPolicy
from medtl.errors import DataError
from medtl.types import Catalogue, Split

PARTS: dict[str, PublishedSplit] = {"train": "train", "val": "val", "test": "test"}
_STRENGTH: dict[Split, int] = {"unused": -1, "train": 0, "adapt": 0, "val": 1, "test": 2}


def mapped(
    catalogue: Catalogue, site: str, rows: Sequence[int], policy: SplitPolicy, notes: MutableSequence[str]
) -> dict[int, PublishedSplit] | None:
    """What each published row serves as.

    Args:
        catalogue: the table.
        site: hospital.
        rows: its positions.
        policy: the card's.
        notes: gets a line if part of the rows is outside the published split.

    Returns:
        Position to part, or None where no published split is to be used.

    Raises:
        DataError: the card asks for a published split that the table does not have, or that has no training part.
    """
    given: dict[int, PublishedSplit] = {}
    for row in rows:
        part = catalogue.items[row].split
        if part in PARTS:
            given[row] = PARTS[part]
    if policy.policy in ("patient", "blocks") or (policy.policy == "auto" and not given):
        return None
    if not given:
        raise DataError(f"{site}: the card asks for a published split, but the split column is blank; name the column "
                        f"in the card's source, or set policy: patient")
    if policy.published is not None:
        given = {row: policy.published[part] for row, part in given.items() if part in policy.published}
    if "train" not in given.values():
        raise DataError(f"{site}: the published split has no train part; correct the card's split.published")
    if len(given) < len(rows):
        notes.append(f"{site}: {len(rows) - len(given)} scans outside the published split are not used")
    return given


def without_crossings(
    catalogue: Catalogue, site: str, rows: Sequence[int], split: MutableSequence[Split]
) -> list[str]:
    """Takes patients on both sides of a published split out of the weaker side, in place.

    Test outlasts val, and val outlasts train, so that what others report on stays as published.

    Args:
        catalogue: the table.
        site: hospital.
        rows: its positions.
        split: per row of the catalogue; changed.

    Returns:
        One note, or none.
    """
    strongest: dict[str, Split] = {}
    for row in rows:
        patient = catalogue.items[row].patient or f"study {catalogue.items[row].study}"
        if _STRENGTH[split[row]] > _STRENGTH[strongest.get(patient, "unused")]:
            strongest[patient] = split[row]
    moved = 0
    patients = set()
    for row in rows:
        patient = catalogue.items[row].patient or f"study {catalogue.items[row].study}"
        if split[row] != "unused" and split[row] != strongest[patient]:
            split[row] = "unused"
            moved += 1
            patients.add(patient)
    if not moved:
        return []
    return [f"{site}: {len(patients)} patients are on both sides of the published split; {moved} of their scans were "
            f"moved out of training"]
