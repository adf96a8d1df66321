"""Functional groups: a frame's own part goes before the shared one, and the groups must be as many as the frames."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from medtl.io.dicom.instances import Frame
from medtl.io.dicom.limits import DEFAULT_LIMITS, Refusal
from medtl.io.dicom.objects import read_frames
from medtl.io.dicom.sources import FileSource
from medtl.io.reasons import Reason
from tests.io.dicom.corpus import Plane, Scale, enhanced, positions, save

PLANE = Plane(4, 5)
WHERE = positions(PLANE, 4, 3.0)


def _frames(ds: Dataset, path: Path) -> list[Frame]:
    return read_frames(FileSource(save(ds, path)), DEFAULT_LIMITS)[1]


def test_frames_come_in_stored_order_with_their_own_places(tmp_path: Path) -> None:
    order = [2, 0, 3, 1]
    frames = _frames(enhanced(PLANE, WHERE, order=order), tmp_path / "e")
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    assert np.allclose([frame.position for frame in frames], WHERE[order])
    assert {frame.spacing for frame in frames} == {(PLANE.row_mm, PLANE.column_mm)}
    assert len({id(frame.instance) for frame in frames}) == 1


def test_a_frames_own_part_hides_the_shared_one(tmp_path: Path) -> None:
    ds = enhanced(PLANE, WHERE, scale=Scale(0.5, -100.0))
    own, measures = Dataset(), Dataset()
    own.RescaleSlope, own.RescaleIntercept, own.RescaleType = "3", "7", "HU"
    measures.PixelSpacing = ["0.4", "0.6"]
    ds.PerFrameFunctionalGroupsSequence[1].PixelValueTransformationSequence = [own]
    ds.PerFrameFunctionalGroupsSequence[2].PixelMeasuresSequence = [measures]
    frames = _frames(ds, tmp_path / "e")
    lines = [(frame.rescale.slope, frame.rescale.intercept) for frame in frames]
    assert lines == [(0.5, -100.0), (3.0, 7.0), (0.5, -100.0), (0.5, -100.0)]
    assert [frame.spacing for frame in frames][1:3] == [(PLANE.row_mm, PLANE.column_mm), (0.4, 0.6)]


def test_what_no_group_states_is_absent_not_guessed(tmp_path: Path) -> None:
    ds = enhanced(PLANE, WHERE)
    del ds.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence
    del ds.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence
    del ds.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence
    del ds.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence
    frames = _frames(ds, tmp_path / "e")
    assert frames[0].position is None
    assert frames[1].position is not None
    assert all(frame.orientation is None and frame.spacing is None for frame in frames)
    assert not any(frame.rescale.stated for frame in frames)


def test_separators_leave_out_indices_that_only_count_places(tmp_path: Path) -> None:
    def content(number: int, group: Dataset) -> None:
        group.FrameContentSequence[0].DimensionIndexValues = [number + 1, 7]
        group.FrameContentSequence[0].TemporalPositionIndex = 3

    ds = enhanced(PLANE, WHERE, content=content)
    pointers = []
    for tag in (0x00209057, 0x00189087):  # in-stack position, b-value
        item = Dataset()
        item.DimensionIndexPointer = tag
        pointers.append(item)
    ds.DimensionIndexSequence = pointers
    for frame in _frames(ds, tmp_path / "e"):
        assert frame.separators["DimensionIndexValues[1]"] == 7
        assert "DimensionIndexValues[0]" not in frame.separators
        assert frame.separators["TemporalPositionIndex"] == (3.0,)
        assert frame.separators["StackID"] == "1"


def test_groups_that_do_not_match_the_frames_are_refused(tmp_path: Path) -> None:
    ds = enhanced(PLANE, WHERE)
    del ds.PerFrameFunctionalGroupsSequence[-1]
    with pytest.raises(Refusal, match="3 functional groups stand beside 4 frames") as caught:
        _frames(ds, tmp_path / "e")
    assert caught.value.reason is Reason.BAD_HEADER
