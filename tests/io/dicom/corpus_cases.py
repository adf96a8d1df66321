"""The corpus: rules 1 to 6 (what belongs together, and where it lies)."""
from __future__ import annotations

import gc
import warnings
import zipfile
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.fileset import FileSet

from medtl.io.reasons import Reason
from tests.io.dicom.corpus import (
    Expected,
    Plane,
    base,
    case,
    positions,
    put_pixels,
    save,
    save_all,
    slice_of,
    stack_of,
    truth,
    uid,
)

AXIAL = Plane()
SAGITTAL = Plane(row=(0.0, 1.0, 0.0), column=(0.0, 0.0, -1.0))
CORONAL = Plane(row=(1.0, 0.0, 0.0), column=(0.0, 0.0, -1.0))
_A, _B = np.radians(23.0), np.radians(-14.0)
OBLIQUE = Plane(row=(float(np.cos(_A)), float(np.sin(_A)), 0.0),
                column=(float(-np.sin(_A) * np.cos(_B)), float(np.cos(_A) * np.cos(_B)), float(np.sin(_B))))


@case()
def axial(folder: Path) -> Expected:
    where = positions(AXIAL, 9, 2.5)
    save_all(stack_of(AXIAL, where), folder)
    return Expected([truth(AXIAL, where)])


@case()
def axial_head_first_reversed(folder: Path) -> Expected:
    where = positions(AXIAL, 7, -3.0)
    save_all(stack_of(AXIAL, where), folder)
    return Expected([truth(AXIAL, where)])


@case()
def sagittal(folder: Path) -> Expected:
    where = positions(SAGITTAL, 8, 4.0)
    save_all(stack_of(SAGITTAL, where), folder)
    return Expected([truth(SAGITTAL, where)])


@case()
def coronal(folder: Path) -> Expected:
    where = positions(CORONAL, 8, 2.0)
    save_all(stack_of(CORONAL, where, modality="MR"), folder)
    return Expected([truth(CORONAL, where)])


@case()
def oblique(folder: Path) -> Expected:
    where = positions(OBLIQUE, 10, 1.7)
    save_all(stack_of(OBLIQUE, where, digits=5), folder)
    return Expected([truth(OBLIQUE, where)])


@case()
def feet_first_flipped(folder: Path) -> Expected:
    plane = Plane(row=(-1.0, 0.0, 0.0), column=(0.0, 1.0, 0.0))
    where = positions(plane, 6, 2.0)
    save_all(stack_of(plane, where), folder)
    return Expected([truth(plane, where)])


@case()
def long_thin_rounded(folder: Path) -> Expected:
    plane = Plane(rows=4, columns=5, row_mm=0.7, column_mm=0.7)
    where = positions(plane, 320, 0.625, origin=(1.23, 4.56, -90.0625))
    save_all(stack_of(plane, where, digits=2), folder)
    return Expected([truth(plane, where)])


@case()
def thin_oblique_rounded(folder: Path) -> Expected:
    plane = Plane(4, 5, 0.6, 0.6, OBLIQUE.row, OBLIQUE.column)
    where = positions(plane, 160, 0.625)
    save_all(stack_of(plane, where, digits=2), folder)
    return Expected([truth(plane, where)])


@case()
def rounded_to_tenths(folder: Path) -> Expected:
    where = positions(AXIAL, 40, 1.25, origin=(-20.0, -11.0, 30.0))
    save_all(stack_of(AXIAL, where, digits=1), folder)
    return Expected([truth(AXIAL, where)], notes=[Reason.ROUNDED_POSITIONS])


@case()
def single_slice(folder: Path) -> Expected:
    where = positions(AXIAL, 1, 1.0)
    save_all(stack_of(AXIAL, where), folder)
    return Expected([truth(AXIAL, where)], notes=[Reason.SINGLE_SLICE])


@case()
def two_slices(folder: Path) -> Expected:
    where = positions(AXIAL, 2, 6.0)
    save_all(stack_of(AXIAL, where), folder)
    return Expected([truth(AXIAL, where)])


