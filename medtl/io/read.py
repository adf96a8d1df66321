"""From a path to judged series, whatever the format; and from several series to the one that stands for the study."""
from __future__ import annotations

import gzip
import math
import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from medtl.io.nifti import is_nifti, read_nifti
from medtl.io.raster import is_raster, read_raster
from medtl.io.reasons import Reason
from medtl.io.series import Series

Format = Literal["dicom", "nifti", "raster", "zip", "other"]

PLANE_COSINE = 0.85
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
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            head = os.read(handle, 540)
        finally:
            os.close(handle)
        if head[:2] == b"\x1f\x8b":
            with gzip.open(path) as file:
                return "nifti" if is_nifti(file.read(540)) else "other"
    except (OSError, EOFError, ValueError, zlib.error):
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
    """Reads a file or a folder, in any format that the project knows; every series is in memory at once.

    Args:
        path: a DICOM file, folder or zip; a NIfTI file; a PNG, JPEG, TIFF or BMP; or a folder with any of them. In a
            folder each NIfTI file and each raster image is a series of its own: an order of images by name would be a
            guess.

    Returns:
        At least one series, refused ones included; never an exception for what a file holds.
    """
    return [load() for _, load in _planned(path)]


def read_chosen(path: Path, rule: Choice | None = None) -> tuple[Series, str]:
    """Reads only the series that stands for a study: headers first, then the pixels of the chosen one.

    Where the pixels of the chosen series turn out to be unreadable, the next best is read.

    Args:
        path: as for :func:`read_scan`.
        rule: another preference than the thinnest complete axial original.

    Returns:
        The series, refused if none can be read, and the reason in one sentence.
    """
    planned = _planned(path)
    judged = [header for header, _ in planned]
    while True:
        at, why = choose_candidate([candidate(each) for each in judged], rule)
        if at is None:
            return _most_telling(judged), why
        judged[at] = planned[at][1]()
        if judged[at].verdict != "refused":
            return judged[at], why


def _planned(path: Path) -> list[tuple[Series, Callable[[], Series]]]:
    """Every series below a path, judged from its header, with the step that reads its pixels."""
    if not path.is_dir():
        return _planned_file(path, sniff(path))
    found: list[tuple[Series, Callable[[], Series]]] = []
    others = False
    for folder, folders, names in os.walk(path, followlinks=False):
        folders.sort()
        for name in sorted(names):
            file = Path(folder, name)
            kind = sniff(file) if file.is_file() else "other"
            if kind in ("nifti", "raster"):
                found += _planned_file(file, kind)
            else:
                others = True
    if others or not found:
        dicom = _planned_dicom(path)
        if found and all(not header.instances or header.shape is None for header, _ in dicom):
            dicom = []  # notes and archives beside images, none of them a series
        found = dicom + found
    return found


def _planned_file(path: Path, kind: Format) -> list[tuple[Series, Callable[[], Series]]]:
    if kind == "nifti":
        return [(read_nifti(path, pixels=False)[0], lambda: read_nifti(path)[0])]
    if kind == "raster":
        return [(read_raster(path, pixels=False)[0], lambda: read_raster(path)[0])]
    return _planned_dicom(path)


def _planned_dicom(path: Path) -> list[tuple[Series, Callable[[], Series]]]:
    from medtl.io.dicom import index_study  # kept out of the import of this module: rasters need no DICOM dictionary

    return [(plan.header, plan.load) for plan in index_study(path)]


def _most_telling(series: Sequence[Series]) -> Series:
    """Of refused series, the one with the most slices: its reason is the one that people ask for."""
    return max(series, key=lambda each: (each.shape is not None, _slices(each)))


def _slices(series: Series) -> int:
    return series.shape[2] if series.shape else series.instances


@dataclass(frozen=True)
class Candidate:
    """What the choice between the series of one study looks at.

    Attributes:
        readable: whether the verdict is ``use`` or ``repaired``.
        orientation: ``axial``, ``coronal``, ``sagittal`` or ``oblique``; empty without a place in the patient.
        original: whether ImageType does not say derived, reformatted or projected.
        thickness_mm: distance between slices; infinite for one slice.
        slices: how many.
        modality: as stated, or empty.
    """

    readable: bool
    orientation: str
    original: bool
    thickness_mm: float
    slices: int
    modality: str = ""

    @property
    def extent_mm(self) -> float:
        """Length of the body that is covered; 0 for one slice."""
        return self.thickness_mm * self.slices if math.isfinite(self.thickness_mm) else 0.0


