"""``check`` and ``scan``: what a card states against its files, and what a folder of scans holds."""
from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from medtl.atomic import write_json
from medtl.data.cards import Card, check_card, load_card
from medtl.data.croissant import to_croissant
from medtl.errors import DataError
from medtl.io.identity import project_salt
from medtl.progress import QUIET, Progress
from medtl.sources.scan import Intake, scan_tree
from medtl.sources.scan.labels import On


@dataclass(frozen=True)
class Checked:
    """A card whose every count was found in its files.

    Attributes:
        name: of the card.
        sites: how many hospitals.
        croissant: the card as Croissant JSON-LD, where that was asked for.
    """

    name: str
    sites: int
    croissant: Path | None = None

    def __str__(self) -> str:
        held = f"{self.name}: every count of its {self.sites} sites was found in the files"
        return held if self.croissant is None else f"{held}\nCroissant: {self.croissant}"


def check(
    card: str, *, root: Path | None = None, croissant: Path | None = None, progress: Progress | None = None
) -> Checked:
    """Recomputes every count of a card from its files.

    Args:
        card: a card's name or file.
        root: the folder of the scans; the card's own if None.
        croissant: a file to write the card to as Croissant JSON-LD, once it holds.
        progress: where to report to.

    Returns:
        What was checked.

    Raises:
        ConfigError: the card itself is wrong.
        DataError: the files differ from what it states, one line each; or its data have no table for Croissant.
    """
    read = load_card(card)
    drifts = check_card(read, root, progress=progress or QUIET)
    if drifts:
        raise DataError(f"{read.name}: the card and its files differ; correct whichever is wrong",
                        *(drift.line for drift in drifts))
    if croissant is not None:
        today = time.strftime("%Y-%m-%d", time.gmtime())
        write_json(croissant, to_croissant(read, table_of(read, root), published=today))
    return Checked(read.name, len(read.sites), croissant)


def table_of(card: Card, root: Path | None) -> Path:
    """The table of a card's studies: its manifest, or the labels of its tree.

    Args:
        card: the data.
        root: the folder of the scans; the card's own if None.

    Raises:
        DataError: a tree without a label table.
    """
    folder = root or card.default_root or Path()
    options = card.source.options
    name = options.get("labels", "") if card.source.name == "dicom_tree" else options.get("file", "manifest.csv")
    if not name:
        raise DataError(f"{card.name}: Croissant describes a table, and the card's tree has none; scan it with "
                        "--labels and let the card's source name the catalogue")
    return next((place for place in (folder / name, Path(name)) if place.is_file()), folder / name)


def scan(
    folder: Path,
    out: Path,
    *,
    labels: Path | None = None,
    on: str | None = None,
    label_names: Sequence[str] = (),
    workers: int | None = None,
    pixels: bool = True,
    progress: Progress | None = None,
) -> Intake:
    """Judges every series of a folder and writes what was found; see :func:`medtl.sources.scan.scan_tree`.

    Args:
        folder: any tree of DICOM, NIfTI and raster files.
        out: the catalogue's file, or a folder for it and what stands beside it.
        labels: a CSV to join.
        on: what its keys are: accession, patient or study.
        label_names: its label columns; empty for those that can hardly identify anybody.
        workers: processes; None for one per CPU.
        pixels: False judges by headers alone.
        progress: where to report to.

    Returns:
        The result; its ``exit_code`` is 3 when no series can be read.

    Raises:
        DataError: no such folder, no file in it, or a label table that cannot be joined.
        ConfigError: ``labels`` without ``on``, or the reverse, or an unknown key.
    """
    return scan_tree(
        folder, out=out, labels=labels, on=cast(On | None, on), label_names=label_names, workers=workers,
        pixels=pixels, progress=progress or QUIET, salt=project_salt(),
    )
