"""One uncompressed CT of 150 slices, 512 x 512, read to a volume in one process with a warm cache.

Slices per second, the best of 5 rounds in which the readers take turns. `read_study` walks the folder, judges the
headers and reads the pixels to float32, without digests, with the threads it chooses. MONAI's PydicomReader does
`read` and `get_data` on the folder. SimpleITK's ImageSeriesReader is given the names that GetGDCMSeriesFileNames finds
(once with, once without the time to find them), with its own threads. The limit opens every file and reads its bytes
into one buffer. Each reader's volume is compared with the written values.
"""
from __future__ import annotations

import os
import tempfile
import warnings
from pathlib import Path

import numpy as np
import SimpleITK
from monai.data import PydicomReader
from numpy.typing import NDArray

from benchmarks.frame.figures import Ratio, Row, Table
from benchmarks.frame.timing import in_turns
from medtl.io.dicom import read_study
from tests.io.dicom.corpus import Plane, Scale, positions, save, slice_of

SLICES, SIZE, ROUNDS = 150, 512, 5


def write_study(folder: Path, slices: int, size: int) -> float:
    """A CT as scanners write it: signed 16 bits, slope 1, files and InstanceNumbers in order.

    Returns:
        The sum of its modality values, by which a reader's volume is checked.
    """
    plane, scale = Plane(size, size, 0.7, 0.7), Scale(1.0, -1024.0, signed=True)
    total = 0.0
    for number, position in enumerate(positions(plane, slices, 1.25)):
        ds = slice_of(plane, position, number, scale=scale, InstanceNumber=str(number + 1))
        total += float((scale.stored(plane.values(position)) + scale.intercept).sum())
        save(ds, folder / f"IM{number:05d}.dcm")
    return total


def read_bytes(files: list[Path]) -> int:
    """Every byte once, into one buffer."""
    buffer, total = bytearray(1 << 21), 0
    view = memoryview(buffer)
    for path in files:
        handle = os.open(path, os.O_RDONLY)
        while count := os.readv(handle, [view]):
            total += count
        os.close(handle)
    return total


def with_medtl(folder: Path) -> NDArray[np.float32]:
    """The folder through ``read_study``."""
    (series,) = read_study(folder)
    assert series.volume is not None
    return series.volume.array


def with_monai(folder: Path) -> NDArray[np.float64]:
    """The folder through MONAI's PydicomReader."""
    reader = PydicomReader()
    array, _ = reader.get_data(reader.read(folder))
    return array


def names_of(folder: Path) -> tuple[str, ...]:
    """SimpleITK's own listing of a series."""
    return SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))


def with_simpleitk(names: tuple[str, ...]) -> SimpleITK.Image:
    """Files through SimpleITK's series reader."""
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(names)
    return reader.Execute()


def checked(volume: NDArray[np.float64] | SimpleITK.Image, voxels: int, total: float) -> bool:
    """Whether a volume holds the values that were written, by their number and sum."""
    simple = isinstance(volume, SimpleITK.Image)
    array = SimpleITK.GetArrayViewFromImage(volume) if simple else volume  # the image must outlive its view
    return array.size == voxels and abs(float(array.sum(dtype=np.float64)) - total) < 1e-6 * abs(total)


def run(quick: bool = False) -> list[Row]:
    """Writes the study, checks each reader's volume, and times them."""
    slices, size, rounds = (20, 64, 2) if quick else (SLICES, SIZE, ROUNDS)
    warnings.simplefilter("ignore")
    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        total = write_study(folder, slices, size)
        files, names = sorted(folder.iterdir()), names_of(folder)
        ways = {
            "bytes alone": lambda: read_bytes(files),
            "medtl read_study": lambda: with_medtl(folder),
            "SimpleITK, names given": lambda: with_simpleitk(names),
            "SimpleITK": lambda: with_simpleitk(names_of(folder)),
            "MONAI PydicomReader": lambda: with_monai(folder),
        }
        for name, way in ways.items():
            assert name == "bytes alone" or checked(way(), slices * size * size, total), name
        timings = in_turns(ways, rounds)
    rates = {name: timing.rate(slices, "slices") for name, timing in timings.items()}
    ours, mine = timings["medtl read_study"].best, rates["medtl read_study"]
    return [
        Ratio("medtl / MONAI PydicomReader, slices per second", timings["MONAI PydicomReader"].best / ours, mine,
              rates["MONAI PydicomReader"], 7),
        Ratio("medtl / SimpleITK series reader", timings["SimpleITK"].best / ours, mine, rates["SimpleITK"], 2),
        Ratio("medtl / SimpleITK series reader, names given", timings["SimpleITK, names given"].best / ours, mine,
              rates["SimpleITK, names given"]),
        Ratio("medtl / bytes alone (limit)", timings["bytes alone"].best / ours, mine, rates["bytes alone"]),
        Table("Seconds per study", ("reader", "best", "all rounds"), tuple(
            (name, f"{timing.best:.3f}", " ".join(f"{value:.3f}" for value in timing.seconds))
            for name, timing in timings.items())),
    ]
