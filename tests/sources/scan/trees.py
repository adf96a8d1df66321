"""Small trees of DICOM files for the tests of the scan."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

CT = "1.2.840.10008.5.1.4.1.1.2"


def uid(*parts: object) -> str:
    return str(generate_uid(entropy_srcs=[repr(parts)]))


def ct_slice(study: str, series: str, number: int, *, patient: str, spacing: float = 5.0, size: int = 16,
             pixels: np.ndarray | None = None, **more: Any) -> Dataset:
    """One CT slice; ``more`` sets or, with None, removes elements by keyword."""
    d = Dataset()
    d.SOPClassUID, d.SOPInstanceUID = CT, uid(study, series, number)
    d.StudyInstanceUID, d.SeriesInstanceUID, d.FrameOfReferenceUID = uid(study), uid(study, series), uid(study, "f")
    d.Modality, d.PatientID, d.PatientName = "CT", patient, f"Name^{patient}"
    d.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    d.AccessionNumber, d.StudyDate = f"ACC{study}", "20190317"
    d.Manufacturer, d.ManufacturerModelName, d.StationName = "SIEMENS", "Sensation 64", "CT-EAST-3"
    d.InstitutionName, d.KVP, d.ConvolutionKernel, d.SliceThickness = "St. Elsewhere", 120.0, "B30f", 5.0
    d.InstanceNumber = number
    d.ImagePositionPatient, d.ImageOrientationPatient = [0.0, 0.0, number * spacing], [1, 0, 0, 0, 1, 0]
    d.PixelSpacing, d.RescaleSlope, d.RescaleIntercept = [0.7, 0.7], 1, -1024
    if pixels is None:
        rng = np.random.default_rng(list((study + series).encode()))
        pixels = (rng.integers(0, 2000, (size, size)) + number).astype(np.uint16)
    d.Rows, d.Columns = pixels.shape
    d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
    d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 16, 15, 0
    d.PixelData = pixels.astype("<u2").tobytes()
    for keyword, value in more.items():
        if value is None:
            delattr(d, keyword)
        else:
            setattr(d, keyword, value)
    return d


def save(dataset: Dataset, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta = meta
    dataset.save_as(path, enforce_file_format=True)
    return path


def ct_series(folder: Path, study: str, series: str = "s", *, patient: str, slices: int = 4, **more: Any) -> Path:
    """A CT series, a file per slice."""
    for number in range(slices):
        save(ct_slice(study, series, number, patient=patient, **more), folder / f"im{number:03d}")
    return folder
