"""``check`` and ``scan``: what a card states against its files, and what a folder of scans holds."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medtl.data.cards import check_card, load_card
from medtl.errors import DataError
from medtl.io.identity import project_salt
from medtl.progress import QUIET, Progress


@dataclass(frozen=True)
class Checked:
    """A card whose every count was found in its files.

    Attributes:
        name: of the card.
        sites: how many hospitals.
    """

    name: str
    sites: int

    def __str__(self) -> str:
        return f"{self.name}: every count of its {self.sites} sites was found in the files"


def check(card: str, *, root: Path | None = None, progress: Progress | None = None) -> Checked:
    """Recomputes every count of a card from its files.

    Args:
        card: a card's name or file.
        root: the folder of the scans; the card's own if None.
        progress: where to report to.

    Returns:
        What was checked.

    Raises:
        ConfigError: the card itself is wrong.
        DataError: the files differ from what it states, one line each.
    """
    read = load_card(card)
    drifts = check_card(read, root, progress=progress or QUIET)
    if drifts:
        raise DataError(f"{read.name}: the card and its files differ; correct whichever is wrong",
                        *(drift.line for drift in drifts))
    return Checked(read.name, len(read.sites))


def scan(folder: Path, out: Path, *, progress: Progress | None = None, **options: Any) -> Any:
    """Reads a folder of scans: a verdict per series, a row per study; see :func:`medtl.sources.scan.scan_tree`."""
    from medtl.sources.scan import scan_tree

    return scan_tree(folder, out=out, salt=project_salt(), progress=progress or QUIET, **options)
