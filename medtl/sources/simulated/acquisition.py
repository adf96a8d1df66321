"""From densities to measured line integrals: polychromatic attenuation, quantum noise, water correction."""
from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from medtl.sources.simulated.attenuation import Spectrum, spectrum
from medtl.sources.simulated.geometry import Geometry, projection_matrix
from medtl.sources.simulated.scanner import Protocol, Scanner

FOCUS_TO_ISOCENTRE_MM = 550.0
LONGEST_WATER_CM = 70.0
MANY_PHOTONS = 1000.0


def project(density: NDArray[np.float32], geometry: Geometry) -> NDArray[np.float32]:
    """Integrate densities along the rays.

    Args:
        density: g/cm^3, (rows, columns, slices).
        geometry: scan geometry.

    Returns:
        g/cm^2, (angles * bins, slices).
    """
    flat = density.reshape(-1, density.shape[-1])
    return np.asarray((projection_matrix(geometry) @ flat) * np.float32(0.1), dtype=np.float32)


def photons_per_ray(beam: Spectrum, scanner: Scanner, protocol: Protocol, geometry: Geometry) -> float:
    """Photons that the detector would count along one ray in air.

    All of a turn's output is shared among the parallel rays of half a turn, since opposite rays measure the same line.

    Args:
        beam: detected spectrum.
        scanner: gives the detector's efficiency.
        protocol: gives mAs and slice thickness.
        geometry: gives bin width and number of angles.

    Returns:
        Number of photons.
    """
    per_mm2 = sum(beam.photons) * protocol.mas * (1000.0 / FOCUS_TO_ISOCENTRE_MM) ** 2
    return scanner.efficiency * per_mm2 * geometry.pitch_mm * protocol.thickness_mm / geometry.angles


def transmission(
    water: NDArray[np.float32], bone: NDArray[np.float32], beam: Spectrum
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Share of the beam that passes, for a detector that adds up energy.

    Args:
        water: g/cm^2 of water along each ray.
        bone: g/cm^2 of bone along each ray.
        beam: detected spectrum.

    Returns:
        The mean signal relative to air, and the effective number of photons relative to air: that of a Poisson variable
        with the signal's ratio of mean to standard deviation.

    Reference:
        Whiting et al., Properties of preprocessed sinogram data in x-ray computed tomography, Med. Phys. 2006.
    """
    photons = np.array(beam.photons) / sum(beam.photons)
    energy = np.array(beam.energy_kev)
    first = np.zeros_like(water)
    second = np.zeros_like(water)
    for share, kev, mu_water, mu_bone in zip(photons, energy, beam.water, beam.bone, strict=True):
        passed = np.exp(-(np.float32(mu_water) * water + np.float32(mu_bone) * bone))
        first += np.float32(share * kev) * passed
        second += np.float32(share * kev**2) * passed
    effective = first * first / second
    return first / np.float32((photons * energy).sum()), effective


@lru_cache(maxsize=16)
def water_correction(beam: Spectrum) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Table that turns a measured line integral into the water that would have caused it.

    Args:
        beam: detected spectrum.

    Returns:
        Measured line integrals, ascending, and g/cm^2 of water.

    Reference:
        Herman, Correction for beam hardening in computed tomography, Phys. Med. Biol. 1979.
    """
    depth = np.linspace(-2.0, LONGEST_WATER_CM, 512)
    signal, _ = transmission(depth.astype(np.float32), np.zeros(512, np.float32), beam)
    return -np.log(signal.astype(np.float64)), depth


def count(expected: NDArray[np.float32], electronic: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw Poisson counts with read-out noise.

    Above `MANY_PHOTONS` the Poisson distribution is drawn as the normal one of the same mean and variance, in a fifth
    of the time; there the two distribution functions differ by less than .01.

    Args:
        expected: mean counts.
        electronic: standard deviation of the read-out noise, in counts.
        rng: source of chance.

    Returns:
        Counts, of the same shape; read-out noise can make them negative.
    """
    counts = rng.standard_normal(expected.shape, dtype=np.float32)
    few = expected < MANY_PHOTONS
    readout = np.float32(electronic) * counts[few]
    counts *= np.sqrt(expected + np.float32(electronic**2))
    counts += expected
    counts[few] = rng.poisson(expected[few]) + readout
    return counts


def acquire(
    water: NDArray[np.float32],
    bone: NDArray[np.float32],
    scanner: Scanner,
    protocol: Protocol,
    geometry: Geometry,
    rng: np.random.Generator | None,
    correct: bool = True,
) -> NDArray[np.float32]:
    """Scan: project, attenuate, count, take logarithms, correct for water.

    Args:
        water: grams of water per cm^3, (rows, columns, slices).
        bone: grams of bone per cm^3, (rows, columns, slices).
        scanner: device.
        protocol: settings.
        geometry: scan geometry.
        rng: source of quantum and read-out noise; None scans without noise.
        correct: correct beam hardening for water; without it, line integrals are scaled by thin water's attenuation.

    Returns:
        g/cm^2 of water, (angles, bins, slices).
    """
    beam = spectrum(protocol.kvp)
    lines = project(np.concatenate([water, bone], axis=-1), geometry)  # one product: the matrix is read once
    slices = water.shape[-1]
    signal, effective = transmission(lines[:, :slices], lines[:, slices:], beam)
    if rng is not None:
        air = photons_per_ray(beam, scanner, protocol, geometry)
        expected = effective * np.float32(air)
        signal = signal * np.maximum(count(expected, scanner.electronic, rng), np.float32(1.0)) / expected
    measured = -np.log(signal)
    table, depth = water_correction(beam)
    if correct:
        line = np.interp(measured, table, depth).astype(np.float32)
    else:
        thin = np.interp(0.1, depth, table) / 0.1
        line = (measured / np.float32(thin)).astype(np.float32)
    return line.reshape(geometry.angles, geometry.bins, -1)
