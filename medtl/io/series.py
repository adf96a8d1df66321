"""What a reader says of one series: a verdict with reasons, the volume, and the facts that a catalogue keeps.

Shared by the DICOM, NIfTI and raster readers. Paths, UIDs and patient identifiers are in fields that never appear in
``repr``, so that a log line or a traceback cannot leak them.
"""
from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medtl.io.reasons import Reason, Verdict
from medtl.io.volume import Volume


@dataclass(frozen=True)
class Scanner:
    """The device and its settings, the raw material of scanner domains.

    Attributes:
        manufacturer: Manufacturer, stripped of control characters.
        model: ManufacturerModelName.
        station_hash: StationName as a salted hash; ``None`` without a station or without a salt.
        kvp: tube voltage in kV.
        kernel: ConvolutionKernel, its values joined by a backslash.
        field_strength_t: magnetic field in tesla.
        slice_thickness_mm: SliceThickness, never used as spacing.
        software: SoftwareVersions.
    """

    manufacturer: str | None = None
    model: str | None = None
    station_hash: str | None = None
    kvp: float | None = None
    kernel: str | None = None
    field_strength_t: float | None = None
    slice_thickness_mm: float | None = None
    software: str | None = None


@dataclass(frozen=True)
class Identity:
    """Raw identifiers, in memory only: to be hashed before they leave the intake. Never printed, never written."""

    study_uid: str | None = field(default=None, repr=False)
    series_uid: str | None = field(default=None, repr=False)
    frame_of_reference_uid: str | None = field(default=None, repr=False)
    instance_uids: tuple[str, ...] = field(default=(), repr=False)
    patient_id: str | None = field(default=None, repr=False)
    accession_number: str | None = field(default=None, repr=False)
    study_date: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Dropped:
    """A file (or a frame of it) that is not part of any volume, with its reason.

    Attributes:
        path: private, never printed.
        reason: why.
        detail: what was found, without identifiers.
    """

    path: Path = field(repr=False)
    reason: Reason
    detail: str = ""


@dataclass(frozen=True, eq=False)
class Series:
    """One series (or one stack of a series that was split), judged.

    Attributes:
        verdict: ``use``, ``repaired`` or ``refused``.
        reasons: why, in the order found, each once.
        volume: ``None`` when refused, or when only the header was read.
        scanner: the device block.
        spacing_mm: distance between neighbours along i, j and k; ``None`` along k for a single slice; ``None`` when the
            geometry is not known.
        files: the files the volume is made of, in slice order; private, never printed.
        details: one plain sentence per finding, without identifiers or paths.
        modality: DICOM modality (``CT``, ``MR``, ``DX`` ...); ``None`` where the format has none.
        shape: (columns, rows, slices); ``None`` when not known.
        instances: number of files or frames that the series consists of, before any was dropped.
        tilt_degrees: angle between the stack's direction and its normal.
        spacing_histogram: (step in mm, count) pairs of the distances between neighbouring slices.
        repairs: what was altered, one sentence each.
        dropped: non-members with their reasons.
        image_type: ImageType values.
        burned_in: BurnedInAnnotation as a truth value; ``None`` where not stated.
        body_part: BodyPartExamined.
        view: ViewPosition of a projection, such as PA; as the header states it.
        transfer_syntax: name of the pixel encoding.
        split_by: the header field (and its value) that told this stack from the others of its series.
        affine_lps: (4, 4), the affine as DICOM states it (LPS mm), before the one conversion to RAS+.
        digests: SHA-256 per file, when asked for.
        identity: raw identifiers; private.
    """

    verdict: Verdict
    reasons: tuple[Reason, ...]
    volume: Volume | None
    scanner: Scanner
    spacing_mm: tuple[float, float, float | None] | None
    files: tuple[Path, ...] = field(repr=False)
    details: tuple[str, ...] = ()
    modality: str | None = None
    shape: tuple[int, int, int] | None = None
    instances: int = 0
    tilt_degrees: float | None = None
    spacing_histogram: tuple[tuple[float, int], ...] = ()
    repairs: tuple[str, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    image_type: tuple[str, ...] = ()
    burned_in: bool | None = None
    body_part: str | None = None
    view: str | None = None
    transfer_syntax: str | None = None
    split_by: tuple[tuple[str, str], ...] = ()
    affine_lps: NDArray[np.float64] | None = field(default=None, repr=False)
    digests: tuple[str, ...] = field(default=(), repr=False)
    identity: Identity = field(default=Identity(), repr=False)