@case()
def gantry_tilt(folder: Path) -> Expected:
    where = positions(AXIAL, 12, 3.0, lean=(0.0, 0.9, 0.0))
    slices = stack_of(AXIAL, where)
    for ds in slices:
        ds.GantryDetectorTilt = "-35"  # a lie: never to be used
    save_all(slices, folder)
    return Expected([truth(AXIAL, where)], notes=[Reason.GANTRY_TILT])


@case()
def gantry_tilt_oblique(folder: Path) -> Expected:
    where = positions(OBLIQUE, 9, 2.0, lean=(0.1, 0.05, -0.2))
    save_all(stack_of(OBLIQUE, where), folder)
    return Expected([truth(OBLIQUE, where)], notes=[Reason.GANTRY_TILT])


@case(readable=False)
def missing_slice(folder: Path) -> Expected:
    where = np.delete(positions(AXIAL, 9, 2.5), 4, axis=0)
    save_all(stack_of(AXIAL, where), folder)
    return Expected(refused=[Reason.MISSING_SLICE])


@case(readable=False)
def missing_in_short_stack(folder: Path) -> Expected:
    where = np.delete(positions(AXIAL, 4, 5.0), 1, axis=0)
    save_all(stack_of(AXIAL, where, digits=1), folder)
    return Expected(refused=[Reason.MISSING_SLICE])


@case(readable=False)
def missing_in_thin_rounded(folder: Path) -> Expected:
    plane = Plane(4, 5)
    where = np.delete(positions(plane, 120, 0.625), [50, 51, 90], axis=0)
    save_all(stack_of(plane, where, digits=2), folder)
    return Expected(refused=[Reason.MISSING_SLICE])


@case()
def missing_interpolated(folder: Path) -> Expected:
    full = positions(AXIAL, 9, 2.5)
    save_all(stack_of(AXIAL, np.delete(full, [3, 4], axis=0)), folder)
    return Expected([truth(AXIAL, full)], notes=[Reason.SLICES_INTERPOLATED], options={"missing": "interpolate"})


@case(readable=False)
def variable_spacing(folder: Path) -> Expected:
    where = positions(AXIAL, 8, 2.0)
    where[4:] += [0.0, 0.0, 0.7]
    save_all(stack_of(AXIAL, where), folder)
    return Expected(refused=[Reason.VARIABLE_SPACING])


@case()
def variable_resampled(folder: Path) -> Expected:
    z = np.array([0.0, 2.0, 4.0, 6.0, 9.0, 12.0, 14.0, 16.0])
    where = np.array([-20.0, -10.0, 30.0]) + z[:, None] * np.array([0.0, 0.0, 1.0])
    where[5] += [0.0, 0.0, -0.5]
    save_all(stack_of(AXIAL, where), folder)
    regular = where[0] + np.arange(9)[:, None] * np.array([0.0, 0.0, 2.0])
    return Expected([truth(AXIAL, regular)], notes=[Reason.SPACING_RESAMPLED], options={"unequal": "resample"})


@case(readable=False)
def off_the_line(folder: Path) -> Expected:
    where = positions(AXIAL, 8, 2.0)
    where[3] += [1.5, 0.0, 0.0]
    save_all(stack_of(AXIAL, where), folder)
    return Expected(refused=[Reason.IRREGULAR_POSITIONS])


@case()
def with_localizer(folder: Path) -> Expected:
    where = positions(AXIAL, 6, 2.5)
    scout = slice_of(SAGITTAL, where[0], "scout")
    scout.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    save_all([scout, *stack_of(AXIAL, where)], folder)
    return Expected([truth(AXIAL, where)], notes=[Reason.NON_MEMBERS_DROPPED])


@case(readable=False)
def only_localizer(folder: Path) -> Expected:
    save_all(stack_of(SAGITTAL, positions(SAGITTAL, 1, 1.0), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), folder)
    return Expected(refused=[Reason.LOCALIZER])


