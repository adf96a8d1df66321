"""One line through all positions: independent of order and rotation, exact where the header is, honest where not."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtl.io.dicom.geometry import axes_of, geometry_of
from medtl.io.dicom.instances import Frame
from medtl.io.dicom.limits import DEFAULT_LIMITS, Refusal
from medtl.io.dicom.objects import read_frames
from medtl.io.dicom.sources import FileSource
from medtl.io.reasons import Reason
from tests.io.dicom.corpus import Plane, positions, save, stack_of


@pytest.fixture(scope="module")
def frame(tmp_path_factory: pytest.TempPathFactory) -> Frame:
    path: Path = tmp_path_factory.mktemp("one") / "a.dcm"
    save(stack_of(Plane(), positions(Plane(), 1, 1.0))[0], path)
    return read_frames(FileSource(path), DEFAULT_LIMITS)[1][0]


def _frames(frame: Frame, where: np.ndarray, half: float = 0.0, orientation: np.ndarray | None = None) -> list[Frame]:
    faced = frame.orientation if orientation is None else tuple(float(v) for v in orientation)
    return [replace(frame, position=tuple(float(v) for v in p), quanta=(half, half, half), orientation=faced)
            for p in where]


def _rotation(a: float, b: float, c: float) -> np.ndarray:
    def turn(angle: float, axis: int) -> np.ndarray:
        m, (i, j) = np.eye(3), [k for k in range(3) if k != axis]
        m[i, i] = m[j, j] = np.cos(angle)
        m[i, j], m[j, i] = -np.sin(angle), np.sin(angle)
        return m
    return turn(a, 0) @ turn(b, 1) @ turn(c, 2)


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[st.floats(-3, 3)] * 3), st.floats(0.3, 8), st.integers(3, 60), st.randoms())
def test_any_turn_and_any_order_give_the_true_affine(
        frame: Frame, angles: tuple[float, float, float], step: float, count: int, chance: object) -> None:
    turned = _rotation(*angles)
    origin = np.array([3.0, -40.0, 17.0])
    where = origin + np.arange(count)[:, None] * step * turned[:, 2]
    order = list(range(count))
    chance.shuffle(order)  # type: ignore[attr-defined]
    found = geometry_of(_frames(frame, where[order], orientation=turned[:, :2].T.reshape(-1)))
    assert found.steps == "uniform"
    assert [order[i] for i in found.order] == list(range(count))
    assert np.allclose(found.affine_lps[:3, 2], step * turned[:, 2], atol=1e-9)
    assert np.allclose(found.affine_lps[:3, 3], origin, atol=1e-8)
    assert np.allclose(found.affine_lps[:3, 0], turned[:, 0] * 2.5, atol=1e-9)
    assert np.allclose(found.affine_lps[:3, 1], turned[:, 1] * 1.5, atol=1e-9)
    assert not found.tilted


def test_the_line_beats_the_median_step(frame: Frame) -> None:
    z = np.arange(302) * 0.625
    where = np.stack([np.zeros(302), np.zeros(302), np.floor(100 * z + 0.5) / 100], 1)
    found = geometry_of(_frames(frame, where, half=0.005))
    median = float(np.median(np.diff(where[:, 2])))
    assert abs(301 * median - z[-1]) > 1.4
    assert abs(found.affine_lps[2, 3] + 301 * found.affine_lps[2, 2] - z[-1]) < 0.01


@pytest.mark.parametrize("gone", [[1], [3, 4], [2, 6]])
def test_missing_slices_are_counted_and_placed(frame: Frame, gone: list[int]) -> None:
    where = np.delete(positions(Plane(), 10, 2.5), gone, axis=0)
    found = geometry_of(_frames(frame, where))
    assert found.steps == "gaps"
    assert found.missing == len(gone)
    assert sorted(set(range(10)) - set(found.places.tolist())) == gone


def test_whole_millimetres_do_not_excuse_unequal_steps(frame: Frame) -> None:
    z = np.array([0.0, 5.0, 11.0, 15.0, 21.0, 25.0])
    where = np.stack([np.zeros(6), np.zeros(6), z], 1)
    assert geometry_of(_frames(frame, where, half=0.5)).steps == "variable"


def test_tilt_is_the_angle_of_the_fit_not_of_one_step(frame: Frame) -> None:
    where = positions(Plane(), 40, 2.0)
    where[20] += [0.0, 0.009, 0.0]  # one step leans by a quarter of a degree
    straight = geometry_of(_frames(frame, where, half=0.005))
    assert not straight.tilted
    leaning = geometry_of(_frames(frame, positions(Plane(), 40, 2.0, lean=(0.0, 2 * np.tan(np.radians(15)), 0.0))))
    assert leaning.tilted
    assert leaning.tilt_degrees == pytest.approx(15.0, abs=1e-6)


def test_positions_off_the_line_are_refused(frame: Frame) -> None:
    where = positions(Plane(), 6, 2.0)
    where[2, 1] += 3.0
    with pytest.raises(Refusal) as caught:
        geometry_of(_frames(frame, where))
    assert caught.value.reason is Reason.IRREGULAR_POSITIONS


def test_axes_are_orthonormal_for_rounded_cosines() -> None:
    turned = _rotation(0.3, -0.5, 0.9)
    row, column, normal = axes_of(np.round(turned[:, :2].T.reshape(1, -1), 4))
    basis = np.stack([row, column, normal])
    assert np.allclose(basis @ basis.T, np.eye(3), atol=1e-6)
    assert np.allclose(normal, turned[:, 2], atol=2e-4)
