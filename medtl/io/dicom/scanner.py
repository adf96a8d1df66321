"""The device block and the private identity of a series."""
from __future__ import annotations

from medtl.io.dicom.instances import Frame
from medtl.io.identity import short_id
from medtl.io.series import Identity, Scanner


def scanner_of(frame: Frame, salt: bytes | None) -> Scanner:
    """Reads the device and its settings.

    Args:
        frame: any frame of the series.
        salt: key of the station's hash; without one there is none.

    Returns:
        The block; absent values are ``None``.
    """
    i = frame.instance
    kernel = i.kernel or frame.separators.get("ConvolutionKernel")
    return Scanner(
        manufacturer=i.manufacturer or None, model=i.model or None,
        station_hash=short_id(salt, "station", i.station) if salt is not None and i.station else None, kvp=i.kvp,
        kernel=str(kernel) if kernel else None, field_strength_t=i.field_strength_t,
        slice_thickness_mm=i.slice_thickness_mm, software=i.software or None)


def identity_of(frames: list[Frame]) -> Identity:
    """Raw identifiers of a series, for memory only."""
    if not frames:
        return Identity()
    i = frames[0].instance
    return Identity(
        study_uid=i.study_uid or None, series_uid=i.series_uid or None,
        frame_of_reference_uid=i.frame_of_reference_uid or None,
        instance_uids=tuple(dict.fromkeys(f.instance.instance_uid for f in frames)),
        patient_id=i.patient_id or None, accession_number=i.accession_number or None,
        study_date=i.study_date or None)