@case()
def with_dose_report_and_capture(folder: Path) -> Expected:
    where = positions(AXIAL, 6, 2.5)
    strays = []
    for number, kind in enumerate(("DOSE_INFO", "SCREEN SAVE")):
        stray = base(series="s", number=f"stray{number}")
        stray.ImageType = ["DERIVED", "SECONDARY", kind]
        strays.append(put_pixels(stray, np.zeros((30, 40), np.uint16)))
    save_all([*strays, *stack_of(AXIAL, where)], folder)
    return Expected([truth(AXIAL, where)], notes=[Reason.NON_MEMBERS_DROPPED])


@case(readable=False)
def without_position(folder: Path) -> Expected:
    save_all(stack_of(AXIAL, positions(AXIAL, 5, 2.0), ImagePositionPatient=None), folder)
    return Expected(refused=[Reason.NO_POSITION])


@case(readable=False)
def without_orientation(folder: Path) -> Expected:
    save_all(stack_of(AXIAL, positions(AXIAL, 5, 2.0), ImageOrientationPatient=None), folder)
    return Expected(refused=[Reason.NO_ORIENTATION])


@case(readable=False)
def skewed_orientation(folder: Path) -> Expected:
    save_all(stack_of(AXIAL, positions(AXIAL, 5, 2.0), ImageOrientationPatient=[1, 0, 0, 0.2, 0.98, 0]), folder)
    return Expected(refused=[Reason.BAD_ORIENTATION])


@case()
def stray_files_and_report(folder: Path) -> Expected:
    where = positions(AXIAL, 6, 2.5)
    save_all(stack_of(AXIAL, where), folder / "deep" / "er")
    (folder / "notes.txt").write_text("no image")
    report = base("SR", "1.2.840.10008.5.1.4.1.1.88.11", "report")
    report.ContentSequence = [Dataset()]
    save(report, folder / "report.dcm")
    return Expected([truth(AXIAL, where)])


@case()
def other_matrix_dropped(folder: Path) -> Expected:
    where = positions(AXIAL, 12, 2.5)
    stray = slice_of(Plane(rows=20, columns=20), where[-1] + [0.0, 0.0, 2.5], "stray")
    save_all([stray, *stack_of(AXIAL, where)], folder)
    return Expected([truth(AXIAL, where)], notes=[Reason.OTHER_MATRIX])


@case()
def other_photometric_dropped(folder: Path) -> Expected:
    where = positions(AXIAL, 6, 2.5)
    stray = slice_of(AXIAL, where[-1] + [0.0, 0.0, 2.5], "stray", PhotometricInterpretation="MONOCHROME1")
    save_all([stray, *stack_of(AXIAL, where)], folder)
    return Expected([truth(AXIAL, where)], notes=[Reason.OTHER_PHOTOMETRIC])


@case()
def two_orientations(folder: Path) -> Expected:
    one, two = positions(AXIAL, 6, 2.5), positions(SAGITTAL, 5, 3.0)
    save_all([*stack_of(AXIAL, one), *stack_of(SAGITTAL, two)], folder)
    for number, path in enumerate(sorted(folder.iterdir())):
        path.rename(folder / f"{number:03d}")
    return Expected([truth(AXIAL, one), truth(SAGITTAL, two)], notes=[Reason.SPLIT])


@case()
def two_acquisitions(folder: Path) -> Expected:
    where = positions(AXIAL, 6, 2.5)
    other = Plane(row_mm=AXIAL.row_mm)
    first = stack_of(AXIAL, where, AcquisitionNumber="1")
    second = stack_of(other, where, AcquisitionNumber="2", RescaleIntercept="-1000")
    for number, ds in enumerate(second):
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = uid("second", number)
    save_all([*first, *second], folder)
    return Expected([truth(AXIAL, where), truth(AXIAL, where, lambda p: AXIAL.values(p) + 24.0)], notes=[Reason.SPLIT])


