from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from medtl.sources.simulated.acquisition import acquire, count, photons_per_ray, project, transmission, water_correction
from medtl.sources.simulated.attenuation import spectrum
from medtl.sources.simulated.geometry import Geometry
from medtl.sources.simulated.reconstruction import reconstruct
from medtl.sources.simulated.scanner import MEDIUM_KERNEL, Kernel, Protocol, Scanner

GEOMETRY = Geometry(columns=112, rows=112, pixel_mm=2.75, angles=120, bins=112, pitch_mm=2.75)
SCANNER = Scanner("Simulated T", "Test", padding=-2000, electronic=0.0)
PROTOCOL = Protocol(120, 100.0, MEDIUM_KERNEL, thickness_mm=2.5, spacing_mm=2.5, fov_mm=280.0, slices=1)
SIZE = 96


def cylinder(radius: float, slices: int = 1) -> NDArray[np.float32]:
    radial = np.hypot(GEOMETRY.x_mm()[None, :], GEOMETRY.y_mm()[:, None])
    inside = np.clip(0.5 + (radius - radial) / GEOMETRY.pixel_mm, 0, 1).astype(np.float32)
    return np.repeat(inside[:, :, None], slices, axis=2)


def image(
    water: NDArray[np.float32], bone: NDArray[np.float32], protocol: Protocol, rng: np.random.Generator | None = None,
    correct: bool = True, scanner: Scanner = SCANNER,
) -> NDArray[np.float32]:
    lines = acquire(water, bone, scanner, protocol, GEOMETRY, rng, correct)
    return reconstruct(lines, GEOMETRY, protocol.kernel, protocol.fov_mm, SIZE, scanner.padding)


def radial() -> NDArray[np.float64]:
    axis = (np.arange(SIZE) - (SIZE - 1) / 2) * PROTOCOL.fov_mm / SIZE
    return np.hypot(axis[:, None], axis[None, :])


@pytest.mark.parametrize("kvp", [100, 120, 140])
def test_water_is_zero_and_air_is_minus_thousand(kvp: int) -> None:
    water = cylinder(100.0)
    hu = image(water, np.zeros_like(water), replace(PROTOCOL, kvp=kvp))[:, :, 0]
    assert abs(hu[radial() < 85].mean()) < 4
    assert np.abs(hu[radial() < 85]).max() < 15
    assert hu[(radial() > 120) & (radial() < 135)].mean() == pytest.approx(-1000, abs=8)


def test_without_correction_water_cups() -> None:
    water = cylinder(110.0)
    plain = image(water, np.zeros_like(water), PROTOCOL, correct=False)[:, :, 0]
    fixed = image(water, np.zeros_like(water), PROTOCOL)[:, :, 0]
    middle, rim = radial() < 20, (radial() > 85) & (radial() < 98)
    assert plain[rim].mean() - plain[middle].mean() > 20
    assert abs(fixed[rim].mean() - fixed[middle].mean()) < 4


def test_bone_hardens_the_beam_between_two_bones() -> None:
    """Water correction does not know of bone: the band between two bones is too dark, as on every scanner."""
    water = cylinder(100.0)
    bone = np.zeros_like(water)
    x, y = GEOMETRY.x_mm()[None, :], GEOMETRY.y_mm()[:, None]
    for side in (-55.0, 55.0):
        inside = np.hypot(x - side, y) < 18
        water[inside], bone[inside] = 0.0, 1.75
    hu = image(water, bone, PROTOCOL)[:, :, 0]
    axis = (np.arange(SIZE) - (SIZE - 1) / 2) * PROTOCOL.fov_mm / SIZE
    between = (np.abs(axis[None, :]) < 15) & (np.abs(axis[:, None]) < 6)
    beside = (np.abs(axis[None, :]) < 15) & (np.abs(np.abs(axis[:, None]) - 60) < 6)
    assert hu[beside].mean() - hu[between].mean() > 15


def test_voltage_changes_bone_not_water() -> None:
    water = cylinder(100.0)
    bone = np.zeros_like(water)
    centre = cylinder(15.0)[:, :, 0] > 0.5
    bone[centre] = 0.4
    low, high = (image(water, bone, replace(PROTOCOL, kvp=kvp))[:, :, 0] for kvp in (100, 140))
    ring = (radial() > 60) & (radial() < 80)
    assert low[radial() < 8].mean() - high[radial() < 8].mean() > 40
    assert abs(low[ring].mean() - high[ring].mean()) < 8