@dataclass(frozen=True)
class Choice:
    """The rule by which one series stands for a study; a data card can state another one.

    Attributes:
        orientation: which stacks are preferred; ``any`` asks for none.
        thickness: whether the thinnest or the thickest slices are preferred.
        modality: only series of this modality, where there are any; empty for all.
        original: whether original images are preferred to derived ones.
    """

    orientation: Literal["axial", "coronal", "sagittal", "any"] = "axial"
    thickness: Literal["thinnest", "thickest"] = "thinnest"
    modality: str = ""
    original: bool = True


def choose(series: Sequence[Series], rule: Choice | None = None) -> tuple[Series | None, str]:
    """The series that stands for a study: by default the thinnest complete axial original.

    Args:
        series: all series of one study, with volumes or from headers alone.
        rule: another preference.

    Returns:
        The series, or None when all are refused; and the reason in one sentence.
    """
    at, why = choose_candidate([candidate(each) for each in series], rule)
    return (None if at is None else series[at]), why


def choose_candidate(candidates: Sequence[Candidate], rule: Choice | None = None) -> tuple[int | None, str]:
    """As :func:`choose`, on what the choice looks at.

    Axial means a normal within 32 degrees of the body's axis; complete, that a stack covers at least three quarters of
    the longest that is left. Where no series has a property, it is not asked for, and the sentence says so. Between
    equals the one with more slices wins, then the first.

    Args:
        candidates: one per series.
        rule: another preference.

    Returns:
        Position of the chosen one, or None when none can be read; and the reason in one sentence.
    """
    rule = rule or Choice()
    left = [n for n, each in enumerate(candidates) if each.readable]
    if not left:
        return None, f"none of {len(candidates)} series can be read" if candidates else "the study has no series"
    if len(left) == 1:
        return left[0], "the only series that can be read" if len(candidates) > 1 else "the only series"
    readable = len(left)
    met: list[str] = []
    unmet: list[str] = []

    def prefer(name: str, keep: list[int]) -> list[int]:
        (met if keep else unmet).append(name)
        return keep or left

    if rule.modality:
        left = prefer(rule.modality, [n for n in left if candidates[n].modality == rule.modality])
    if rule.orientation != "any":
        left = prefer(rule.orientation, [n for n in left if candidates[n].orientation == rule.orientation])
    if rule.original:
        left = prefer("original", [n for n in left if candidates[n].original])
    longest = max(candidates[n].extent_mm for n in left)
    left = prefer("complete", [n for n in left if candidates[n].extent_mm >= WHOLE_SHARE * longest > 0])
    sign = 1.0 if rule.thickness == "thinnest" else -1.0
    best = min(left, key=lambda n: (sign * candidates[n].thickness_mm, -candidates[n].slices, n))
    chosen = candidates[best]
    if math.isfinite(chosen.thickness_mm):
        why = f"the {' '.join([rule.thickness, *met])} of {readable} series ({chosen.thickness_mm:.4g} mm, "
    else:
        why = f"the first{''.join(f' {name}' for name in met)} of {readable} series ("
    why += f"{chosen.slices} slices)" if chosen.slices != 1 else "1 slice)"
    return best, why + (f"; none is known to be {' or '.join(unmet)}" if unmet else "")


def candidate(series: Series) -> Candidate:
    """What the choice looks at in a series, with its volume or from its header alone."""
    thickness = series.spacing_mm[2] if series.spacing_mm is not None else None
    return Candidate(
        readable=series.verdict != "refused", orientation=orientation(series),
        original=not {value.strip().upper() for value in series.image_type} & _DERIVED,
        thickness_mm=math.inf if thickness is None else thickness,
        slices=_slices(series), modality=series.modality or "",
    )


def orientation(series: Series) -> str:
    """``axial``, ``coronal``, ``sagittal`` or ``oblique`` by the slice normal; empty without a place in the patient."""
    affine = series.volume.affine if series.volume is not None else series.affine_lps
    if affine is None or Reason.NO_PLACE in series.reasons or Reason.NO_PATIENT_FRAME in series.reasons:
        return ""
    normal = np.cross(affine[:3, 0], affine[:3, 1])
    length = float(np.linalg.norm(normal))
    if not length > 0:
        return ""
    cosines = np.abs(normal) / length
    return ("sagittal", "coronal", "axial")[int(cosines.argmax())] if cosines.max() >= PLANE_COSINE else "oblique"
