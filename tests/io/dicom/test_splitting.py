"""Stacks are told apart by what the headers say, only where positions repeat."""
from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medtl.io.dicom.instances import Frame
from medtl.io.dicom.limits import DEFAULT_LIMITS
from medtl.io.dicom.objects import read_frames
from medtl.io.dicom.sources import FileSource
from medtl.io.dicom.splitting import stacks_of
from tests.io.dicom.corpus import Plane, positions, save, stack_of


@pytest.fixture(scope="module")
def frame(tmp_path_factory: pytest.TempPathFactory) -> Frame:
    path: Path = tmp_path_factory.mktemp("one") / "a.dcm"
    save(stack_of(Plane(), positions(Plane(), 1, 1.0))[0], path)
    return read_frames(FileSource(path), DEFAULT_LIMITS)[1][0]


def _frames(frame: Frame, fields: list[dict[str, Hashable]], sites: list[float]) -> list[Frame]:
    return [replace(frame, position=(0.0, 0.0, z), separators=values,
                    instance=replace(frame.instance, instance_uid=f"1.{n}"))
            for n, (values, z) in enumerate(zip(fields, sites, strict=True))]


Z = [0.0, 3.0, 6.0, 9.0]


def test_a_field_that_grows_along_the_stack_splits_nothing(frame: Frame) -> None:
    (stack,) = stacks_of(_frames(frame, [{"AcquisitionNumber": str(n)} for n in range(4)], Z))
    assert len(stack.frames) == 4
    assert stack.split_by == ()


def test_the_field_that_gives_fewest_stacks_wins(frame: Frame) -> None:
    fields: list[dict[str, Hashable]] = [
        {"AcquisitionNumber": str(10 * echo + n), "EchoTime": 5.0 + echo} for echo in range(2) for n in range(4)]
    stacks = stacks_of(_frames(frame, fields, Z * 2))
    assert [stack.split_by for stack in stacks] == [(("EchoTime", "5.0"),), (("EchoTime", "6.0"),)]
    assert all(len(stack.frames) == 4 and not stack.copies for stack in stacks)


def test_two_fields_together(frame: Frame) -> None:
    fields: list[dict[str, Hashable]] = [
        {"EchoTime": 5.0 + echo, "DiffusionBValue": 100.0 * b} for echo in range(2) for b in range(3) for _ in range(4)]
    stacks = stacks_of(_frames(frame, fields, Z * 6))
    assert len(stacks) == 6
    assert all(len(stack.frames) == 4 and len(stack.split_by) == 2 for stack in stacks)


def test_nothing_that_separates_leaves_copies_to_be_compared(frame: Frame) -> None:
    (stack,) = stacks_of(_frames(frame, [{"EchoTime": 5.0}] * 5, [*Z, 3.0]))
    assert len(stack.frames) == 4
    assert len(stack.copies) == 1


def test_two_series_that_round_their_positions_each_for_itself(frame: Frame) -> None:
    fields: list[dict[str, Hashable]] = [{"EchoTime": 5.0}] * 4 + [{"EchoTime": 9.0}] * 4
    stacks = stacks_of(_frames(frame, fields, Z + [z + 0.01 for z in Z]))
    assert [len(stack.frames) for stack in stacks] == [4, 4]


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_files_changes_nothing(frame: Frame, seed: int) -> None:
    fields: list[dict[str, Hashable]] = [{"EchoTime": 5.0 + n // 4, "TriggerTime": float(n)} for n in range(8)]
    frames = _frames(frame, fields, Z * 2)
    shuffled = [frames[i] for i in np.random.default_rng(seed).permutation(8)]
    def names(stacks: list[object]) -> list[tuple[object, list[str]]]:
        return [(s.split_by, [f.instance.instance_uid for f in s.frames]) for s in stacks]  # type: ignore[attr-defined]
    assert names([*stacks_of(frames)]) == names([*stacks_of(shuffled)])


def test_orientations_within_a_thousandth_stay_together(frame: Frame) -> None:
    frames = _frames(frame, [{}] * 4, Z)
    near = replace(frames[1], orientation=(1.0, 0.0005, 0.0, -0.0005, 1.0, 0.0))
    far = replace(frames[2], orientation=(1.0, 0.005, 0.0, -0.005, 1.0, 0.0))
    assert sorted(len(stack.frames) for stack in stacks_of([frames[0], near, far, frames[3]])) == [1, 3]
