"""The one step that reads pixels: workers change nothing, copies must agree, and late damage is a refusal."""
from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medtl.io.dicom import index_study
from medtl.io.dicom.plan import file_digest, refused
from medtl.io.reasons import Reason
from tests.io.dicom.corpus import Plane, Scale, positions, put_pixels, save, save_all, slice_of, stack_of

PLANE = Plane(4, 5)
WHERE = positions(PLANE, 12, 2.0)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_any_number_of_workers_gives_the_same_voxels(threads: int, tmp_path: Path) -> None:
    save_all(stack_of(PLANE, WHERE), tmp_path)
    (plan,) = index_study(tmp_path, threads=threads)
    volume = plan.load().volume
    assert volume is not None
    expected = np.stack([PLANE.values(position) for position in WHERE]).transpose(2, 1, 0)
    assert np.abs(volume.array - expected).max() <= Scale().slope / 2
    assert (volume.array.dtype, volume.unit) == (np.float32, "HU")


def test_pixels_that_vanish_after_the_headers_refuse_the_series(tmp_path: Path) -> None:
    save_all(stack_of(PLANE, WHERE), tmp_path)
    (plan,) = index_study(tmp_path)
    assert plan.header.verdict == "use"
    victim = plan.header.files[5]
    content = victim.read_bytes()
    victim.write_bytes(content[:-8])
    assert plan.load().reasons == (Reason.SIZE_MISMATCH,)
    victim.unlink()
    gone = plan.load()
    assert (gone.verdict, gone.volume, gone.reasons) == ("refused", None, (Reason.UNREADABLE_FILE,))
    victim.write_bytes(content)
    assert plan.load().verdict == "use"  # a plan can be loaded again


@pytest.mark.parametrize("same", [True, False])
def test_copies_must_have_the_same_values(same: bool, tmp_path: Path) -> None:
    again = slice_of(PLANE, WHERE[4], "again", scale=Scale() if same else Scale(0.5))
    save_all([*stack_of(PLANE, WHERE), again], tmp_path)
    (plan,) = index_study(tmp_path)
    series = plan.load()
    assert series.verdict == ("repaired" if same else "refused")
    assert (Reason.AMBIGUOUS_POSITION in series.reasons) is not same
    assert Reason.DUPLICATE_DROPPED in series.reasons


@pytest.mark.parametrize(("modality", "reason", "filled"), [
    ("CT", Reason.PADDING_SET_TO_AIR, -1000.0), ("MR", Reason.PADDING_FOUND, 40.0)])
def test_padding_becomes_air_in_ct_and_the_lowest_value_elsewhere(
    modality: str, reason: Reason, filled: float, tmp_path: Path
) -> None:
    stored = np.full((4, 5), 50, np.uint16)
    stored[1, 1], stored[0, 0] = 40, 9
    for number, position in enumerate(WHERE[:3]):
        ds = put_pixels(slice_of(PLANE, position, number, scale=Scale(1.0, 0.0), modality=modality), stored)
        ds.add_new(0x00280120, "US", 9)
        save(ds, tmp_path / f"{number}")
    (plan,) = index_study(tmp_path)
    series = plan.load()
    assert series.volume is not None
    assert series.reasons == (reason,)
    assert np.all(series.volume.array[0, 0] == filled)
    assert np.all(series.volume.array[1, 1] == 40)


def test_a_digest_is_that_of_the_whole_file(tmp_path: Path) -> None:
    ds = slice_of(PLANE, WHERE[0])
    ds.add_new(0x00211010, "OB", bytes(range(256)) * 5000)  # longer than one buffer
    path = save(ds, tmp_path / "a")
    (plan,) = index_study(tmp_path)
    assert file_digest(plan.frames[0]) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_refusing_keeps_what_was_known(tmp_path: Path) -> None:
    save_all(stack_of(PLANE, WHERE), tmp_path)
    (plan,) = index_study(tmp_path)
    noted = replace(plan.header, reasons=(Reason.SPLIT,), details=("one",))
    twice = refused(refused(noted, Reason.EMPTY, "two"), Reason.EMPTY, "three")
    assert (twice.reasons, twice.details) == ((Reason.SPLIT, Reason.EMPTY), ("one", "two", "three"))
    assert (twice.verdict, twice.volume, twice.files) == ("refused", None, plan.header.files)
