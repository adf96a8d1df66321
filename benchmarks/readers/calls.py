"""How each reader is called on a series, as its users call it; what comes back is an array and an affine to RAS+ mm.

Every call is kind to the reader: it is given the folder that holds the files themselves (unpacked, not the zip), and a
series that it cannot read beside one that it can does not count.
"""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = tuple[NDArray[np.float64], NDArray[np.float64]]
_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def folders_of(root: Path) -> list[Path]:
    """Folders that hold files, the unpacked one alone where a study is there as a zip too."""
    inside = root / "inside"
    root = inside if inside.is_dir() else root
    return sorted({path.parent for path in root.rglob("*") if path.is_file()})


def each(folders: list[Path], read: Callable[[Path], list[Image]]) -> list[Image]:
    """What a reader gives for folders; its error only where it gives nothing at all."""
    images: list[Image] = []
    failure: Exception | None = None
    for folder in folders:
        try:
            images += read(folder)
        except Exception as error:
            failure = error
    if not images and failure is not None:
        raise failure
    return images


def medtl(root: Path, path: Path, options: dict[str, Any]) -> list[Image]:
    """``read_study(path)``."""
    from medtl.io.dicom import read_study

    return [(series.volume.array.astype(np.float64), series.volume.affine)
            for series in read_study(path, **options) if series.volume is not None]


def monai(root: Path, path: Path, options: dict[str, Any]) -> list[Image]:
    """``PydicomReader().get_data(reader.read(folder))``."""
    from monai.data import PydicomReader

    def read(folder: Path) -> list[Image]:
        reader = PydicomReader()
        array, facts = reader.get_data(reader.read(folder))
        return [(np.asarray(array, np.float64), np.asarray(facts["affine"], np.float64))]

    return each(folders_of(root), read)


def simpleitk(root: Path, path: Path, options: dict[str, Any]) -> list[Image]:
    """``ImageSeriesReader`` on every series that it finds in a folder; ``ReadImage`` where that is one file."""
    import SimpleITK

    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    reader = SimpleITK.ImageSeriesReader

    def read_series(folder: Path, series: str) -> list[Image]:
        names = reader.GetGDCMSeriesFileNames(str(folder), series)
        image = SimpleITK.ReadImage(names[0] if len(names) == 1 else names)
        return [(SimpleITK.GetArrayFromImage(image).T.astype(np.float64), _affine(image))]

    def read(folder: Path) -> list[Image]:
        found = reader.GetGDCMSeriesIDs(str(folder))
        if not found:
            raise ValueError("no series found")
        images: list[Image] = []
        failure: Exception | None = None
        for series in found:
            try:
                images += read_series(folder, series)
            except Exception as error:
                failure = error
        if not images and failure is not None:
            raise failure
        return images

    return each(folders_of(root), read)


def _affine(image: Any) -> NDArray[np.float64]:
    count = image.GetDimension()
    affine = np.eye(4)
    affine[:count, :count] = np.reshape(image.GetDirection(), (count, count)) * np.array(image.GetSpacing())
    affine[:count, 3] = image.GetOrigin()
    return _RAS @ affine


def highdicom(root: Path, path: Path, options: dict[str, Any]) -> list[Image]:
    """``get_volume_from_series`` on the images of each series; ``Image.get_volume`` for a multi-frame one."""
    import highdicom as hd
    import pydicom

    def read(folder: Path) -> list[Image]:
        series: dict[str, list[Any]] = {}
        for file in sorted(folder.iterdir()):
            try:
                ds = pydicom.dcmread(file)
            except Exception:
                continue
            if "PixelData" in ds:
                series.setdefault(str(ds.get("SeriesInstanceUID")), []).append(ds)
        if not series:
            raise ValueError("no image found")
        images: list[Image] = []
        failure: Exception | None = None
        for members in series.values():
            try:
                if len(members) == 1 and "NumberOfFrames" in members[0]:
                    volume = hd.Image.from_dataset(members[0]).get_volume()
                else:
                    volume = hd.get_volume_from_series(members)
                images.append((np.asarray(volume.array, np.float64), _RAS @ volume.affine))
            except Exception as error:
                failure = error
        if not images and failure is not None:
            raise failure
        return images

    return each(folders_of(root), read)


READERS: dict[str, Callable[[Path, Path, dict[str, Any]], list[Image]]] = {
    "medtl": medtl, "MONAI PydicomReader": monai, "SimpleITK": simpleitk, "highdicom": highdicom,
}
