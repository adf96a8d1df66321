"""The check that all readers go through: any axes, but every voxel, value and place."""
from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.readers.judging import agrees, judge
from medtl.io.reasons import Reason
from medtl.io.volume import lps_to_ras
from tests.io.dicom.corpus import Expected, Plane, Truth, positions, truth
from tests.io.dicom.corpus_cases import OBLIQUE


@pytest.fixture(scope="module")
def wanted() -> Truth:
    return truth(OBLIQUE, positions(OBLIQUE, 5, 2.0))


def _turned(wanted: Truth, axes: tuple[int, ...], flips: tuple[bool, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The same image with its axes permuted and reversed, and the affine that says so."""
    array = wanted.array.transpose(axes)
    turn = np.zeros((4, 4))
    turn[3, 3] = 1
    for axis, (source, flip) in enumerate(zip(axes, flips, strict=True)):
        turn[source, axis] = -1 if flip else 1
        turn[source, 3] = array.shape[axis] - 1 if flip else 0
    assert wanted.affine_lps is not None
    return np.flip(array, [a for a, flip in enumerate(flips) if flip]), lps_to_ras(wanted.affine_lps) @ turn


def test_axes_and_directions_are_the_readers_own(wanted: Truth) -> None:
    for axes in itertools.permutations(range(3)):
        for flips in itertools.product([False, True], repeat=3):
            array, affine = _turned(wanted, axes, flips)
            assert agrees(array, affine, wanted)
            assert not agrees(array[::-1], affine, wanted)


def test_a_value_a_place_or_a_slice_too_many_is_wrong(wanted: Truth) -> None:
    array, affine = _turned(wanted, (0, 1, 2), (False, False, False))
    off = array.copy()
    off[3, 2, 1] += 0.6
    assert not agrees(off, affine, wanted)
    for shift, right in ((0.04, True), (0.06, False)):
        moved = affine.copy()
        moved[0, 3] += shift
        assert agrees(array, moved, wanted) is right
    assert not agrees(np.concatenate([array, array[:, :, -1:]], axis=2), affine, wanted)
    assert not agrees(array, np.zeros((4, 4)), wanted)


def test_outcomes(wanted: Truth) -> None:
    image = _turned(wanted, (2, 0, 1), (True, False, False))
    other = truth(Plane(), positions(Plane(), 3, 2.0))
    assert judge([image], Expected([wanted])) == "right"
    assert judge([image], Expected([wanted, other])) == "part"
    assert judge([image, image], Expected([wanted])) == "wrong"
    assert judge(None, Expected([wanted])) == judge([], Expected([wanted])) == "refused"
    assert judge(None, Expected(refused=[Reason.NO_POSITION])) == "refused, rightly"
    assert judge([image], Expected(refused=[Reason.NO_POSITION])) == "wrong"


def test_a_picture_without_a_place_is_held_to_its_values_and_pixel_size() -> None:
    picture = Truth(np.arange(12.0).reshape(3, 4, 1), None, (0.3, 0.2, None))
    affine = np.diag([-0.3, -0.2, 1.0, 1.0])
    assert agrees(picture.array[:, :, 0], affine, picture)
    assert not agrees(picture.array[:, :, 0], np.diag([0.2, 0.3, 1.0, 1.0]), picture)
    assert agrees(picture.array[:, :, 0], np.eye(4), replace(picture, spacing_mm=None))
