"""Each bound refuses what is one past it and lets pass what is at it."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medtl.io.dicom import read_study
from medtl.io.dicom.limits import DEFAULT_LIMITS, Limits, Refusal
from medtl.io.reasons import Reason
from tests.io.dicom.corpus import Plane, Scale, positions, save_all, slice_of, stack_of

PLANE, SLICES = Plane(4, 5), 6


@pytest.mark.parametrize(("name", "enough"), [("files", SLICES), ("voxels", 4 * 5 * SLICES), ("frame_pixels", 4 * 5)])
def test_a_bound_is_inclusive(name: str, enough: int, tmp_path: Path) -> None:
    save_all(stack_of(PLANE, positions(PLANE, SLICES, 2.0)), tmp_path)
    (at_it,) = read_study(tmp_path, limits=replace(DEFAULT_LIMITS, **{name: enough}))
    assert at_it.verdict == "use"
    past = read_study(tmp_path, limits=replace(DEFAULT_LIMITS, **{name: enough - 1}))
    assert [series.verdict for series in past] == ["refused"]
    assert Reason.TOO_LARGE in past[0].reasons
    assert past[0].volume is None


def test_a_slice_far_off_cannot_blow_up_what_is_resampled(tmp_path: Path) -> None:
    heights = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 3.0e9])
    save_all([slice_of(PLANE, np.array([0.0, 0.0, z]), n, scale=Scale(1e7, 0.0)) for n, z in enumerate(heights)],
             tmp_path)
    (series,) = read_study(tmp_path, unequal="resample", missing="interpolate")
    assert series.verdict == "refused"
    assert Reason.TOO_LARGE in series.reasons


def test_every_bound_is_positive_and_a_refusal_keeps_what_it_is_told() -> None:
    assert all(value > 0 for value in vars(Limits()).values())
    refusal = Refusal(Reason.EMPTY, "nothing is there")
    assert (refusal.reason, refusal.detail, str(refusal)) == (Reason.EMPTY, "nothing is there", "nothing is there")
