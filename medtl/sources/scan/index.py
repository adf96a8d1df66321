"""The first pass over a tree: every file's place, with the paths on disk rather than in memory."""
from __future__ import annotations

import itertools
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from medtl.io.read import Format
from medtl.io.reasons import Reason
from medtl.progress import Progress, doing
from medtl.sources.scan.header import Place, StudyFacts, places_of
from medtl.sources.scan.walk import files_below
from medtl.sources.scan.workers import Crew

CHUNK = 256
FEW = 16 * CHUNK
"""Files below which to start processes costs more than it saves, where only headers are read."""


@dataclass
class SeriesEntry:
    """A series as the first pass knows it.

    Attributes:
        series: short id.
        study: short id.
        format: of its files.
        files: how many.
        mark: sum of the files' fingerprints.
    """

    series: str
    study: str
    format: Format
    files: int = 0
    mark: int = 0


@dataclass
class TreeIndex:
    """What lies in a tree.

    Attributes:
        studies: facts by short id.
        series: entries by short id.
        skipped: how many files were passed over, by reason.
        files: how many were looked at.
    """

    studies: dict[str, StudyFacts] = field(default_factory=dict)
    series: dict[str, SeriesEntry] = field(default_factory=dict)
    skipped: Counter[Reason] = field(default_factory=Counter)
    files: int = 0
    _paths: sqlite3.Connection = field(default_factory=lambda: _table(), repr=False)

    def paths(self, series: str) -> tuple[str, ...]:
        """The files of a series, private."""
        rows = self._paths.execute("SELECT path FROM files WHERE series = ? ORDER BY rowid", (series,))
        return tuple(os.fsdecode(row[0]) for row in rows)

    def ordered(self) -> list[SeriesEntry]:
        """Series by study, in an order that is a fact of the data: of UIDs, and of names only for bare images."""
        return sorted(self.series.values(), key=lambda each: (self.studies[each.study].order, each.series))

    def add(self, places: Iterable[Place]) -> None:
        """Takes in where files belong."""
        rows = []
        for place in places:
            entry = self.series.get(place.series)
            if entry is None:
                entry = self.series[place.series] = SeriesEntry(place.series, place.study, place.format)
            entry.files += 1
            entry.mark = (entry.mark + place.mark) % (1 << 64)
            rows.append((place.series, os.fsencode(place.path)))
        self._paths.executemany("INSERT INTO files VALUES (?, ?)", rows)

    def close(self) -> None:
        """Forgets the paths."""
        self._paths.close()


@dataclass(frozen=True)
class _Chunk:
    paths: tuple[str, ...] = field(repr=False)
    root: str = field(repr=False)
    salt: bytes = field(repr=False)


@dataclass(frozen=True)
class _Found:
    places: list[Place]
    studies: dict[str, StudyFacts]
    skipped: Counter[Reason]


def index_tree(
    root: Path, salt: bytes, *, crew: Crew, skip: Path | None = None, progress: Progress | None = None
) -> TreeIndex:
    """Reads every header of a tree once.

    Args:
        root: the folder.
        salt: the project's secret.
        crew: does the reading.
        skip: a folder below that is left out.
        progress: where to report to.

    Returns:
        The index; close it when done.
    """
    index = TreeIndex()
    chunks = _chunks(root, salt, skip, index)
    first = list(itertools.islice(chunks, -(-FEW // CHUNK)))
    many = sum(len(chunk.paths) for chunk in first) >= FEW
    with doing(progress, "reading headers") as shown:
        every = itertools.chain(first, chunks)
        for chunk, found in crew.results(read_chunk, every, alone=not many, harmless=True):
            index.files += len(chunk.paths)
            shown.advance(len(chunk.paths))
            if found is None:
                index.skipped[Reason.UNREADABLE_FILE] += len(chunk.paths)
                continue
            index.skipped.update(found.skipped)
            for study, facts in found.studies.items():
                known = index.studies.get(study)
                if known is None or facts.first < known.first:
                    index.studies[study] = facts
            index.add(found.places)
    index._paths.execute("CREATE INDEX of_series ON files (series)")
    return index


def read_chunk(chunk: _Chunk) -> _Found:
    """Reads the headers of some files; a worker's job."""
    found = _Found([], {}, Counter())
    for path in chunk.paths:
        placed = places_of(path, chunk.root, chunk.salt, found.studies)
        if isinstance(placed, Reason):
            found.skipped[placed] += 1
        else:
            found.places.extend(placed)
    return found


def _chunks(root: Path, salt: bytes, skip: Path | None, index: TreeIndex) -> Iterator[_Chunk]:
    gathered: list[str] = []
    for path, reason in files_below(root, skip):
        if reason is not None:
            index.skipped[reason] += 1
            continue
        gathered.append(path)
        if len(gathered) == CHUNK:
            yield _Chunk(tuple(gathered), os.fspath(root), salt)
            gathered = []
    if gathered:
        yield _Chunk(tuple(gathered), os.fspath(root), salt)


def _table() -> sqlite3.Connection:
    connection = sqlite3.connect("")  # without a name: in memory while small, else in a file that nobody else can open
    connection.execute("PRAGMA cache_size = -256")  # KiB held in memory, whatever the tree's size
    connection.execute("CREATE TABLE files (series TEXT, path BLOB)")
    return connection
