"""The scan of a tree: two passes, one volume in memory at a time, and tables in which nobody can be found."""
from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from medtl.atomic import write_bytes, write_json, write_text
from medtl.errors import ConfigError, DataError
from medtl.io.identity import project_salt, remember_all
from medtl.io.read import Choice
from medtl.io.reasons import Reason
from medtl.progress import Progress, doing
from medtl.sources.scan.findings import findings
from medtl.sources.scan.header import StudyFacts
from medtl.sources.scan.index import FEW as FEW_HEADERS
from medtl.sources.scan.index import SeriesEntry, TreeIndex, index_tree
from medtl.sources.scan.intake import Intake
from medtl.sources.scan.journal import Journal
from medtl.sources.scan.judge import Judged, SeriesJob, judge, lost
from medtl.sources.scan.labels import LabelTable, On, read_labels
from medtl.sources.scan.proposal import propose_card
from medtl.sources.scan.record import SeriesRow
from medtl.sources.scan.study import StudyRow, study_rows
from medtl.sources.scan.workers import Crew, default_workers

CATALOGUE, SERIES, INTAKE, CARD, PICTURES = "catalogue.csv", "series.csv", "intake.json", "card.yaml", "thumbnails"
MOST_PICTURES = 200
FEW = 512
"""Files below which to start processes costs more than it saves, where pixels are read."""


@dataclass(frozen=True)
class _Pass:
    """What the second pass leaves: rows in the order of the data, and pictures by series."""

    rows: tuple[SeriesRow, ...]
    pictures: dict[str, bytes]
    resumed: int


def scan_tree(
    folder: Path, *, out: Path, labels: Path | None = None, on: On | None = None, label_names: Sequence[str] = (),
    workers: int | None = None, progress: Progress | None = None, salt: bytes | None = None, resume: bool = True,
    pixels: bool = True, rule: Choice | None = None,
) -> Intake:
    """Judges every series below a folder and writes what was found, free of identifiers.

    Written beside each other: ``series.csv`` (a row per series), the catalogue (a row per study, with the series chosen
    and why), ``intake.json``, a proposed ``card.yaml``, and masked thumbnails of series that may carry burned-in text.
    Which path a short id stands for goes to the one private file that ``medtl where`` reads. An interrupted scan goes
    on where it stopped; a finished one starts anew.

    Args:
        folder: any tree of DICOM, NIfTI and raster files.
        out: the catalogue's file (``catalogue.csv``), or a folder for all of it.
        labels: a CSV to join.
        on: what the label table's keys are: accession, patient or study.
        label_names: its label columns; None for those that can hardly identify anybody.
        workers: processes; None for one per CPU, 1 for this one alone.
        progress: where to report to.
        salt: the project's secret; that of the current folder if None.
        resume: take over what an interrupted scan left.
        pixels: False judges by headers alone, which is much faster and sees neither damage nor burned-in text.
        rule: which series stands for a study, if not the thinnest complete axial original.

    Returns:
        The result. Its ``exit_code`` is 0, or 3 when nothing can be read.

    Raises:
        DataError: no such folder, no file in it, or a label table that cannot be joined.
        ConfigError: ``labels`` without ``on``, or the reverse, or an unknown key.
    """
    if not folder.is_dir():
        raise DataError("the folder to scan does not exist or is a file; check the path")
    salt = salt or project_salt()
    table = _labels(labels, on, salt, label_names)
    catalogue = out if out.suffix.lower() == ".csv" else out / CATALOGUE
    target = catalogue.parent
    unfinished = target / f".{catalogue.stem}.partial.jsonl"
    with Crew(default_workers() if workers is None else max(1, workers)) as crew, closing(
        index_tree(folder, salt, crew=crew, skip=target / PICTURES, progress=progress)
    ) as index:
        if not index.files and not index.skipped:
            raise DataError("the folder to scan holds no file; check the path")
        done = _judge_all(index, salt, unfinished, crew, progress, resume, pixels)
        remember_all(_homes(index, folder))
        studies = study_rows(done.rows, index.studies, table, rule)
        found = findings(studies, table)
        pictures = dict(sorted(done.pictures.items())[:MOST_PICTURES])
        written = (catalogue.name, SERIES, INTAKE, CARD, *((PICTURES,) if pictures else ()))
        intake = Intake(studies, index.files, index.skipped, found, table, done.resumed, pixels, target, written)
        _write(intake, catalogue, index.studies, pictures)
    unfinished.unlink(missing_ok=True)
    return intake


