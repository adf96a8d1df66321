"""Writes small DICOM series whose voxel value is a known linear function of patient position, and states the truth.

The truth is computed here from the plane and the positions, never by the reader: arrays in (column, row, slice) order
with slices along the normal, and the LPS affine.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

from medtl.io.reasons import Reason

GRADIENT = np.array([2.0, -3.0, 5.0])  # per mm, another along each axis, so that no permutation goes unseen
CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
PT = "1.2.840.10008.5.1.4.1.1.128"


def uid(*parts: object) -> str:
    """The same UID for the same parts."""
    return str(generate_uid(entropy_srcs=[repr(parts)]))


def value_at(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The modality value at LPS points of shape (..., 3)."""
    return points @ GRADIENT + 10.0


@dataclass(frozen=True)
class Plane:
    """A slice's matrix, pixel spacing and directions."""

    rows: int = 12
    columns: int = 16
    row_mm: float = 1.5  # between rows
    column_mm: float = 2.5  # between columns
    row: tuple[float, float, float] = (1.0, 0.0, 0.0)
    column: tuple[float, float, float] = (0.0, 1.0, 0.0)

    def normal(self) -> NDArray[np.float64]:
        return np.cross(self.row, self.column)

    def points(self, position: NDArray[np.float64]) -> NDArray[np.float64]:
        """LPS of every pixel, (rows, columns, 3)."""
        c = np.arange(self.columns)[None, :, None] * self.column_mm * np.array(self.row)
        r = np.arange(self.rows)[:, None, None] * self.row_mm * np.array(self.column)
        return position + c + r

    def values(self, position: NDArray[np.float64]) -> NDArray[np.float64]:
        return value_at(self.points(np.asarray(position, np.float64)))


@dataclass(frozen=True)
class Scale:
    """How modality values are stored."""

    slope: float = 0.25
    intercept: float = -1024.0
    signed: bool = False
    bits: int = 16

    def stored(self, values: NDArray[np.float64]) -> NDArray[Any]:
        return np.rint((values - self.intercept) / self.slope).astype(np.int16 if self.signed else np.uint16)


@dataclass(frozen=True)
class Truth:
    """A volume that the reader must give."""

    array: NDArray[np.float64]
    affine_lps: NDArray[np.float64] | None
    spacing_mm: tuple[float, float, float | None] | None = None


@dataclass
class Expected:
    """What must come back for one corpus series: volumes right, refusals by their code, notes among the reasons."""

    volumes: list[Truth] = field(default_factory=list)
    refused: list[Reason] = field(default_factory=list)
    notes: list[Reason] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    path: Path | None = None


def positions(plane: Plane, count: int, step: float, origin: Sequence[float] = (-20.3, -11.7, 31.4),
              lean: Sequence[float] = (0.0, 0.0, 0.0)) -> NDArray[np.float64]:
    """Slice positions along the normal; ``lean`` is an extra shift per slice (gantry tilt)."""
    return np.array(origin) + np.arange(count)[:, None] * (step * plane.normal() + np.array(lean))


def truth(plane: Plane, where: NDArray[np.float64], values: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None
          = None) -> Truth:
    """The volume of equally spaced slices, sorted along the normal."""
    where = where[np.argsort(where @ plane.normal())]
    slices = [(values or plane.values)(position) for position in where]
    step = (where[-1] - where[0]) / (len(where) - 1) if len(where) > 1 else plane.normal()
    affine = np.eye(4)
    affine[:3, 0] = np.array(plane.row) * plane.column_mm
    affine[:3, 1] = np.array(plane.column) * plane.row_mm
    affine[:3, 2], affine[:3, 3] = step, where[0]
    between = float(np.linalg.norm(step)) if len(where) > 1 else None
    return Truth(np.stack(slices).transpose(2, 1, 0), affine, (plane.column_mm, plane.row_mm, between))


