"""From a path to judged series, whatever the format; and from several series to the one that stands for the study."""
from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from medtl.io.nifti import is_nifti, read_nifti
from medtl.io.raster import is_raster, read_raster
from medtl.io.reasons import Reason
from medtl.io.series import Scanner, Series

Format = Literal["dicom", "nifti", "raster", "zip", "other"]

AXIAL_COSINE = 0.85
"""A stack is axial when its normal lies within 32 degrees of the body's axis: gantry tilt and head angulation pass."""

WHOLE_SHARE = 0.75
"""A stack is complete when it covers at least this share of the longest axial stack of its study."""

_DERIVED = {"DERIVED", "SECONDARY", "MPR", "MIP", "MINIP", "REFORMATTED", "PROJECTION IMAGE", "CSA MPR", "CSA MIP"}


def sniff(path: Path) -> Format:
    """The format of a file by its first bytes; the name's ending is not asked.

    Args:
        path: a regular file.

    Returns:
        ``other`` for what no reader here knows, and for what cannot be opened.
    """
    try:
        with path.open("rb") as file:
            head = file.read(540)
            if head[:2] == b"\x1f\x8b":
                file.seek(0)
                head = gzip.GzipFile(fileobj=file).read(540)
                return "nifti" if is_nifti(head) else "other"
    except (OSError, EOFError, zlib.error):
        return "other"
    if head[128:132] == b"DICM":  # before the rest: the preamble may be a TIFF header
        return "dicom"
    if is_nifti(head):
        return "nifti"
    if is_raster(head):
        return "raster"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    group = int.from_bytes(head[:2], "little")
    return "dicom" if len(head) >= 16 and group in (2, 8, 0x0800) else "other"


def read_scan(path: Path) -> list[Series]:
    """Reads a file or a folder, in any format that the project knows.

    Args:
        path: a DICOM file, folder or zip; a NIfTI file; a PNG, JPEG, TIFF or BMP; or a folder with any of them. In a
            folder each NIfTI file and each raster image is a series of its own: an order of images by name would be a
            guess.

    Returns:
        At least one series, refused ones included; never an exception for what a file holds.
    """
    if not path.is_dir():
        kind = sniff(path)
        if kind == "nifti":
            return read_nifti(path)
        if kind == "raster":
            return read_raster(path)
        return _read_dicom(path)
    found: list[Series] = []
    others = False
    for folder, folders, names in os.walk(path, followlinks=False):
        folders.sort()
        for name in sorted(names):
            file = Path(folder, name)
            kind = sniff(file) if file.is_file() else "other"
            if kind == "nifti":
                found.extend(read_nifti(file))
            elif kind == "raster":
                found.extend(read_raster(file))
            else:
                others = True
    if others or not found:
        judged = _read_dicom(path)
        found = [s for s in judged if s.verdict != "refused" or s.shape is not None or not found] + found
    return found


def choose(series: Sequence[Series]) -> tuple[Series | None, str]:
    """The series that stands for a study: by default the thinnest complete axial original.

    A series with verdict ``use`` or ``repaired`` can be chosen. Axial means a normal within 32 degrees of the body's
    axis; original, that ImageType does not say derived, reformatted or projected; complete, that the stack covers at
    least three quarters of the longest axial one. Where no series has a property, it is not asked for, and the sentence
    says so. Between equals the one with more slices wins, then the first.

    Args:
        series: all series of one study, with volumes or from headers alone.

    Returns:
        The series, or None when all are refused; and the reason in one sentence.
    """
    readable = [s for s in series if s.verdict != "refused"]
    if not readable:
        return None, f"none of {len(series)} series can be read" if series else "the study has no series"
    if len(readable) == 1:
        return readable[0], "the only series that can be read" if len(series) > 1 else "the only series"
    left = readable
    passed: list[str] = []
    failed: list[str] = []
    for name, rule in (("axial", _axial), ("original", _original), ("complete", _complete)):
        keep = rule(left)
        if keep:
            left = keep
        (passed if keep else failed).append(name)
    best = min(enumerate(left), key=lambda pair: (_thickness(pair[1]), -_slices(pair[1]), pair[0]))[1]
    thickness = _thickness(best)
    what = f"{thickness:.4g} mm, " if np.isfinite(thickness) else ""
    why = f"the thinnest {' '.join(passed)} series".replace("  ", " ") if np.isfinite(thickness) else "the first"
    why += f" of {len(readable)} readable ({what}{_slices(best)} slices)"
    if failed:
        why += f"; none is known to be {' or '.join(failed)}"
    return best, why


def _read_dicom(path: Path) -> list[Series]:
    from medtl.io.dicom import read_study

    found = list(read_study(path))
    if found:
        return found
    reason = Reason.EMPTY if path.is_dir() else Reason.UNKNOWN_FORMAT
    return [Series("refused", (reason,), None, Scanner(), None, (), details=(reason.meaning,))]


def _axial(series: Sequence[Series]) -> list[Series]:
    return [s for s in series if _is_axial(s)]


def _original(series: Sequence[Series]) -> list[Series]:
    return [s for s in series if not {value.strip().upper() for value in s.image_type} & _DERIVED]


def _complete(series: Sequence[Series]) -> list[Series]:
    longest = max(_extent(s) for s in series)
    return [s for s in series if _extent(s) >= WHOLE_SHARE * longest] if longest > 0 else []


def _is_axial(series: Series) -> bool:
    affine = series.volume.affine if series.volume is not None else series.affine_lps
    if affine is None or Reason.NO_PLACE in series.reasons or Reason.NO_PATIENT_FRAME in series.reasons:
        return False
    normal = np.cross(affine[:3, 0], affine[:3, 1])
    length = float(np.linalg.norm(normal))
    return length > 0 and abs(float(normal[2])) / length >= AXIAL_COSINE


def _slices(series: Series) -> int:
    return series.shape[2] if series.shape else series.instances


def _thickness(series: Series) -> float:
    if series.spacing_mm is not None and series.spacing_mm[2] is not None:
        return series.spacing_mm[2]
    return float("inf")


def _extent(series: Series) -> float:
    thickness = _thickness(series)
    return thickness * _slices(series) if np.isfinite(thickness) else 0.0
