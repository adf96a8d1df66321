from __future__ import annotations

import numpy as np
import pytest

from medtl.sources.simulated.geometry import Geometry, reconstruction_circle
from medtl.sources.simulated.reconstruction import filter_matrix, gain, reconstruct
from medtl.sources.simulated.scanner import LUNG_KERNEL, MEDIUM_KERNEL, SOFT_KERNEL, Kernel

GEOMETRY = Geometry(columns=64, rows=64, pixel_mm=2.5, angles=120, bins=112, pitch_mm=2.5)
PLAIN = Kernel("ramp", cutoff=1e6)


def chords(radius: float, x0: float = 0.0) -> np.ndarray:
    """Sinogram of a disc of water in g/cm^2, from the closed form of its chords, averaged over each bin."""
    fine = (np.arange(16) + 0.5) / 16 - 0.5
    s = GEOMETRY.bins_mm()[:, None] + fine * GEOMETRY.pitch_mm - (x0 * np.cos(GEOMETRY.theta()))[:, None, None]
    return (0.2 * np.sqrt(np.maximum(radius**2 - s**2, 0)).mean(axis=-1)).astype(np.float32)[:, :, None]


@pytest.mark.parametrize("kernel", [PLAIN, SOFT_KERNEL, MEDIUM_KERNEL, LUNG_KERNEL])
def test_disc_of_water_from_analytic_projections_is_zero_hu(kernel: Kernel) -> None:
    hu = reconstruct(chords(80.0), GEOMETRY, kernel, 240.0, 96, -2000)[:, :, 0]
    axis = (np.arange(96) - 47.5) * 2.5
    radial = np.hypot(axis[:, None], axis[None, :])
    assert abs(hu[radial < 60].mean()) < 3
    assert hu[(radial > 100) & (radial < 115)].mean() == pytest.approx(-1000, abs=5)


def test_disc_is_found_where_it_is() -> None:
    hu = reconstruct(chords(20.0, x0=40.0), GEOMETRY, PLAIN, 240.0, 96, -2000)[:, :, 0]
    dense = np.argwhere((hu > -500) & reconstruction_circle(96))
    row, column = (dense.mean(axis=0) - 47.5) * 2.5
    assert column == pytest.approx(40.0, abs=0.5)
    assert row == pytest.approx(0.0, abs=0.5)


def test_sharper_kernels_have_steeper_edges() -> None:
    steepest = [
        np.abs(np.diff(reconstruct(chords(60.0), GEOMETRY, kernel, 240.0, 96, -2000)[48, :, 0])).max()
        for kernel in (SOFT_KERNEL, MEDIUM_KERNEL, LUNG_KERNEL)
    ]
    assert steepest[0] * 1.15 < steepest[1] < steepest[2] / 1.15


def test_outside_of_the_circle_is_padding() -> None:
    hu = reconstruct(chords(80.0), GEOMETRY, PLAIN, 240.0, 96, -2000)
    assert (hu[~reconstruction_circle(96)] == -2000).all()
    assert (hu[reconstruction_circle(96)] > -1500).all()


def test_gain_is_one_at_zero_and_lung_kernels_lift() -> None:
    frequency = np.linspace(0, 1, 101)
    for kernel in (SOFT_KERNEL, MEDIUM_KERNEL, LUNG_KERNEL):
        assert gain(kernel, frequency)[0] == pytest.approx(1.0, abs=0.01)
    assert gain(LUNG_KERNEL, frequency).max() > 1.2
    assert gain(SOFT_KERNEL, frequency).max() <= 1.0
    assert gain(SOFT_KERNEL, np.array([SOFT_KERNEL.cutoff]))[0] == pytest.approx(0.5)


def test_plain_filter_is_the_band_limited_ramp() -> None:
    matrix = filter_matrix(GEOMETRY, PLAIN)
    pitch = GEOMETRY.pitch_mm / 10
    assert matrix[50, 50] == pytest.approx(1 / (4 * pitch), rel=1e-4)
    assert matrix[50, 51] == pytest.approx(-1 / (np.pi**2 * pitch), rel=1e-3)
    assert matrix[50, 52] == pytest.approx(0.0, abs=1e-5)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-5)