def base(modality: str = "CT", sop_class: str = CT, series: object = "s", number: object = 0) -> Dataset:
    """A header without geometry and pixels."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = UID(sop_class)
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = UID(uid(series, number))
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.StudyInstanceUID, ds.SeriesInstanceUID = uid("study"), uid("series", series)
    ds.FrameOfReferenceUID = uid("frame")
    ds.Modality, ds.Manufacturer, ds.ManufacturerModelName, ds.StationName = modality, "ACME", "One", "ST-7"
    ds.PatientID, ds.PatientName, ds.AccessionNumber, ds.StudyDate = "P-1", "Doe^Jane", "A-1", "20200102"
    ds.KVP, ds.ConvolutionKernel, ds.SliceThickness = "120", "B30f", "9"
    ds.InstanceNumber = "7"
    return ds


def put_pixels(ds: Dataset, stored: NDArray[Any], bits: int = 16, photometric: str = "MONOCHROME2") -> Dataset:
    """Adds the image pixel module; ``stored`` is (rows, columns) or (frames, rows, columns)."""
    ds.Rows, ds.Columns = stored.shape[-2:]
    if stored.ndim == 3:
        ds.NumberOfFrames = len(stored)
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, photometric
    ds.BitsAllocated = 8 * stored.dtype.itemsize
    ds.BitsStored, ds.HighBit = bits, bits - 1
    ds.PixelRepresentation = int(stored.dtype.kind == "i")
    ds.PixelData = stored.astype(stored.dtype.newbyteorder("<")).tobytes()
    ds["PixelData"].VR = "OW"
    return ds


def text(number: float, digits: int | None) -> str:
    return f"{number:.{digits}f}" if digits is not None else f"{number:.10g}"[:16]


def slice_of(plane: Plane, position: NDArray[np.float64], number: object = 0, *, scale: Scale | None = None,
             series: object = "s", modality: str = "CT", digits: int | None = None, **tags: Any) -> Dataset:
    """One classic slice; ``digits`` rounds the header's position, not the pixels' true one."""
    scale = scale or Scale()
    ds = base(modality, {"CT": CT, "MR": MR, "PT": PT}[modality], series, number)
    ds.ImagePositionPatient = [text(v, digits) for v in position]
    ds.ImageOrientationPatient = [text(v, None) for v in (*plane.row, *plane.column)]
    ds.PixelSpacing = [text(plane.row_mm, None), text(plane.column_mm, None)]
    ds.RescaleSlope, ds.RescaleIntercept = text(scale.slope, None), text(scale.intercept, None)
    put_pixels(ds, scale.stored(plane.values(position)), scale.bits)
    for name, value in tags.items():
        if value is None:
            delattr(ds, name)
        else:
            setattr(ds, name, value)
    return ds


def save(ds: Dataset, path: Path) -> Path:
    """Writes one object."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    return path


def save_all(slices: Sequence[Dataset], folder: Path) -> None:
    """Writes slices under names whose order says nothing."""
    for number, ds in enumerate(slices):
        save(ds, folder / f"{(number * 7919) % 1009:04d}_{number}.dcm")


def stack_of(plane: Plane, where: NDArray[np.float64], **options: Any) -> list[Dataset]:
    """Classic slices at positions, InstanceNumbers running against them."""
    found = []
    for number, position in enumerate(where):
        ds = slice_of(plane, position, number, **options)
        ds.InstanceNumber = str((number * 5) % 17)
        found.append(ds)
    return found


def enhanced(plane: Plane, where: NDArray[np.float64], *, modality: str = "CT", scale: Scale | None = None,
             order: Sequence[int] | None = None, content: Callable[[int, Dataset], None] | None = None,
             shared_scale: bool = True, series: object = "e") -> Dataset:
    """One enhanced multi-frame object; ``order`` is the stored order of the frames."""
    scale = scale or Scale()
    ds = base(modality, {"CT": "1.2.840.10008.5.1.4.1.1.2.1", "MR": "1.2.840.10008.5.1.4.1.1.4.1"}[modality], series)
    order = list(order if order is not None else range(len(where)))

    def transformation(chosen: Scale) -> Dataset:
        item = Dataset()
        item.RescaleSlope, item.RescaleIntercept = text(chosen.slope, None), text(chosen.intercept, None)
        item.RescaleType = "HU" if modality == "CT" else "US"
        return item

    shared = Dataset()
    measures, facing = Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [plane.row_mm, plane.column_mm], "9"
    facing.ImageOrientationPatient = [text(v, None) for v in (*plane.row, *plane.column)]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [facing]
    if shared_scale:
        shared.PixelValueTransformationSequence = [transformation(scale)]
    groups, stored = [], []
    for number, index in enumerate(order):
        group, place, frame = Dataset(), Dataset(), Dataset()
        place.ImagePositionPatient = [text(v, None) for v in where[index]]
        frame.StackID, frame.InStackPositionNumber = "1", index + 1
        group.PlanePositionSequence, group.FrameContentSequence = [place], [frame]
        own = scale if shared_scale else replace(scale, slope=scale.slope * (1 + 0.1 * index))
        if not shared_scale:
            group.PixelValueTransformationSequence = [transformation(own)]
        if content is not None:
            content(number, group)
        groups.append(group)
        stored.append(own.stored(plane.values(where[index])))
    ds.SharedFunctionalGroupsSequence, ds.PerFrameFunctionalGroupsSequence = [shared], groups
    return put_pixels(ds, np.stack(stored), scale.bits)


Case = Callable[[Path], Expected]
CASES: dict[str, Case] = {}
ENOUGH: set[str] = set()


def case(readable: bool = True) -> Callable[[Case], Case]:
    """Registers a corpus series; ``readable`` says whether its headers carry enough to read it."""
    def register(function: Case) -> Case:
        name = function.__name__
        CASES[name] = function
        if readable:
            ENOUGH.add(name)
        return function
    return register


def reread(path: Path) -> Dataset:
    return pydicom.dcmread(path)
