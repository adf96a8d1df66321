"""The corpus: rules 7 to 15 (what the values mean, how frames and pixels are stored)."""
from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import (
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from medtl.io.reasons import Reason
from tests.io.dicom.corpus import (
    Expected,
    Plane,
    Scale,
    Truth,
    base,
    case,
    enhanced,
    positions,
    put_pixels,
    save,
    save_all,
    slice_of,
    stack_of,
    text,
    truth,
)
from tests.io.dicom.corpus_cases import AXIAL, OBLIQUE

DX = "1.2.840.10008.5.1.4.1.1.1.1"


@case()
def pet_slope_per_slice(folder: Path) -> Expected:
    where = positions(AXIAL, 7, 3.27)
    slices = [slice_of(AXIAL, p, n, modality="PT", scale=Scale(0.05 * (n + 1), -500.0)) for n, p in enumerate(where)]
    save_all(slices, folder)
    return Expected([truth(AXIAL, where)])


@case(readable=False)
def pet_without_slope(folder: Path) -> Expected:
    slices = stack_of(AXIAL, positions(AXIAL, 4, 2.0), modality="PT")
    del slices[2].RescaleSlope
    save_all(slices, folder)
    return Expected(refused=[Reason.NO_RESCALE])


@case(readable=False)
def mr_with_one_slope_missing(folder: Path) -> Expected:
    slices = stack_of(AXIAL, positions(AXIAL, 4, 2.0), modality="MR")
    del slices[2].RescaleSlope, slices[2].RescaleIntercept
    save_all(slices, folder)
    return Expected(refused=[Reason.BAD_RESCALE])


@case()
def low_dose_protocol(folder: Path) -> Expected:
    where = positions(AXIAL, 4, 2.5)
    save_all(stack_of(AXIAL, where, ImageType=["ORIGINAL", "PRIMARY", "AXIAL", "LOWDOSE"]), folder)
    return Expected([truth(AXIAL, where)])


@case()
def signed_twelve_bits(folder: Path) -> Expected:
    where = positions(AXIAL, 5, 2.5)
    slices = stack_of(AXIAL, where, scale=Scale(0.25, 0.0, signed=True, bits=12))
    for ds in slices:  # the four high bits are rubbish; the sign is in bit 11
        raw = np.frombuffer(ds.PixelData, "<u2") & 0x0FFF | 0x5000
        ds.PixelData = raw.astype("<u2").tobytes()
    save_all(slices, folder)
    return Expected([truth(AXIAL, where)])


@case()
def overlay_in_high_bits(folder: Path) -> Expected:
    where = positions(AXIAL, 5, 2.5)
    slices = stack_of(AXIAL, where, scale=Scale(1.0 / 2, -900.0, bits=12))
    for ds in slices:
        raw = np.frombuffer(ds.PixelData, "<u2").copy()
        raw[::3] |= 0x1000
        ds.PixelData = raw.tobytes()
    save_all(slices, folder)
    return Expected([truth(AXIAL, where)])


@case()
def high_bit_fifteen(folder: Path) -> Expected:
    where = positions(AXIAL, 5, 2.5)
    slices = stack_of(AXIAL, where, scale=Scale(0.5, -900.0, bits=12))
    for ds in slices:
        ds.PixelData = (np.frombuffer(ds.PixelData, "<u2") << 4 | 7).astype("<u2").tobytes()
        ds.HighBit = 15
    save_all(slices, folder)
    return Expected([truth(AXIAL, where)])


def _padded(slices: list[Dataset], stored: int, limit: int | None = None) -> None:
    for ds in slices:
        raw = np.frombuffer(ds.PixelData, "<u2").reshape(ds.Rows, ds.Columns).copy()
        raw[:2, :3] = stored % 65536
        if limit is not None:
            raw[0, :3] = limit % 65536
        ds.PixelData = raw.tobytes()


def _air(plane: Plane, where: np.ndarray) -> Truth:
    full = truth(plane, where)
    full.array[:3, :2] = -1000.0
    return full


@case()
def padding_signed_with_intercept(folder: Path) -> Expected:
    where = positions(AXIAL, 5, 2.5)
    slices = stack_of(AXIAL, where, scale=Scale(0.5, -500.0, signed=True))
    _padded(slices, -2000)
    for ds in slices:
        ds.add_new(0x00280120, "SS", -2000)
    save_all(slices, folder)
    return Expected([_air(AXIAL, where)], notes=[Reason.PADDING_SET_TO_AIR])


@case()
def padding_written_unsigned(folder: Path) -> Expected:
    where = positions(AXIAL, 5, 2.5)
    slices = stack_of(AXIAL, where, scale=Scale(0.5, -500.0, signed=True))
    _padded(slices, -2000)
    for ds in slices:
        ds.add_new(0x00280120, "US", 63536)
    save_all(slices, folder)
    return Expected([_air(AXIAL, where)], notes=[Reason.PADDING_SET_TO_AIR])


@case()
def padding_range(folder: Path) -> Expected:
    where = positions(AXIAL, 5, 2.5)
    slices = stack_of(AXIAL, where, scale=Scale(0.25, -1024.0))
    _padded(slices, 3, 12)
    for ds in slices:
        ds.add_new(0x00280120, "US", 12)
        ds.add_new(0x00280121, "US", 2)
    save_all(slices, folder)
    return Expected([_air(AXIAL, where)], notes=[Reason.PADDING_SET_TO_AIR])


@case()
def padding_before_interpolation(folder: Path) -> Expected:
    full = positions(AXIAL, 7, 2.5)
    slices = stack_of(AXIAL, np.delete(full, 3, axis=0), scale=Scale(0.5, -500.0, signed=True))
    _padded(slices, -32768)
    for ds in slices:
        ds.add_new(0x00280120, "SS", -32768)
    save_all(slices, folder)
    return Expected([_air(AXIAL, full)], options={"missing": "interpolate"})


@case()
def modality_lut(folder: Path) -> Expected:
    where = positions(AXIAL, 4, 2.5)
    slices = stack_of(AXIAL, where, modality="MR", RescaleSlope=None, RescaleIntercept=None)
    table = np.arange(0, 4096) * 3 % 4096  # a permutation: not a line
    back = np.argsort(table)
    for ds, position in zip(slices, where, strict=True):
        wanted = np.rint(AXIAL.values(position) + 1000).astype(int)
        ds.PixelData = (back[wanted] + 100).astype("<u2").tobytes()
        item = Dataset()
        item.add_new(0x00283002, "US", [4096, 100, 16])
        item.ModalityLUTType = "US"
        item.add_new(0x00283006, "OW", table.astype("<u2").tobytes())
        ds.ModalityLUTSequence = [item]
    save_all(slices, folder)
    return Expected([truth(AXIAL, where, lambda p: np.rint(AXIAL.values(p) + 1000))])


@case(readable=False)
def ct_without_rescale(folder: Path) -> Expected:
    save_all(stack_of(AXIAL, positions(AXIAL, 4, 2.0), RescaleIntercept=None), folder)
    return Expected(refused=[Reason.NO_RESCALE])


@case(readable=False)
def ct_of_electron_density(folder: Path) -> Expected:
    save_all(stack_of(AXIAL, positions(AXIAL, 4, 2.0), RescaleType="ED"), folder)
    return Expected(refused=[Reason.NOT_HOUNSFIELD])


@case()
def ct_monochrome1_is_not_inverted(folder: Path) -> Expected:
    where = positions(AXIAL, 4, 2.5)
    save_all(stack_of(AXIAL, where, PhotometricInterpretation="MONOCHROME1"), folder)
    return Expected([truth(AXIAL, where)])


def _radiograph(number: object, **tags: object) -> tuple[Dataset, np.ndarray]:
    ds = base("DX", DX, "dx", number)
    del ds.FrameOfReferenceUID
    stored = (np.arange(9 * 11).reshape(9, 11) * 7 + 300).astype(np.uint16)  # never reaches the ends of 12 bits
    put_pixels(ds, stored, 12)
    for name, value in tags.items():
        setattr(ds, name, value)
    return ds, stored.astype(np.float64)


@case()
def radiograph(folder: Path) -> Expected:
    ds, stored = _radiograph(1, PixelSpacing=["0.2", "0.3"])
    save(ds, folder / "a.dcm")
    return Expected([Truth(stored.T[:, :, None], None, (0.3, 0.2, None))], notes=[Reason.NO_PATIENT_FRAME])


@case()
def radiograph_monochrome1(folder: Path) -> Expected:
    ds, stored = _radiograph(2, PixelSpacing=["0.2", "0.3"], PhotometricInterpretation="MONOCHROME1",
                             PresentationLUTShape="INVERSE")
    save(ds, folder / "a.dcm")
    return Expected([Truth(4095 - stored.T[:, :, None], None, (0.3, 0.2, None))], notes=[Reason.INVERTED])


@case()
def radiograph_inverse_shape(folder: Path) -> Expected:
    ds, stored = _radiograph(3, PixelSpacing=["0.2", "0.3"], PresentationLUTShape="INVERSE")
    save(ds, folder / "a.dcm")
    return Expected([Truth(4095 - stored.T[:, :, None], None, (0.3, 0.2, None))], notes=[Reason.INVERTED])


@case()
def radiograph_detector_spacing(folder: Path) -> Expected:
    ds, stored = _radiograph(4, ImagerPixelSpacing=["0.2", "0.3"], EstimatedRadiographicMagnificationFactor="1.25")
    save(ds, folder / "a.dcm")
    return Expected([Truth(stored.T[:, :, None], None, (0.24, 0.16, None))], notes=[Reason.DETECTOR_SPACING])


@case()
def two_radiographs_in_a_series(folder: Path) -> Expected:
    first, stored = _radiograph(5, PixelSpacing=["0.2", "0.3"])
    second, _ = _radiograph(6, PixelSpacing=["0.2", "0.3"], PhotometricInterpretation="MONOCHROME1")
    save_all([first, second], folder)
    spacing = (0.3, 0.2, None)
    return Expected([Truth(stored.T[:, :, None], None, spacing), Truth(4095 - stored.T[:, :, None], None, spacing)])


@case(readable=False)
def ct_without_pixel_spacing(folder: Path) -> Expected:
    save_all(stack_of(AXIAL, positions(AXIAL, 4, 2.0), PixelSpacing=None), folder)
    return Expected(refused=[Reason.NO_PIXEL_SPACING])


@case()
def enhanced_ct_shuffled(folder: Path) -> Expected:
    where = positions(OBLIQUE, 7, 2.2)
    save(enhanced(OBLIQUE, where, order=[3, 0, 6, 1, 5, 2, 4]), folder / "e.dcm")
    return Expected([truth(OBLIQUE, where)])


@case()
def enhanced_ct_per_frame_scale(folder: Path) -> Expected:
    where = positions(AXIAL, 6, 3.0)
    save(enhanced(AXIAL, where, shared_scale=False, order=[5, 4, 3, 2, 1, 0]), folder / "e.dcm")
    return Expected([truth(AXIAL, where)])


@case()
def enhanced_mr_temporal(folder: Path) -> Expected:
    where = positions(AXIAL, 5, 3.0)

    def content(number: int, group: Dataset) -> None:
        group.FrameContentSequence[0].TemporalPositionIndex = 1 + number % 2

    save(enhanced(AXIAL, np.repeat(where, 2, axis=0), modality="MR", content=content), folder / "e.dcm")
    return Expected([truth(AXIAL, where), truth(AXIAL, where)])


@case()
def enhanced_mr_dimension_indices(folder: Path) -> Expected:
    where = positions(AXIAL, 5, 3.0)

    def content(number: int, group: Dataset) -> None:
        group.FrameContentSequence[0].DimensionIndexValues = [number // 2 + 1, 1 + number % 2]

    ds = enhanced(AXIAL, np.repeat(where, 2, axis=0), modality="MR", content=content)
    pointers = []
    for tag in (0x00200032, 0x00189087):
        item = Dataset()
        item.DimensionIndexPointer = tag
        pointers.append(item)
    ds.DimensionIndexSequence = pointers
    save(ds, folder / "e.dcm")
    return Expected([truth(AXIAL, where), truth(AXIAL, where)])


@case()
def enhanced_two_stacks(folder: Path) -> Expected:
    one, two = positions(AXIAL, 4, 3.0), positions(AXIAL, 3, 3.0, origin=(0.0, 0.0, 200.0))

    def content(number: int, group: Dataset) -> None:
        group.FrameContentSequence[0].StackID = "1" if number < 4 else "2"

    save(enhanced(AXIAL, np.concatenate([one, two]), modality="MR", content=content), folder / "e.dcm")
    return Expected([truth(AXIAL, one), truth(AXIAL, two)])


@case(readable=False)
def enhanced_with_a_hole(folder: Path) -> Expected:
    save(enhanced(AXIAL, np.delete(positions(AXIAL, 7, 2.2), 3, axis=0)), folder / "e.dcm")
    return Expected(refused=[Reason.MISSING_SLICE])


def _syntax(folder: Path, syntax: object) -> Expected:
    plane = Plane(rows=70, columns=80)  # the encoder of JPEG 2000 wants no less
    where = positions(plane, 4, 2.5)
    for number, ds in enumerate(stack_of(plane, where)):
        if getattr(syntax, "is_compressed", False) and not getattr(syntax, "is_deflated", False):
            ds.compress(syntax, generate_instance_uid=False)
        elif syntax == ExplicitVRBigEndian:
            ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
        ds.file_meta.TransferSyntaxUID = syntax
        save(ds, folder / f"{number}")
    return Expected([truth(plane, where)])


@case()
def implicit_little_endian(folder: Path) -> Expected:
    return _syntax(folder, ImplicitVRLittleEndian)


@case()
def explicit_big_endian(folder: Path) -> Expected:
    return _syntax(folder, ExplicitVRBigEndian)


@case()
def deflated(folder: Path) -> Expected:
    return _syntax(folder, DeflatedExplicitVRLittleEndian)


@case()
def rle(folder: Path) -> Expected:
    return _syntax(folder, RLELossless)


@case()
def jpeg_ls(folder: Path) -> Expected:
    return _syntax(folder, JPEGLSLossless)


@case()
def jpeg_2000(folder: Path) -> Expected:
    return _syntax(folder, JPEG2000Lossless)


@case(readable=False)
def unknown_syntax(folder: Path) -> Expected:
    for number, ds in enumerate(stack_of(AXIAL, positions(AXIAL, 3, 2.5))):
        ds.compress(RLELossless, generate_instance_uid=False)
        ds.file_meta.TransferSyntaxUID = MPEG2MPML
        save(ds, folder / f"{number}")
    return Expected(refused=[Reason.UNDECODABLE_SYNTAX])


@case(readable=False)
def header_that_lies(folder: Path) -> Expected:
    save_all(stack_of(AXIAL, positions(AXIAL, 3, 2.5), Rows=60000, Columns=60000), folder)
    return Expected(refused=[Reason.TOO_LARGE])


@case(readable=False)
def one_slice_cut_short(folder: Path) -> Expected:
    save_all(stack_of(AXIAL, positions(AXIAL, 5, 2.5)), folder)
    path = sorted(folder.iterdir())[2]
    path.write_bytes(path.read_bytes()[:-40])
    return Expected(refused=[Reason.SIZE_MISMATCH])


@case(readable=False)
def pixel_cine(folder: Path) -> Expected:
    ds = base("US", "1.2.840.10008.5.1.4.1.1.3.1", "us")
    save(put_pixels(ds, np.zeros((4, 8, 8), np.uint8), 8), folder / "us.dcm")
    return Expected(refused=[Reason.TIME_SERIES])


@case()
def non_square_without_decimals(folder: Path) -> Expected:
    plane = Plane(rows=7, columns=9, row_mm=3.0, column_mm=1.0)
    where = positions(plane, 5, 5.0, origin=(-20.0, -10.0, 30.0))
    slices = stack_of(plane, where)
    for ds, position in zip(slices, where, strict=True):
        ds.ImagePositionPatient = [text(v, 0) for v in position]
    save_all(slices, folder)
    return Expected([truth(plane, where)])
