from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import UID, CTImageStorage

from medtl.sources.simulated.dicom import patient_id, uid, write_dicom
from medtl.sources.simulated.study import SimulatedStudy, simulate_study


@pytest.fixture(scope="module", params=["north", "east", "south"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[SimulatedStudy, Path]:
    study = simulate_study(0, request.param, 1)
    folder = tmp_path_factory.mktemp(request.param)
    write_dicom(study, folder)
    return study, folder


def read(folder: Path) -> list[pydicom.FileDataset]:
    return sorted((pydicom.dcmread(path) for path in folder.iterdir()), key=lambda ds: ds.ImagePositionPatient[2])


def test_pydicom_reads_back_the_volume(written: tuple[SimulatedStudy, Path]) -> None:
    study, folder = written
    slices = read(folder)
    hu = np.stack([ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept) for ds in slices])
    np.testing.assert_array_equal(hu, study.hu)
    positions = np.array([ds.ImagePositionPatient for ds in slices], dtype=float)
    np.testing.assert_allclose(positions[0], study.origin_mm, atol=1e-4)
    np.testing.assert_allclose(np.diff(positions[:, 2]), study.spacing_mm[2], atol=1e-4)
    assert [float(v) for v in slices[0].PixelSpacing] == pytest.approx(study.spacing_mm[:2])


def test_headers_tell_scanner_and_protocol(written: tuple[SimulatedStudy, Path]) -> None:
    study, folder = written
    protocol, scanner = study.hospital.protocol, study.hospital.scanner
    for ds in read(folder):
        assert ds.SOPClassUID == ds.file_meta.MediaStorageSOPClassUID == CTImageStorage
        assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID
        assert list(ds.ImageType) == ["ORIGINAL", "PRIMARY", "AXIAL"]
        assert (ds.Manufacturer, ds.ManufacturerModelName) == (scanner.manufacturer, scanner.model)
        assert (float(ds.KVP), float(ds.SliceThickness), ds.ConvolutionKernel) == (
            protocol.kvp, protocol.thickness_mm, protocol.kernel.name,
        )
        assert int(ds.Exposure) == round(protocol.mas)
        assert int(ds.XRayTubeCurrent) * int(ds.ExposureTime) / 1000 == pytest.approx(protocol.mas, abs=1)
        if scanner.padding != -1024:
            assert ds.PixelPaddingValue == scanner.padding


def test_pydicom_writes_the_same_bytes(written: tuple[SimulatedStudy, Path], tmp_path: Path) -> None:
    """The elements are put together here; pydicom's own writer is the oracle."""
    for path in written[1].iterdir():
        ds = pydicom.dcmread(path)
        for element in ds.iterall():
            assert element.tag is not None  # decodes every element, so that nothing is copied undecoded
        ds.save_as(tmp_path / path.name, enforce_file_format=True)
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_every_name_says_simulated(written: tuple[SimulatedStudy, Path]) -> None:
    for ds in read(written[1]):
        for text in (ds.PatientName, ds.Manufacturer, ds.InstitutionName, ds.StudyDescription, ds.SeriesDescription):
            assert "simulated" in str(text).lower()
        assert ds.PatientID == patient_id(written[0])


def test_uids_are_valid_distinct_and_repeatable(written: tuple[SimulatedStudy, Path]) -> None:
    study, folder = written
    slices = read(folder)
    instances = [ds.SOPInstanceUID for ds in slices]
    assert len(set(instances)) == len(instances)
    assert len({ds.SeriesInstanceUID for ds in slices}) == 1
    for found in (*instances, slices[0].StudyInstanceUID, slices[0].SeriesInstanceUID, slices[0].FrameOfReferenceUID):
        assert UID(found).is_valid
        assert found.startswith("2.25.")
    assert slices[0].StudyInstanceUID == uid(study, "study")


def test_same_study_same_bytes(written: tuple[SimulatedStudy, Path], tmp_path: Path) -> None:
    study, folder = written
    for path in write_dicom(simulate_study(0, study.site, study.index), tmp_path):
        assert path.read_bytes() == (folder / path.name).read_bytes()
