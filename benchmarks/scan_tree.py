"""A tree of 20,000 DICOM headers scanned by one and by two processes, and the memory that the tree's size costs.

500 studies of one series of 40 tiny slices, every file with UIDs of its own. `scan_tree` judges by headers alone, and
writes all that `medtl scan` writes. Each scan starts in a fresh process; its time holds the start of the second
process with its imports, and not the imports of the first. Of two processes, one is the one that scans. Memory is that
of all of them together, sampled five times a second: anonymous pages by their share (Pss_Anon), so that a page which
processes share counts once, whether or not one of them has written to it, and code that strangers share counts not at
all. The peak at 20,000 is divided by the peak at 5,000, each the largest of the same number of scans.
"""
from __future__ import annotations

import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil
from pydicom.uid import ExplicitVRLittleEndian

from benchmarks.frame.figures import Ratio, Row, Table
from benchmarks.frame.timing import Timing
from tests.io.dicom.corpus import Plane, positions, reread, save, stack_of

SLICES, FILES, FEWER, ROUNDS = 40, 20_000, 5_000, 3
_ROOT = "2.25."


@dataclass(frozen=True)
class Scan:
    """What one scan cost.

    Attributes:
        seconds: wall time.
        peak: bytes, all processes together.
        largest: bytes of the process that scans, its workers apart.
        series: how many came out.
    """

    seconds: float
    peak: int
    largest: int
    series: int


def write_tree(folder: Path, files: int) -> None:
    """Writes slices once and copies them with other UIDs of the same length."""
    plane = Plane(4, 5)
    templates = []
    for number, ds in enumerate(stack_of(plane, positions(plane, SLICES, 2.5))):
        ds.StudyInstanceUID, ds.SeriesInstanceUID = _uid("S", 0), _uid("T", 0)
        ds.FrameOfReferenceUID = _uid("F", 0)
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = _uid("I", number)
        ds.PatientID, ds.AccessionNumber = f"P{0:07d}", f"A{0:07d}"
        assert ds.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        path = save(ds, folder / "template.dcm")
        assert reread(path).SOPInstanceUID == _uid("I", number)
        templates.append(path.read_bytes())
        path.unlink()
    for study in range(files // SLICES):
        home = folder / f"{study % 20:02d}" / f"study{study:05d}"
        home.mkdir(parents=True)
        for number, content in enumerate(templates):
            for kind, old, new in (("S", 0, study), ("T", 0, study), ("F", 0, study),
                                   ("I", number, study * SLICES + number)):
                content = content.replace(_uid(kind, old).encode(), _uid(kind, new).encode())
            content = content.replace(b"P0000000", f"P{study // 2:07d}".encode())
            content = content.replace(b"A0000000", f"A{study:07d}".encode())
            (home / f"{number:04d}").write_bytes(content)


def _uid(kind: str, number: int) -> str:
    return f"{_ROOT}{ord(kind)}{number + 10**9}"


def scan(folder: Path, workers: int) -> Scan:
    """Scans a tree in this process and its workers."""
    from medtl.sources.scan import judge, scan_tree  # noqa: F401  (imports are not timed)

    me, most = psutil.Process(), [0, 0]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.2):
            own = _held(me)
            most[0] = max(most[0], own + sum(_held(child) for child in me.children(recursive=True)))
            most[1] = max(most[1], own)

    with tempfile.TemporaryDirectory() as out:
        watcher = threading.Thread(target=watch)
        watcher.start()
        start = time.perf_counter()
        intake = scan_tree(folder, out=Path(out), workers=workers, salt=b"benchmark", pixels=False)
        seconds = time.perf_counter() - start
        done.set()
        watcher.join()
    return Scan(seconds, most[0], most[1], sum(len(study.series) for study in intake.studies))


def _held(process: psutil.Process) -> int:
    rollup = Path(f"/proc/{process.pid}/smaps_rollup")
    try:
        lines = rollup.read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("Pss_Anon:"))
    except StopIteration:
        return int(process.memory_full_info().uss)
    except (OSError, psutil.Error):
        return 0


def fresh(work: Callable[[Path, int], Scan], folder: Path, workers: int) -> Scan:
    """Runs one scan in a process that has scanned nothing before, its records in a folder of its own."""
    with tempfile.TemporaryDirectory() as home:
        before = {name: os.environ.get(name) for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
        os.environ.update(dict.fromkeys(before, home))
        try:
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                return pool.submit(work, folder, workers).result()
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def run(quick: bool = False) -> list[Row]:
    """Writes both trees, scans them by turns, and compares times and peaks."""
    files, fewer, rounds = (1200, 600, 1) if quick else (FILES, FEWER, ROUNDS)
    with tempfile.TemporaryDirectory() as scratch:
        small, large = Path(scratch) / "small", Path(scratch) / "large"
        write_tree(small, fewer)
        write_tree(large, files)
        found: dict[int, list[Scan]] = {1: [], 2: []}
        for _ in range(rounds):
            for workers, scans in found.items():
                scans.append(fresh(scan, large, workers))
        short = {workers: [fresh(scan, small, workers) for _ in range(rounds)] for workers in found}
    assert {each.series for scans in found.values() for each in scans} == {files // SLICES}
    one, two = (Timing(tuple(each.seconds for each in found[workers])) for workers in (1, 2))
    peaks, low = ({workers: max(each.peak for each in scans) for workers, scans in every.items()}
                  for every in (found, short))
    return [
        Ratio("1 process / 2 processes, seconds", one.best / two.best, f"{two.rate(files, 'files')}",
              f"{one.rate(files, 'files')}", 1.7),
        *(Ratio(f"peak memory, {files:,} files / {fewer:,} files, workers: {workers}",
                peaks[workers] / low[workers], _mib(peaks[workers]), _mib(low[workers]), at_most=1.1)
          for workers in found),
        Table("Peak memory", ("workers", "files", "all together, MiB", "of which the one that scans, MiB"), tuple(
            (str(workers), str(count), f"{peak / 2**20:.0f}", f"{largest / 2**20:.0f}")
            for workers in found
            for count, peak, largest in (
                (fewer, low[workers], max(each.largest for each in short[workers])),
                (files, peaks[workers], max(each.largest for each in found[workers]))))),
    ]


def _mib(count: int) -> str:
    return f"{count / 2**20:.0f} MiB"
