"""What shares a series' UID without being one of its slices is named, and nothing else is dropped."""
from __future__ import annotations

from dataclasses import replace

import pytest

from medtl.io.dicom.instances import SECONDARY_CAPTURE, Frame
from medtl.io.dicom.limits import DEFAULT_LIMITS
from medtl.io.dicom.membership import is_cross_sectional, kind_refused, members, non_member
from medtl.io.dicom.objects import read_frames
from medtl.io.dicom.sources import FileSource
from medtl.io.reasons import Reason
from tests.io.dicom.corpus import Plane, positions, save, stack_of


@pytest.fixture(scope="module")
def frame(tmp_path_factory: pytest.TempPathFactory) -> Frame:
    path = save(stack_of(Plane(), positions(Plane(), 1, 1.0))[0], tmp_path_factory.mktemp("one") / "a.dcm")
    return read_frames(FileSource(path), DEFAULT_LIMITS)[1][0]


def _of(frame: Frame, rows: int | None = None, photometric: str | None = None, **facts: object) -> Frame:
    layout = frame.instance.layout
    assert layout is not None
    layout = replace(layout, rows=rows or layout.rows, photometric=photometric or layout.photometric)
    return replace(frame, instance=replace(frame.instance, layout=layout, **facts))  # type: ignore[arg-type]


@pytest.mark.parametrize(("image_type", "reason"), [
    (("ORIGINAL", "PRIMARY", "LOCALIZER"), Reason.LOCALIZER),
    (("DERIVED", "SECONDARY", "DOSE_INFO"), Reason.DOSE_REPORT),
    (("DERIVED", "SECONDARY", "SCREEN SAVE"), Reason.SCREEN_CAPTURE), (("ORIGINAL", "PRIMARY", "LOWDOSE"), None),
    (("ORIGINAL", "PRIMARY", "AXIAL"), None), ((), None),
])
def test_the_kind_of_image(frame: Frame, image_type: tuple[str, ...], reason: Reason | None) -> None:
    assert kind_refused(_of(frame, image_type=image_type).instance) is reason
    assert non_member(_of(frame, image_type=image_type)) is reason


def test_without_a_place_the_description_only_names_the_reason(frame: Frame) -> None:
    assert non_member(replace(frame, orientation=None)) is Reason.NO_ORIENTATION
    nowhere = replace(frame, position=None)
    assert non_member(nowhere) is Reason.NO_POSITION
    for hint, reason in (("dose", Reason.DOSE_REPORT), ("scout", Reason.LOCALIZER), ("screen", Reason.SCREEN_CAPTURE)):
        assert non_member(_of(nowhere, hint=hint)) is reason
        assert non_member(_of(frame, hint=hint)) is None  # a slice with a place stays a slice
    assert non_member(_of(nowhere, sop_class=SECONDARY_CAPTURE)) is Reason.SCREEN_CAPTURE


def test_only_slices_need_a_place(frame: Frame) -> None:
    nowhere = replace(frame, position=None, orientation=None)
    for modality in ("CT", "MR", "PT", "NM"):
        assert is_cross_sectional([_of(nowhere, modality=modality)])
    for modality in ("CR", "DX", "MG", "US"):
        assert not is_cross_sectional([_of(nowhere, modality=modality)])
    assert not is_cross_sectional([_of(frame, modality="US")] * 3)
    assert is_cross_sectional([_of(frame, modality="OT")] * 3)  # placed slices of a reconstruction


@pytest.mark.parametrize(("many", "few", "parted"), [(12, 1, True), (12, 2, False), (30, 2, True), (5, 3, False)])
def test_few_of_another_matrix_are_dropped_and_a_second_stack_is_left(
    frame: Frame, many: int, few: int, parted: bool
) -> None:
    kept, dropped = members([frame] * many + [_of(frame, rows=20)] * few)
    assert len(kept) == (many if parted else many + few)
    assert [reason for _, reason in dropped] == [Reason.OTHER_MATRIX] * (few if parted else 0)


def test_another_photometric_is_never_a_second_stack(frame: Frame) -> None:
    kept, dropped = members([frame] * 6 + [_of(frame, photometric="MONOCHROME1")] * 5)
    assert kept == [frame] * 6
    assert [reason for _, reason in dropped] == [Reason.OTHER_PHOTOMETRIC] * 5
