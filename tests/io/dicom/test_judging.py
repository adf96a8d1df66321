"""Judgement from headers: each defect of one slice is the defect of its stack, and choices are the caller's."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medtl.io.dicom.grouping import Group
from medtl.io.dicom.instances import Frame
from medtl.io.dicom.judging import plans_of, refused_plan
from medtl.io.dicom.limits import DEFAULT_LIMITS, Refusal
from medtl.io.dicom.objects import DefectiveObject, read_frames
from medtl.io.dicom.plan import Options
from medtl.io.dicom.sources import FileSource
from medtl.io.reasons import Reason
from medtl.io.series import Dropped
from tests.io.dicom.corpus import Plane, positions, save, slice_of, stack_of

PLANE, KEY = Plane(4, 5), ("1", "2", "3", "CT")


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> list[Frame]:
    folder = tmp_path_factory.mktemp("stack")
    return [read_frames(FileSource(save(ds, folder / f"{n}")), DEFAULT_LIMITS)[1][0]
            for n, ds in enumerate(stack_of(PLANE, positions(PLANE, 6, 2.0)))]


def _judged(frames: list[Frame], options: Options | None = None) -> Any:
    (plan,) = plans_of(Group(KEY, frames), options or Options(), [])
    return plan.header


def test_headers_alone_give_the_whole_verdict(frames: list[Frame]) -> None:
    header = _judged(frames[::-1])
    assert (header.verdict, header.reasons, header.shape, header.instances) == ("use", (), (5, 4, 6), 6)
    assert header.spacing_mm == pytest.approx((2.5, 1.5, 2.0))
    assert header.spacing_histogram == ((2.0, 5),)
    assert header.files == tuple(frame.instance.source.path for frame in frames)
    assert header.volume is None


@pytest.mark.parametrize(("change", "reason"), [
    (lambda f: replace(f, instance=replace(f.instance, defect=(Reason.SIZE_MISMATCH, "short"))), Reason.SIZE_MISMATCH),
    (lambda f: replace(f, rescale=replace(f.rescale, stated=False)), Reason.NO_RESCALE),
    (lambda f: replace(f, rescale=replace(f.rescale, kind="ED")), Reason.NOT_HOUNSFIELD),
    (lambda f: replace(f, instance=replace(f.instance, layout=replace(f.instance.layout, samples=3))),
     Reason.UNSUPPORTED_PIXELS),
    (lambda f: replace(f, position=(f.position[0] + 3, *f.position[1:])), Reason.IRREGULAR_POSITIONS),
])
def test_one_slice_decides_for_its_stack(frames: list[Frame], change: Any, reason: Reason) -> None:
    header = _judged([*frames[:3], change(frames[3]), *frames[4:]])
    assert header.verdict == "refused"
    assert header.reasons == (reason,)
    assert len(header.details) == 1


def test_gaps_and_unequal_steps_are_the_callers_choice(frames: list[Frame]) -> None:
    holed = frames[:2] + frames[3:]
    assert _judged(holed).reasons == (Reason.MISSING_SLICE,)
    filled = _judged(holed, Options(missing="interpolate"))
    assert (filled.verdict, filled.reasons, filled.shape) == ("repaired", (Reason.SLICES_INTERPOLATED,), (5, 4, 6))
    assert filled.repairs == ("1 slices are missing inside the stack",)
    lifted = [replace(frame, position=(*frame.position[:2], frame.position[2] + 0.7 * (n > 2)))  # type: ignore[index,misc]
              for n, frame in enumerate(frames)]
    assert _judged(lifted, Options(missing="interpolate")).reasons == (Reason.VARIABLE_SPACING,)
    assert _judged(lifted, Options(unequal="resample")).reasons == (Reason.SPACING_RESAMPLED,)


def test_a_file_that_cannot_be_read_refuses_its_series_and_warns_its_neighbours(frames: list[Frame]) -> None:
    path = frames[0].instance.source.path.with_name("broken")
    defect = DefectiveObject(Refusal(Reason.BAD_HEADER, "cut short"), KEY[:3])
    (plan,) = plans_of(Group(KEY, frames, [(path, defect)]), Options(), [])
    assert (plan.header.verdict, plan.header.reasons, plan.header.instances) == ("refused", (Reason.BAD_HEADER,), 7)
    assert path in plan.header.files
    (plan,) = plans_of(Group(KEY, frames), Options(), [Dropped(path, Reason.BAD_HEADER)])
    assert (plan.header.verdict, plan.header.reasons) == ("use", (Reason.UNREADABLE_NEIGHBOUR,))
    elsewhere = Dropped(path.parent / "deeper" / "broken", Reason.BAD_HEADER)
    assert plans_of(Group(KEY, frames), Options(), [elsewhere])[0].header.reasons == ()


def test_non_members_are_listed_and_counted(frames: list[Frame]) -> None:
    scout = replace(frames[0], instance=replace(frames[0].instance, image_type=("LOCALIZER",)))
    header = _judged([scout, *frames])
    assert (header.verdict, header.reasons) == ("use", (Reason.NON_MEMBERS_DROPPED,))
    assert [item.reason for item in header.dropped] == [Reason.LOCALIZER]
    assert header.instances == 7
    alone = _judged([scout])
    assert (alone.verdict, alone.reasons) == ("refused", (Reason.LOCALIZER,))


@pytest.mark.parametrize(("facts", "reason"), [
    ({"modality": "US"}, Reason.BURNED_IN_TEXT), ({"modality": "DX", "burned_in": True}, Reason.BURNED_IN_TEXT),
    ({"modality": "DX", "inverse": True}, Reason.INVERTED), ({"modality": "DX"}, Reason.NO_PATIENT_FRAME),
])
def test_projections_are_judged_one_by_one(frames: list[Frame], facts: dict[str, Any], reason: Reason) -> None:
    loose = [replace(f, position=None, orientation=None, instance=replace(f.instance, **facts)) for f in frames[:2]]
    plans = plans_of(Group(KEY, loose), Options(), [])
    assert len(plans) == 2
    for plan in plans:
        assert plan.header.verdict != "refused"
        assert reason in plan.header.reasons
        assert plan.header.spacing_mm == (2.5, 1.5, None)


def test_a_refused_plan_reads_nothing(tmp_path: Path) -> None:
    plan = refused_plan([tmp_path / "gone"], Reason.UNREADABLE_FILE, "the file cannot be read", Options())
    assert plan.load() is plan.header
    assert (plan.header.verdict, plan.header.instances) == ("refused", 1)


def test_colour_becomes_luminance_only_where_it_is_a_picture(tmp_path: Path) -> None:
    ds = slice_of(PLANE, np.zeros(3), Modality="XC", SOPClassUID="1.2.840.10008.5.1.4.1.1.77.1.4",
                  ImagePositionPatient=None, ImageOrientationPatient=None)
    ds.PhotometricInterpretation, ds.SamplesPerPixel, ds.PlanarConfiguration = "RGB", 3, 0
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelData = 8, 8, 7, bytes(60)
    (frame,) = read_frames(FileSource(save(ds, tmp_path / "a")), DEFAULT_LIMITS)[1]
    assert Reason.COLOUR_TO_GREY in _judged([frame]).reasons