def _labels(file: Path | None, on: On | None, salt: bytes, names: Sequence[str]) -> LabelTable | None:
    if file is None and on is None:
        return None
    if file is None or on is None:
        raise ConfigError("--labels and --on go together: --labels labels.csv --on accession|patient|study")
    return read_labels(file, on, salt, names)


def _judge_all(
    index: TreeIndex, salt: bytes, journal_file: Path, crew: Crew, progress: Progress | None, resume: bool, pixels: bool
) -> _Pass:
    journal = Journal(journal_file, salt=salt, pixels=pixels, resume=resume)
    entries = index.ordered()
    found: dict[str, tuple[Judged, ...]] = {}
    todo: list[SeriesEntry] = []
    for entry in entries:
        known = journal.judged(entry.series, entry.mark)
        if known is None:
            todo.append(entry)
        else:
            found[entry.series] = known
    resumed = len(found)
    jobs = (SeriesJob(e.series, e.study, e.format, index.paths(e.series), salt, pixels) for e in todo)
    marks = {entry.series: entry.mark for entry in todo}
    few = sum(entry.files for entry in todo) < (FEW if pixels else FEW_HEADERS)
    try:
        with doing(progress, "judging series", len(todo)) as shown:
            for job, judged in crew.results(judge, jobs, alone=few, harmless=not pixels):
                kept = judged if judged is not None else (lost(job, Reason.CORRUPT_PIXELS),)
                found[job.series] = kept
                journal.note(job.series, marks[job.series], kept)
                shown.advance()
    finally:
        journal.close()
    ordered = [each for entry in entries for each in found[entry.series]]
    pictures = {each.row.series: each.picture for each in ordered if each.picture is not None}
    return _Pass(tuple(each.row for each in ordered), pictures, resumed)


def _homes(index: TreeIndex, folder: Path) -> Iterator[tuple[str, Path]]:
    """Short ids of series and studies with the folder, or the one file, that they lie in."""
    homes: dict[str, str] = {}
    for entry in index.ordered():
        paths = index.paths(entry.series)
        home = paths[0] if len(paths) == 1 else os.path.commonpath([os.path.dirname(path) for path in paths])
        yield entry.series, Path(home)
        known = homes.get(entry.study)
        if known is None:
            homes[entry.study] = home
        elif known != home:
            homes[entry.study] = os.path.commonpath([known, home])
    yield from ((study, Path(home)) for study, home in homes.items())


def _write(intake: Intake, catalogue: Path, facts: dict[str, StudyFacts], pictures: dict[str, bytes]) -> None:
    names = intake.labels.names if intake.labels else ()
    write_text(catalogue.parent / SERIES, _csv(_series_cells(intake.studies)))
    write_text(catalogue, _csv(study.cells(names) for study in intake.studies))
    card = propose_card(catalogue.stem if catalogue.stem != "catalogue" else "my_scans", intake.studies, intake.labels,
                        intake.findings, catalogue.name)
    write_text(catalogue.parent / CARD, card)
    for stale in (catalogue.parent / PICTURES).glob("????????????.png"):
        if stale.stem not in pictures:
            stale.unlink(missing_ok=True)
    for series, content in pictures.items():
        write_bytes(catalogue.parent / PICTURES / f"{series}.png", content)
    write_json(catalogue.parent / INTAKE, intake.document)


def _series_cells(studies: Iterable[StudyRow]) -> Iterator[dict[str, str]]:
    number = 0
    for study in studies:
        for series in study.series:
            number += 1
            yield {"row": str(number), "patient": study.patient, "site": study.site,
                   "chosen": str(int(series is study.chosen)), "scanner": series.scanner, **series.cells()}


def _csv(rows: Iterable[dict[str, str]]) -> str:
    stream = io.StringIO()
    writer: csv.DictWriter[str] | None = None
    for row in rows:
        if writer is None:
            writer = csv.DictWriter(stream, list(row), lineterminator="\n")
            writer.writeheader()
        writer.writerow(row)
    return stream.getvalue()
