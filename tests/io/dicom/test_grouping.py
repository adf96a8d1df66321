"""Groups follow study, series, frame of reference and modality, whatever the order in which files come."""
from __future__ import annotations

from pathlib import Path

import pytest

from medtl.io.dicom.grouping import group_instances
from medtl.io.dicom.instances import Frame
from medtl.io.dicom.limits import DEFAULT_LIMITS, Refusal
from medtl.io.dicom.objects import DefectiveObject, read_frames
from medtl.io.dicom.sources import FileSource
from medtl.io.reasons import Reason
from tests.io.dicom.corpus import Plane, positions, save, slice_of, stack_of, uid

AXIAL = Plane(4, 5)


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[list[Frame]]:
    """Three slices of one series, one of another study, one without a frame of reference, one of another modality."""
    folder = tmp_path_factory.mktemp("groups")
    slices = stack_of(AXIAL, positions(AXIAL, 3, 2.0))
    slices += [slice_of(AXIAL, positions(AXIAL, 1, 1.0)[0], f"x{n}", **tags) for n, tags in enumerate((
        {"StudyInstanceUID": uid("elsewhere")}, {"FrameOfReferenceUID": None}, {"Modality": "MR"}))]
    return [read_frames(FileSource(save(ds, folder / f"{n}")), DEFAULT_LIMITS)[1] for n, ds in enumerate(slices)]


def test_a_missing_frame_of_reference_is_a_group_of_its_own(objects: list[list[Frame]]) -> None:
    groups = group_instances(objects, [])
    assert sorted(len(group.frames) for group in groups) == [1, 1, 1, 3]
    (without,) = (group for group in groups if not group.key[2])
    assert without.frames == objects[4]
    assert [group.key for group in groups] == sorted(group.key for group in groups)


def test_the_order_of_files_changes_nothing(objects: list[list[Frame]]) -> None:
    forward, backward = group_instances(objects, []), group_instances(objects[::-1], [])
    assert [group.key for group in forward] == [group.key for group in backward]
    assert [group.frames for group in forward] == [group.frames for group in backward]
    for group in forward:
        uids = [frame.instance.instance_uid for frame in group.frames]
        assert uids == sorted(uids)


def test_a_defect_lies_with_every_group_of_its_series_or_alone(objects: list[list[Frame]], tmp_path: Path) -> None:
    source = FileSource(tmp_path / "secret")
    broken = Refusal(Reason.BAD_HEADER, "cut short")
    mine = DefectiveObject(broken, (uid("study"), uid("series", "s"), uid("frame")))
    lone = DefectiveObject(broken, ("1.2", "1.3", ""))
    groups = group_instances(objects, [(source, mine), (source, lone)])
    of_series = [group for group in groups if group.key[:2] == mine.series[:2]]
    assert len(of_series) == 3  # by frame of reference and modality
    assert all([defect for _, defect in group.defects] == [mine] for group in of_series)
    (alone,) = (group for group in groups if group.key[0] == "1.2")
    assert alone.frames == []
    assert alone.defects == [(source.path, lone)]
    assert sum(bool(group.defects) for group in groups) == 4
    assert "secret" not in repr(groups)
    assert uid("study") not in repr(groups)
