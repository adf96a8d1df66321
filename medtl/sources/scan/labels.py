"""A label table, joined to studies under salted keys: its own keys are never kept or written."""
from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from medtl.errors import ConfigError, DataError
from medtl.sources.base import at_most_ten
from medtl.sources.manifest import read_table
from medtl.sources.scan.header import StudyFacts, join_key
from medtl.types import nearest

On = Literal["accession", "patient", "study"]

MOST_VALUES = 20
"""A column of more values than this is no label of classes."""

_COLUMNS: dict[str, tuple[str, ...]] = {
    "accession": ("accession", "accessionnumber", "acc", "accessionno"),
    "patient": ("patient", "patientid", "mrn", "pid", "subject", "subjectid"),
    "study": ("study", "studyid", "studyuid", "studyinstanceuid", "path", "file", "filename", "name"),
}
_IDENTIFYING = re.compile(
    r"name|birth|dob|date|address|phone|mail|mrn|accession|uid|(^|_)id$|patient|insurance|ssn|path|file|comment|note|text",
    re.IGNORECASE)


@dataclass(frozen=True)
class LabelTable:
    """Labels by hashed key.

    Attributes:
        on: what the keys are keys of.
        names: label columns.
        values: cells by hashed key.
        left_out: how many columns were not taken as labels.
        rows: of the table.
    """

    on: On | Literal["id"]
    names: tuple[str, ...]
    values: dict[str, tuple[str, ...]] = field(repr=False)
    left_out: int = 0
    rows: int = 0

    def of(self, facts: StudyFacts) -> tuple[str, ...] | None:
        """The labels of a study, or None when the table does not know it."""
        for key in (facts.study,) if self.on == "id" else facts.keys.get(self.on, ()):
            if key in self.values:
                return self.values[key]
        return None


def read_labels(file: Path, on: On, salt: bytes, wanted: Sequence[str] = ()) -> LabelTable:
    """Reads a label table.

    Args:
        file: CSV with a column of keys and columns of labels.
        on: what the keys are: accession numbers, patient ids, or study UIDs (for bare images their file names).
        salt: the project's secret.
        wanted: label columns; by default every column that can hardly identify anybody: few values, each of which
            occurs twice on average, under a name that does not speak of names, ids or dates.

    Returns:
        The table, its keys hashed.

    Raises:
        ConfigError: an unknown kind of key, no key column, or a wanted column that is not there.
        DataError: the table cannot be read, or gives one key different labels; rows are named by number.
    """
    if on not in _COLUMNS:
        hint = nearest(on, tuple(_COLUMNS))
        raise ConfigError(f"--on {on!r}: expected accession, patient or study"
                          + (f"; did you mean {hint}?" if hint else ""))
    header, rows = read_table(file)
    key = _key_column(header, on)
    names = [name for name in header if name != key]
    if wanted:
        missing = [name for name in wanted if name not in names]
        if missing:
            there = ", ".join(names)
            raise ConfigError(*(f"the label table has no column {name!r}; it has {there}" for name in missing))
        taken = list(wanted)
    else:
        taken = [name for name in names if _is_label(name, [cells[header.index(name)] for _, cells in rows
                                                             if len(cells) == len(header)])]
    if not taken:
        raise DataError("the label table has no column that can be taken as a label; name it with --label")
    values: dict[str, tuple[str, ...]] = {}
    first: dict[str, int] = {}
    mistakes: list[str] = []
    for number, cells in rows:
        if len(cells) != len(header):
            mistakes.append(f"labels, row {number}: {len(cells)} cells, expected {len(header)}")
            continue
        row = dict(zip(header, (text.strip() for text in cells), strict=True))
        if not row[key]:
            mistakes.append(f"labels, row {number}: no {key}")
            continue
        hashed = join_key(salt, on, row[key])
        labels = tuple(row[name] for name in taken)
        if values.setdefault(hashed, labels) != labels:
            mistakes.append(f"labels, row {number}: other labels than row {first[hashed]} for the same {key}")
        first.setdefault(hashed, number)
    if mistakes:
        raise DataError(*at_most_ten(mistakes))
    return LabelTable(on, tuple(taken), values, len(names) - len(taken), len(rows))


def read_ids(file: Path, wanted: Sequence[str]) -> LabelTable:
    """Reads the labels of a catalogue that a scan wrote: its keys are short ids already.

    Args:
        file: CSV with the columns study and the labels.
        wanted: label columns.

    Returns:
        The table, by short id.

    Raises:
        ConfigError: a column that is not there.
        DataError: the table cannot be read.
    """
    header, rows = read_table(file)
    missing = [name for name in ("study", *wanted) if name not in header]
    if missing:
        there = ", ".join(header)
        raise ConfigError(*(f"the label table has no column {name!r}; it has {there}" for name in missing))
    at = [header.index(name) for name in wanted]
    key = header.index("study")
    values = {cells[key].strip(): tuple(cells[n].strip() for n in at) for _, cells in rows if len(cells) == len(header)}
    return LabelTable("id", tuple(wanted), values, 0, len(rows))


def _key_column(header: Sequence[str], on: On) -> str:
    folded = {re.sub(r"[\W_]", "", name.casefold()): name for name in header}
    for known in _COLUMNS[on]:
        if known in folded:
            return folded[known]
    raise ConfigError(f"the label table has no column of {on}s; expected one named {on}, it has {', '.join(header)}")


def _is_label(name: str, cells: Sequence[str]) -> bool:
    known = [text.strip() for text in cells if text.strip()]
    distinct = set(known)
    return (not _IDENTIFYING.search(name) and 1 <= len(distinct) <= MOST_VALUES and len(known) >= 2 * len(distinct)
            and max(map(len, distinct)) <= 40)