def spread(protocol: Protocol, seed: int = 0, scanner: Scanner = SCANNER) -> float:
    water = cylinder(100.0, slices=12)
    empty = np.zeros_like(water)
    noisy = image(water, empty, protocol, np.random.default_rng(seed), scanner=scanner)
    clean = image(water, empty, protocol, scanner=scanner)
    return float((noisy - clean)[radial() < 50].std())


def test_noise_variance_is_inverse_to_dose_and_thickness() -> None:
    full = spread(PROTOCOL) ** 2
    assert spread(replace(PROTOCOL, mas=25.0)) ** 2 / full == pytest.approx(4.0, rel=0.1)
    assert spread(replace(PROTOCOL, thickness_mm=1.25)) ** 2 / full == pytest.approx(2.0, rel=0.1)
    assert spread(PROTOCOL, scanner=replace(SCANNER, efficiency=0.4)) ** 2 / full == pytest.approx(2.0, rel=0.1)


def test_noise_has_a_scanner_s_magnitude() -> None:
    """Scanners show 5 to 12 HU in 20 cm of water at 120 kVp, 100 mAs, 2.5 mm and 3.5 line pairs per cm.

    Noise grows with resolution to the power 1.5 (Brooks and Di Chiro, Med. Phys. 1976), and this grid has less of it.
    """
    resolution = MEDIUM_KERNEL.cutoff / (2 * GEOMETRY.pitch_mm / 10)
    assert 5.0 < spread(PROTOCOL) * (3.5 / resolution) ** 1.5 < 12.0


def test_higher_voltage_and_sharper_kernel() -> None:
    assert spread(replace(PROTOCOL, kvp=140)) < spread(PROTOCOL) < spread(replace(PROTOCOL, kvp=100))
    sharp = Kernel("sharp", cutoff=1.0, steepness=6.0, lift=0.6)
    assert spread(replace(PROTOCOL, kernel=sharp)) > 1.3 * spread(PROTOCOL)


def test_poisson_variable_has_the_detector_s_mean_and_variance() -> None:
    """The effective number of photons against a detector that adds up the energies of six Poisson variables."""
    beam = spectrum(120)
    rng = np.random.default_rng(0)
    water, bone = np.float32([15.0]), np.float32([1.0])
    signal, effective = transmission(water, bone, beam)
    incident = np.array(beam.photons)
    passed = incident * np.exp(-(np.array(beam.water) * 15.0 + np.array(beam.bone) * 1.0))
    energy = np.array(beam.energy_kev)
    drawn = (rng.poisson(passed, (20000, 6)) * energy).sum(axis=1)
    assert drawn.mean() / (incident * energy).sum() == pytest.approx(float(signal[0]), rel=1e-3)
    relative = drawn.std() / drawn.mean()
    assert relative == pytest.approx(1 / np.sqrt(effective[0] * incident.sum()), rel=0.03)


@pytest.mark.parametrize("mean", [3.0, 999.0, 1001.0])
def test_counts_have_the_mean_and_variance_of_poisson_and_read_out(mean: float) -> None:
    drawn = count(np.full(200_000, mean, np.float32), 5.0, np.random.default_rng(1))
    assert drawn.mean() == pytest.approx(mean, abs=4 * np.sqrt((mean + 25) / 200_000))
    assert drawn.var() == pytest.approx(mean + 25, rel=0.02)


def test_photons_are_shared_among_angles() -> None:
    beam = spectrum(120)
    per_ray = photons_per_ray(beam, SCANNER, PROTOCOL, GEOMETRY)
    doubled = photons_per_ray(beam, SCANNER, PROTOCOL, replace(GEOMETRY, angles=240))
    assert per_ray == pytest.approx(2 * doubled)


def test_correction_inverts_the_attenuation_of_water() -> None:
    beam = spectrum(140)
    table, depth = water_correction(beam)
    assert (np.diff(table) > 0).all()
    signal, _ = transmission(np.float32([33.3]), np.float32([0.0]), beam)
    assert np.interp(-np.log(signal[0]), table, depth) == pytest.approx(33.3, abs=0.01)


def test_projection_is_in_grams_per_square_cm() -> None:
    lines = project(cylinder(100.0), GEOMETRY).reshape(GEOMETRY.angles, GEOMETRY.bins)
    assert lines[:, GEOMETRY.bins // 2].mean() == pytest.approx(20.0, rel=0.01)
