"""One object as facts: what the standard says of its tags, and nothing that it does not."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from medtl.io.dicom.instances import Frame, is_image_class
from medtl.io.dicom.limits import DEFAULT_LIMITS, Refusal
from medtl.io.dicom.objects import read_frames
from medtl.io.dicom.sources import FileSource
from medtl.io.reasons import Reason
from tests.io.dicom.corpus import CT, Plane, base, positions, put_pixels, save, slice_of

PLANE = Plane(4, 5)
ORIGIN = positions(PLANE, 1, 1.0)[0]


def _frame(path: Path, **tags: Any) -> Frame:
    return read_frames(FileSource(save(slice_of(PLANE, ORIGIN, **tags), path)), DEFAULT_LIMITS)[1][0]


@pytest.mark.parametrize(("texts", "half"), [
    (["1", "-2", "30"], (0.5, 0.5, 0.5)), (["1.25", "-2.5", "30.125"], (0.005, 0.05, 0.0005)),
    (["1.5e1", "2.50", "0"], (0.0, 0.005, 0.5)),
])
def test_the_last_digit_says_how_a_position_was_rounded(
    texts: list[str], half: tuple[float, ...], tmp_path: Path
) -> None:
    frame = _frame(tmp_path / "a", ImagePositionPatient=texts)
    assert frame.position == tuple(map(float, texts))
    assert frame.quanta == pytest.approx(half)


@pytest.mark.parametrize(("tags", "expected"), [
    ({}, None), ({"ImagerPixelSpacing": ["0.2", "0.3"]}, (0.2, 0.3)),
    ({"ImagerPixelSpacing": ["0.2", "0.3"], "EstimatedRadiographicMagnificationFactor": "1.25"}, (0.16, 0.24)),
    ({"ImagerPixelSpacing": ["0.2", "0.3"], "DistanceSourceToDetector": "1500", "DistanceSourceToPatient": "1000"},
     (0.2 / 1.5, 0.3 / 1.5)),
    ({"ImagerPixelSpacing": ["0.2", "0.3"], "DistanceSourceToDetector": "1000", "DistanceSourceToPatient": "1500"},
     (0.2, 0.3)),
])
def test_the_pixel_size_at_the_patient_is_the_detectors_over_the_magnification(
    tags: dict[str, Any], expected: tuple[float, float] | None, tmp_path: Path
) -> None:
    spacing = _frame(tmp_path / "a", **tags).instance.detector_spacing
    assert spacing == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(("signed", "written", "limit", "expected"), [
    (False, 63536, None, (63536, 63536)), (True, -2000, None, (-2000, -2000)), (True, -10, -2000, (-2000, -10)),
    (False, 2, 12, (2, 12)),
])
def test_padding_is_a_range_in_stored_units(
    signed: bool, written: int, limit: int | None, expected: tuple[int, int], tmp_path: Path
) -> None:
    ds = slice_of(PLANE, ORIGIN)
    ds.PixelRepresentation = int(signed)
    ds.add_new(0x00280120, "SS" if written < 0 else "US", written)
    if limit is not None:
        ds.add_new(0x00280121, "SS" if limit < 0 else "US", limit)
    _, (frame,) = read_frames(FileSource(save(ds, tmp_path / "a")), DEFAULT_LIMITS)
    assert frame.instance.padding == expected


def test_an_unknown_modality_is_taken_from_the_class(tmp_path: Path) -> None:
    assert _frame(tmp_path / "a", Modality="").instance.modality == "CT"
    assert _frame(tmp_path / "b", Modality="XX").instance.modality == "CT"
    assert _frame(tmp_path / "c", Modality="MR").instance.modality == "MR"
    assert is_image_class(CT)
    assert not is_image_class("1.2.840.10008.5.1.4.1.1.88.11")


def test_bits_default_as_the_standard_says(tmp_path: Path) -> None:
    ds = slice_of(PLANE, ORIGIN)
    del ds.BitsStored, ds.HighBit
    _, (frame,) = read_frames(FileSource(save(ds, tmp_path / "a")), DEFAULT_LIMITS)
    layout = frame.instance.layout
    assert layout is not None
    assert (layout.stored, layout.high, layout.signed, layout.frames) == (16, 15, False, 1)


def test_b_values_of_private_groups_need_their_creator(tmp_path: Path) -> None:
    ds = slice_of(PLANE, ORIGIN, modality="MR")
    ds.add_new(0x00430010, "LO", "GEMS_PARM_01")
    ds.add_new(0x00431039, "IS", ["1000000800", "0"])
    ds.add_new(0x0019100C, "IS", "500")  # nobody says whose this is
    _, (frame,) = read_frames(FileSource(save(ds, tmp_path / "a")), DEFAULT_LIMITS)
    assert frame.separators["DiffusionBValue"] == 800.0


def test_a_slope_of_zero_and_a_short_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as caught:
        _frame(tmp_path / "a", RescaleSlope="0")
    assert caught.value.reason is Reason.BAD_RESCALE
    item = Dataset()
    item.add_new(0x00283002, "US", [64, 0, 16])
    item.add_new(0x00283006, "OW", np.arange(10, dtype="<u2").tobytes())
    with pytest.raises(Refusal, match="shorter") as caught:
        _frame(tmp_path / "b", ModalityLUTSequence=[item])
    assert caught.value.reason is Reason.BAD_RESCALE


def test_a_description_leaves_only_a_reserved_word(tmp_path: Path) -> None:
    ds = put_pixels(base(), np.zeros((4, 5), np.uint16))
    ds.SeriesDescription = "Dose report of Jane Doe"
    instance, _ = read_frames(FileSource(save(ds, tmp_path / "a")), DEFAULT_LIMITS)
    assert instance.hint == "dose"
    for secret in ("Jane", "P-1", "A-1", "20200102", "ST-7", str(instance.study_uid), str(tmp_path)):
        assert secret not in repr(instance)
