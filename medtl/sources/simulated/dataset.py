"""A whole data set of simulated hospitals on disk: DICOM series and their manifest, resumable."""
from __future__ import annotations

import csv
import hashlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from medtl.errors import DataError, OptionError
from medtl.sources.simulated.dicom import patient_id, write_dicom
from medtl.sources.simulated.scanner import HOSPITALS, Hospital
from medtl.sources.simulated.study import SimulatedStudy, simulate_study
from medtl.types import nearest

COLUMNS = ("path", "site", "patient", "study", "scanner", "nodule")
STAMPS = ".stamps"
PARTIAL = ".partial-"
ABANDONED_SECONDS = 3600.0
"""A partial study older than this was left by a process that is gone."""

Report = Callable[[int, int], None]
"""Called with the number of finished studies and the number of all."""


@dataclass(frozen=True)
class Row:
    """A line of the manifest, and the number of files behind it."""

    path: str
    site: str
    patient: str
    study: str
    scanner: str
    nodule: int
    files: int


@lru_cache(maxsize=1)
def version() -> str:
    """Digest of the simulator's own source: another simulator gives other files."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]


def stamp(seed: int, site: str, index: int, hospital: Hospital) -> str:
    """Digest of all that a study's files depend on.

    Args:
        seed: seed of the data set.
        site: hospital.
        index: number of the study within its site.
        hospital: its settings.

    Returns:
        16 hex digits.
    """
    return hashlib.sha256(repr((version(), seed, site, index, hospital)).encode()).hexdigest()[:16]


def generate(
    folder: Path,
    sites: Sequence[str] = tuple(HOSPITALS),
    studies_per_site: int = 110,
    seed: int = 0,
    progress: Report | None = None,
    *,
    hospitals: Mapping[str, Hospital] | None = None,
    workers: int | None = None,
) -> Path:
    """Write simulated studies and their manifest; studies that are there already, from the same simulator, are kept.

    Each study is written to a temporary folder that is renamed when complete, so an interrupted run leaves no half
    study, and the same call goes on where it stopped.

    Args:
        folder: where the data set goes; created if missing.
        sites: names of hospitals.
        studies_per_site: number of studies of each.
        seed: seed of the data set.
        progress: told after each study.
        hospitals: settings per site; the built-in ones by default.
        workers: threads; one per core, up to 8, by default.

    Returns:
        The manifest, ``folder/manifest.csv``, with paths relative to `folder`.

    Raises:
        OptionError: a site is unknown.
        DataError: the folder cannot be written, or the disk is full.
    """
    known = hospitals if hospitals is not None else HOSPITALS
    for site in sites:
        if site not in known:
            hint = nearest(site, tuple(known))
            guess = f": did you mean {hint!r}?" if hint else ""
            raise OptionError(f"simulated: no site {site!r}{guess} Sites: {', '.join(known)}")
    try:
        jobs = [(site, index, known[site]) for site in sites for index in range(studies_per_site)]
        return _generate(folder, jobs, seed, progress, workers)
    except OSError as error:
        raise DataError(
            f"simulated scans cannot be written to {error.filename or folder}: {error.strerror}. Free space, or set"
            " data.root to a folder that can be written; finished studies are kept, and the same command goes on"
        ) from error


def _generate(
    folder: Path, jobs: Sequence[tuple[str, int, Hospital]], seed: int, progress: Report | None, workers: int | None
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{PARTIAL}*"):
        if time.time() - left.stat().st_mtime > ABANDONED_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    lock, done = threading.Lock(), [0]
    stop = threading.Event()

    def work(job: tuple[str, int, Hospital]) -> Row | None:
        if stop.is_set():
            return None
        row = _study(folder, seed, *job)
        with lock:
            done[0] += 1
            if progress is not None:
                progress(done[0], len(jobs))
        return row

    with ThreadPoolExecutor(workers or min(8, os.cpu_count() or 1)) as pool:
        try:
            rows = [row for row in pool.map(work, jobs) if row is not None]
        except BaseException:
            stop.set()
            raise
    return _manifest(folder, rows)


def _study(folder: Path, seed: int, site: str, index: int, hospital: Hospital) -> Row:
    """Make sure that one study is on disk."""
    note = folder / STAMPS / site / f"{index:04d}"
    wanted = stamp(seed, site, index, hospital)
    if note.is_file():
        row = _finished(folder, note, wanted)
        if row is not None:
            return row
        note.unlink()
    study = simulate_study(seed, site, index, hospital=hospital)
    row = _row(study)
    place = folder / row.path
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=folder))
    try:
        write_dicom(study, temporary)
        temporary.chmod(0o755)
        if place.exists():
            shutil.rmtree(place)
        temporary.replace(place)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    values = (wanted, row.path, row.site, row.patient, row.study, row.scanner, row.nodule, row.files)
    _write(note, "\n".join(map(str, values)))
    return row


def _row(study: SimulatedStudy) -> Row:
    patient = patient_id(study)
    scanner = study.hospital.scanner
    return Row(
        path=f"{study.site}/{patient}/CT{study.examination}",
        site=study.site,
        patient=patient,
        study=f"{patient}-CT{study.examination}",
        scanner=f"{scanner.manufacturer} {scanner.model}",
        nodule=int(study.nodule),
        files=len(study.hu),
    )


def _finished(folder: Path, note: Path, wanted: str) -> Row | None:
    """The row of a study that an earlier call finished with the same simulator, or None."""
    lines = note.read_text(encoding="utf-8").split("\n")
    if len(lines) != 8 or lines[0] != wanted:
        return None
    path, site, patient, study, scanner = lines[1:6]
    row = Row(path, site, patient, study, scanner, int(lines[6]), int(lines[7]))
    return row if len(list((folder / row.path).glob("*.dcm"))) == row.files else None


def _manifest(folder: Path, rows: Sequence[Row]) -> Path:
    lines = [[getattr(row, column) for column in COLUMNS] for row in rows]
    path = folder / "manifest.csv"
    temporary = path.with_name(f".manifest-{os.getpid()}.csv")
    with temporary.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle, lineterminator="\n").writerows([COLUMNS, *lines])
    temporary.replace(path)
    return path


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
