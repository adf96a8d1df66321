from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from medtl.sources.simulated.geometry import (
    Geometry,
    backprojection_matrix,
    built_once,
    projection_matrix,
    reconstruction_circle,
)

SMALL = Geometry(columns=96, rows=80, pixel_mm=2.5, angles=24, bins=104, pitch_mm=2.5)


def disc(geometry: Geometry, x0: float, y0: float, radius: float, fine: int = 8) -> NDArray[np.float32]:
    """A disc on the grid, with the share of each pixel that it covers."""
    part = (np.arange(fine) + 0.5) / fine - 0.5
    x = (geometry.x_mm()[:, None] + part * geometry.pixel_mm).ravel()
    y = (geometry.y_mm()[:, None] + part * geometry.pixel_mm).ravel()
    inside = np.hypot(x[None, :] - x0, y[:, None] - y0) <= radius
    return inside.reshape(geometry.rows, fine, geometry.columns, fine).mean(axis=(1, 3)).astype(np.float32)


@pytest.mark.parametrize(("x0", "y0", "radius"), [(0.0, 0.0, 60.0), (30.0, -20.0, 40.0), (-55.0, 35.0, 12.0)])
def test_projection_of_a_disc_is_its_chord(x0: float, y0: float, radius: float) -> None:
    lines = (projection_matrix(SMALL) @ disc(SMALL, x0, y0, radius).ravel()).reshape(SMALL.angles, SMALL.bins)
    fine = (np.arange(32) + 0.5) / 32 - 0.5
    s = SMALL.bins_mm()[:, None] + fine * SMALL.pitch_mm
    centre = x0 * np.cos(SMALL.theta()) + y0 * np.sin(SMALL.theta())
    chord = 2 * np.sqrt(np.maximum(radius**2 - (s[None] - centre[:, None, None]) ** 2, 0)).mean(axis=-1)
    assert np.abs(lines - chord).max() < 3.0  # mm, at the rim, where the chord is steepest and pixels blur it
    assert np.abs(lines - chord).mean() < 0.15


def test_every_projection_keeps_the_mass() -> None:
    image = disc(SMALL, 20.0, 10.0, 30.0)
    lines = (projection_matrix(SMALL) @ image.ravel()).reshape(SMALL.angles, SMALL.bins)
    np.testing.assert_allclose(lines.sum(axis=1) * SMALL.pitch_mm, image.sum() * SMALL.pixel_mm**2, rtol=1e-4)


def test_matrix_and_transpose_are_adjoint() -> None:
    rng = np.random.default_rng(0)
    matrix = projection_matrix(SMALL)
    x, y = rng.random(matrix.shape[1]), rng.random(matrix.shape[0])
    assert (matrix @ x) @ y == pytest.approx(x @ (matrix.T @ y))


def test_backprojection_reads_linearly_between_bins() -> None:
    """Smearing the projection s of the detector's own coordinate gives an integral that is known."""
    size, fov = 32, 200.0
    matrix = backprojection_matrix(SMALL, size, fov)
    ramp = np.tile(SMALL.bins_mm(), SMALL.angles)
    axis = (np.arange(size) - (size - 1) / 2) * fov / size
    wanted = sum(axis[None, :] * np.cos(t) + axis[:, None] * np.sin(t) for t in SMALL.theta()) * np.pi / SMALL.angles
    got = (matrix @ ramp).reshape(size, size)
    inside = reconstruction_circle(size)
    np.testing.assert_allclose(got[inside], wanted[inside], atol=1e-3)
    assert (got[~inside] == 0).all()


def test_field_of_view_wider_than_the_scan_is_refused() -> None:
    with pytest.raises(ValueError, match="wider than the scan circle"):
        backprojection_matrix(SMALL, 32, 400.0)


def test_threads_that_ask_at_once_build_once() -> None:
    built = []

    @built_once
    def build(key: int) -> int:
        built.append(key)
        return key * 2

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(build, [1, 1, 2, 1, 2, 1])) == [2, 2, 4, 2, 4, 2]
    assert sorted(built) == [1, 2]
