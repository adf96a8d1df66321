"""Holds a data card against its files: every count is computed again."""
from __future__ import annotations

import math
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from medtl.data.card_schema import Card, SiteCard
from medtl.errors import ConfigError
from medtl.progress import Progress
from medtl.sources.manifest import Manifest
from medtl.types import Catalogue

PREVALENCE_DIGITS = 0.0006
"""A card states shares to three digits."""


@dataclass(frozen=True)
class Drift:
    """One statement of a card that its files do not bear out.

    Attributes:
        site: hospital, empty for the whole set.
        what: the key below the site, dotted.
        stated: by the card.
        found: in the files.
    """

    site: str
    what: str
    stated: str
    found: str

    @property
    def line(self) -> str:
        """For people."""
        key = ".".join(filter(None, ("sites", self.site, self.what)))
        return f"{key}: the card states {self.stated}, found {self.found}"


@dataclass(frozen=True)
class Measured:
    """What the files say of one site."""

    studies: int
    patients: int | None
    scanners: tuple[str, ...]
    classes: dict[str, dict[str, int]]

    def prevalence(self, label: str) -> float:
        """Share of the last class among studies with a known label; NaN without any."""
        counts = list(self.classes[label].values())
        return counts[-1] / sum(counts) if sum(counts) else math.nan


class CardLabels:
    """All label columns of a card at once, each with its own vocabulary."""

    kind = "multilabel"

    def __init__(self, card: Card) -> None:
        self._card = card
        self.label_names = tuple(card.labels)

    def encode(self, raw: Sequence[str]) -> tuple[float, ...]:
        """Cells to class indices; NaN for a blank."""
        numbers = []
        for (name, label), cell in zip(self._card.labels.items(), raw, strict=True):
            if not cell and not label.unknown:
                raise ValueError(f"label {name!r} is blank, and the card does not allow unknown")
            if cell and cell not in label.classes:
                raise ValueError(f"label {name!r}: {cell!r} is not in the vocabulary {', '.join(label.classes)}")
            numbers.append(float(label.classes.index(cell)) if cell else math.nan)
        return tuple(numbers)


def check_card(card: Card, root: Path | None = None, *, progress: Progress | None = None) -> list[Drift]:
    """Recomputes every count that a card states.

    Args:
        card: the card.
        root: folder of the scans; the card's own if None.
        progress: where to report to.

    Returns:
        What differs, in the order of the card; empty where it holds.

    Raises:
        ConfigError: nobody says where the scans are.
        DataError: the table itself is wrong.
    """
    measured = measure(card, root, progress=progress)
    drifts = [Drift(site, "", "this site", "no study of it") for site in card.sites if site not in measured]
    drifts += [Drift(site, "", "nothing", f"{found.studies} studies")
               for site, found in measured.items() if site not in card.sites]
    for site, stated in card.sites.items():
        if site in measured:
            drifts += _drifts(site, stated, measured[site])
    return drifts


def measure(card: Card, root: Path | None = None, *, progress: Progress | None = None) -> dict[str, Measured]:
    """What the files say of each site.

    Args:
        card: names the source and the labels.
        root: folder of the scans; the card's own if None.
        progress: where to report to.

    Returns:
        Counts per site, in order of first appearance.

    Raises:
        ConfigError: nobody says where the scans are.
        DataError: the table itself is wrong.
    """
    root = root or card.default_root
    if root is None:
        raise ConfigError(f"the card {card.name} does not say where its scans are; name the folder with --root FOLDER")
    source = card.build_source()
    if isinstance(source, Manifest):
        source = replace(source, sites=())  # a site that the card does not know is drift, not a wrong row
    catalogue = source.catalogue(
        root=root, task=CardLabels(card), salt=secrets.token_bytes(16), progress=progress
    )
    sites: dict[str, list[int]] = {}
    for row, item in enumerate(catalogue.items):
        sites.setdefault(item.site, []).append(row)
    return {site: _measured(card, catalogue, rows) for site, rows in sites.items()}


def _measured(card: Card, catalogue: Catalogue, rows: Iterable[int]) -> Measured:
    items = [catalogue.items[row] for row in rows]
    patients = {item.patient for item in items}
    classes: dict[str, dict[str, int]] = {}
    for column, (name, label) in enumerate(card.labels.items()):
        classes[name] = {
            text: len({item.study for item in items if item.labels[column] == float(index)})
            for index, text in enumerate(label.classes)
        }
    return Measured(
        studies=len({item.study for item in items}),
        patients=None if "" in patients else len(patients),
        scanners=tuple(sorted({item.scanner for item in items if item.scanner})),
        classes=classes,
    )


def _drifts(site: str, stated: SiteCard, found: Measured) -> list[Drift]:
    drifts = []
    if stated.studies is not None and stated.studies != found.studies:
        drifts.append(Drift(site, "studies", str(stated.studies), str(found.studies)))
    if stated.patients is not None and stated.patients != found.patients:
        known = "patients unknown" if found.patients is None else str(found.patients)
        drifts.append(Drift(site, "patients", str(stated.patients), known))
    if found.scanners and stated.scanners and tuple(sorted(stated.scanners)) != found.scanners:
        drifts.append(Drift(site, "scanners", ", ".join(stated.scanners), ", ".join(found.scanners)))
    for label, counts in stated.classes.items():
        for name, count in counts.items():
            there = found.classes[label].get(name, 0)
            if there != count:
                drifts.append(Drift(site, f"classes.{label}.{name}", str(count), str(there)))
    for label, share in stated.prevalence.items():
        measured = found.prevalence(label)
        if not np.isfinite(measured) or abs(measured - share) > PREVALENCE_DIGITS:
            drifts.append(Drift(site, f"prevalence.{label}", f"{share:g}", f"{measured:.3f}"))
    return drifts
