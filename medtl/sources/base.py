"""What a source is: options that become a catalogue.

A source is a frozen dataclass in ``medtl/sources/NAME.py`` (or a package of that name); its fields are the options
that a card's ``source`` block may give.
"""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from medtl.progress import Progress
from medtl.types import Catalogue

SHOWN = 10
"""Lines that one message shows of one kind of mistake."""


class Labelling(Protocol):
    """The part of a task that tables need: which columns, and what their cells mean. Every task has it."""

    @property
    def kind(self) -> str:
        """binary, multiclass, multilabel or regression."""

    @property
    def label_names(self) -> tuple[str, ...]:
        """Columns that it reads."""

    def encode(self, raw: Sequence[str]) -> tuple[float, ...]:
        """Cells to numbers, NaN for a blank; ValueError for a value outside the vocabulary."""


class Source(Protocol):
    """Where studies come from."""

    def catalogue(self, *, root: Path, task: Labelling, salt: bytes, progress: Progress | None = None) -> Catalogue:
        """Lists the studies under a folder, in an order that depends on neither ids nor file names where it can.

        Args:
            root: the data set's folder.
            task: gives the label columns and encodes their cells.
            salt: the project's secret for short ids.
            progress: where to report to.

        Returns:
            The table of scans.

        Raises:
            DataError: the table or the folder is not what the source reads; all mistakes at once.
        """


def at_most_ten(lines: Sequence[str], *, limit: int = SHOWN) -> tuple[str, ...]:
    """The first lines, and how many more there are.

    Args:
        lines: one per mistake.
        limit: how many lines there may be.

    Returns:
        All lines if they are few; else the first ones and, as the last of ``limit``, "and N more".
    """
    if len(lines) <= limit:
        return tuple(lines)
    return (*lines[: limit - 1], f"and {len(lines) - limit + 1} more")
