"""A simulated study written as a DICOM CT series of CT Image Storage objects, one file a slice.

The patient is fictitious and says so in every name; the manufacturer and the model say that they are simulated.

Reference:
    DICOM PS3.3 A.3, CT Image IOD; PS3.5 B.2, UIDs derived from UUIDs under 2.25.
"""
from __future__ import annotations

import hashlib
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element, write_file_meta_info
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from medtl.sources.simulated.study import SimulatedStudy

FIRST_DAY = date(2020, 1, 6)
IMPLEMENTATION = "2.25.172803951036217405830518664120349"
NO_PADDING = -1024
"""A scanner that pads with this value writes no PixelPaddingValue, as it cannot be told from air."""


def uid(study: SimulatedStudy, *key: str | int) -> str:
    """A UID under 2.25 from the study's identity and a key; the same key gives the same UID.

    Args:
        study: the study.
        key: what the UID is for.

    Returns:
        A valid DICOM UID.
    """
    name = "/".join(map(str, ("medtl-simulated", study.seed, study.site, study.index, *key))).encode()
    return f"2.25.{int.from_bytes(hashlib.sha256(name).digest()[:16], 'big')}"


def patient_id(study: SimulatedStudy) -> str:
    """The fictitious patient's number at its hospital, such as SIM-NORTH-0007."""
    return f"SIM-{study.site.upper()}-{study.patient + 1:04d}"


def write_dicom(study: SimulatedStudy, folder: Path) -> list[Path]:
    """Write a study's slices.

    Args:
        study: what to write.
        folder: existing folder.

    Returns:
        The files, from the feet to the head.
    """
    shared = _encoded(_series(study))
    written = []
    for number, pixels in enumerate(study.hu):
        own = _slice(study, number, pixels)
        elements = shared | _encoded(own)
        path = folder / f"slice-{number + 1:03d}.dcm"
        path.write_bytes(_preamble(own.SOPInstanceUID) + b"".join(elements[tag] for tag in sorted(elements)))
        written.append(path)
    return written


def _encoded(ds: Dataset) -> dict[int, bytes]:
    """The elements as they stand in a file, by tag; those that all slices share are encoded once, to save time."""
    elements = {}
    for element in ds:
        buffer = DicomBytesIO()
        buffer.is_little_endian, buffer.is_implicit_VR = True, False
        write_data_element(buffer, element, ["utf-8"])
        elements[int(element.tag)] = buffer.getvalue()
    return elements


def _preamble(instance: str) -> bytes:
    """What comes before the data set: 128 zeros, DICM, and the file meta information."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = instance
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION
    buffer = DicomBytesIO()
    write_file_meta_info(buffer, meta)
    encoded: bytes = buffer.getvalue()
    return bytes(128) + b"DICM" + encoded


def _series(study: SimulatedStudy) -> Dataset:
    """What all slices of the series share."""
    scanner, protocol = study.hospital.scanner, study.hospital.protocol
    day = FIRST_DAY + timedelta(days=study.patient % 250 + 182 * (study.examination - 1))
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.SOPClassUID = CTImageStorage
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = day.strftime("%Y%m%d")
    ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = "120000"
    ds.AccessionNumber = ""
    ds.Modality = "CT"
    ds.Manufacturer = scanner.manufacturer
    ds.ManufacturerModelName = scanner.model
    ds.InstitutionName = f"Simulated hospital {study.site}"
    ds.ReferringPhysicianName = ""
    ds.StudyDescription = "SIMULATED CHEST CT"
    ds.SeriesDescription = f"SIMULATED {protocol.thickness_mm:g} mm {protocol.kernel.name}"
    ds.PatientName = f"SIMULATED^{study.site.capitalize()}{study.patient + 1:04d}"
    ds.PatientID = patient_id(study)
    ds.PatientBirthDate = ""
    ds.PatientSex = ""
    ds.BodyPartExamined = "CHEST"
    ds.ContrastBolusAgent = "SIMULATED IODINE" if study.iodine_mg_ml else ""
    ds.SliceThickness = f"{protocol.thickness_mm:g}"
    ds.KVP = str(protocol.kvp)
    ds.ReconstructionDiameter = f"{protocol.fov_mm:g}"
    ds.GantryDetectorTilt = "0"
    ds.ExposureTime = "500"
    ds.XRayTubeCurrent = str(round(protocol.mas * 2))
    ds.Exposure = str(round(protocol.mas))
    ds.ConvolutionKernel = protocol.kernel.name
    ds.SoftwareVersions = "medtl simulator"
    ds.PatientPosition = "HFS"
    ds.StudyInstanceUID = uid(study, "study")
    ds.SeriesInstanceUID = uid(study, "series")
    ds.FrameOfReferenceUID = uid(study, "frame of reference")
    ds.PositionReferenceIndicator = ""
    ds.StudyID = str(study.examination)
    ds.SeriesNumber = "1"
    ds.AcquisitionNumber = "1"
    ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    _, ds.Rows, ds.Columns = study.hu.shape
    ds.PixelSpacing = [f"{study.spacing_mm[0]:.8g}", f"{study.spacing_mm[1]:.8g}"]
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit = 15
    ds.PixelRepresentation = 1
    if scanner.padding != NO_PADDING:
        ds.add_new("PixelPaddingValue", "SS", scanner.padding)
    ds.WindowCenter, ds.WindowWidth = "-600", "1500"
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "HU"
    return ds


def _slice(study: SimulatedStudy, number: int, pixels: NDArray[np.int16]) -> Dataset:
    """What one slice has of its own."""
    ds = Dataset()
    x, y, z = study.origin_mm
    z += number * study.spacing_mm[2]
    ds.SOPInstanceUID = uid(study, "slice", number)
    ds.InstanceNumber = str(len(study.hu) - number)  # scanners number from the head
    ds.ImagePositionPatient = [f"{x:.8g}", f"{y:.8g}", f"{z:.8g}"]
    ds.SliceLocation = f"{z:.8g}"
    ds.add_new("PixelData", "OW", pixels.astype("<i2").tobytes())
    return ds