@case()
def acquisition_per_slice(folder: Path) -> Expected:
    where = positions(AXIAL, 6, 2.5)
    slices = stack_of(AXIAL, where)
    for number, ds in enumerate(slices):
        ds.AcquisitionNumber = str(number + 1)
    save_all(slices, folder)
    return Expected([truth(AXIAL, where)])


@case()
def two_echoes(folder: Path) -> Expected:
    where = positions(AXIAL, 5, 4.0)
    slices = []
    for echo, shift in ((4.6, 0.0), (9.2, 50.0)):
        for number, ds in enumerate(stack_of(AXIAL, where, modality="MR", EchoTime=str(echo))):
            ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = uid("echo", echo, number)
            ds.AcquisitionNumber = str(number)
            ds.RescaleIntercept = str(-1024 + shift)
            slices.append(ds)
    save_all(slices, folder)
    return Expected([truth(AXIAL, where), truth(AXIAL, where, lambda p: AXIAL.values(p) + 50.0)])


@case()
def trigger_times_that_drift(folder: Path) -> Expected:
    where = positions(AXIAL, 5, 4.0)
    slices = []
    for phase in range(2):
        for number, ds in enumerate(stack_of(AXIAL, where, modality="MR")):
            ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = uid("phase", phase, number)
            ds.TriggerTime = str(100 * phase + number)
            ds.RescaleIntercept = str(-1024 + 30 * phase)
            slices.append(ds)
    save_all(slices, folder)
    return Expected([truth(AXIAL, where), truth(AXIAL, where, lambda p: AXIAL.values(p) + 30.0)])


@case()
def copies(folder: Path) -> Expected:
    where = positions(AXIAL, 6, 2.5)
    slices = stack_of(AXIAL, where)
    again = stack_of(AXIAL, where[2:4])
    for number, ds in enumerate(again):
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = uid("copy", number)
    save_all([*slices, *again, slices[0]], folder)
    return Expected([truth(AXIAL, where)], notes=[Reason.DUPLICATE_DROPPED])


@case(readable=False)
def same_position_other_pixels(folder: Path) -> Expected:
    where = positions(AXIAL, 6, 2.5)
    stray = slice_of(AXIAL, where[2], "stray")
    stray.PixelData = bytes(len(stray.PixelData))
    save_all([*stack_of(AXIAL, where), stray], folder)
    return Expected(refused=[Reason.AMBIGUOUS_POSITION])


@case(readable=False)
def same_uid_other_pixels(folder: Path) -> Expected:
    slices = stack_of(AXIAL, positions(AXIAL, 6, 2.5))
    save_all(slices, folder / "a")
    slices[1].PixelData = bytes(len(slices[1].PixelData))
    save_all(slices[1:2], folder / "b")
    return Expected(refused=[Reason.AMBIGUOUS_POSITION])


@case()
def without_frame_of_reference(folder: Path) -> Expected:
    where, other = positions(AXIAL, 5, 2.5), positions(AXIAL, 4, 2.5, origin=(0.0, 0.0, 200.0))
    save_all([*stack_of(AXIAL, where), *stack_of(AXIAL, other, series="s", FrameOfReferenceUID=None)], folder)
    return Expected([truth(AXIAL, where), truth(AXIAL, other)])


@case()
def zipped(folder: Path) -> Expected:
    where = positions(AXIAL, 5, 2.5)
    save_all(stack_of(AXIAL, where), folder / "inside")
    path = folder / "study.dcm"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted((folder / "inside").iterdir()):
            archive.write(file, f"sub/{file.name}")
    return Expected([truth(AXIAL, where)], path=path)


@case()
def dicomdir(folder: Path) -> Expected:
    where = positions(AXIAL, 5, 2.5)
    files = FileSet()
    for ds in stack_of(AXIAL, where):
        ds.StudyTime, ds.StudyID, ds.SeriesNumber = "120000", "1", "1"
        files.add(ds)
    files.write(folder / "media")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a file set leaves its own temporary folder to the garbage collector
        del files
        gc.collect()
    return Expected([truth(AXIAL, where)], path=folder / "media" / "DICOMDIR")
