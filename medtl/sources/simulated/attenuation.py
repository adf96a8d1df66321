"""X-ray attenuation of body materials, and the spectrum of a CT tube.

Every material is written as a mixture of two basis materials, water and cortical bone, as in dual-energy CT: above the
K edges of the elements concerned, attenuation has only two degrees of freedom (photo-electric and Compton). Iodine is
written so as well: its K edge of 33 keV lies below most of a tube's filtered spectrum.

Reference:
    Alvarez and Macovski, Energy-selective reconstructions in X-ray computerised tomography, 1976.
    Hubbell and Seltzer, Tables of X-ray mass attenuation coefficients, NISTIR 5632, 1995 (compositions of ICRU 44).
    Kramers, On the theory of X-ray absorption and of the continuous X-ray spectrum, 1923.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
DoubleArray = NDArray[np.float64]

TABLE_KEV = np.array([15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 80.0, 100.0, 150.0])
# Mass attenuation coefficients in cm^2/g at TABLE_KEV.
MASS_ATTENUATION: dict[str, DoubleArray] = {
    "water": np.array([1.673, 0.8096, 0.3756, 0.2683, 0.2269, 0.2059, 0.1837, 0.1707, 0.1505]),
    "bone": np.array([9.032, 4.001, 1.331, 0.6655, 0.4242, 0.3148, 0.2229, 0.1855, 0.1480]),
    "adipose": np.array([1.083, 0.5677, 0.3063, 0.2396, 0.2123, 0.1974, 0.1800, 0.1688, 0.1500]),
    "soft_tissue": np.array([1.647, 0.7986, 0.3716, 0.2660, 0.2252, 0.2045, 0.1827, 0.1699, 0.1498]),
    "iodine": np.array([55.12, 25.43, 8.561, 22.10, 12.32, 7.579, 3.510, 1.942, 0.6978]),  # the K edge lies at 33.2 keV
    "aluminium": np.array([7.955, 3.441, 1.128, 0.5685, 0.3681, 0.2778, 0.2018, 0.1704, 0.1378]),
}

TUBE_FILTER_MM_AL = 8.0
"""Inherent and added filtration with the middle of the bow-tie, as aluminium; gives a half-value layer near 8 mm."""

PHOTONS_PER_MM2_MAS = 1.0e6
"""Photons behind the filters per mm^2 and mAs, 1 m from the focus, at 120 kVp: 4 mR/mAs at 2.7e5 photons/mm^2/mR."""

K_EDGE_TUNGSTEN_KEV = 69.5
K_LINE_KEV = 59.3
K_LINE_FRACTION = 0.08


@dataclass(frozen=True)
class Material:
    """A body material as a mixture of the two basis materials.

    Args:
        water: grams of water per cm^3.
        bone: grams of cortical bone per cm^3; slightly negative where there is less calcium than in water's fit.
    """

    water: float
    bone: float


@dataclass(frozen=True)
class Spectrum:
    """The detected spectrum of one tube voltage in a few energy bins.

    Args:
        kvp: tube voltage in kV.
        energy_kev: mean photon energy of each bin.
        photons: photons per mm^2 and mAs at 1 m behind the filters, per bin.
        water: mass attenuation of water per bin, in cm^2/g.
        bone: mass attenuation of cortical bone per bin, in cm^2/g.
    """

    kvp: int
    energy_kev: tuple[float, ...]
    photons: tuple[float, ...]
    water: tuple[float, ...]
    bone: tuple[float, ...]


def mass_attenuation(material: str, energy_kev: DoubleArray) -> DoubleArray:
    """Interpolate a material's mass attenuation coefficient, log-log between the tabulated energies.

    Args:
        material: a key of `MASS_ATTENUATION`.
        energy_kev: photon energies, 15 to 150 keV.

    Returns:
        Coefficients in cm^2/g, of the same shape.
    """
    table = np.log(MASS_ATTENUATION[material])
    return np.asarray(np.exp(np.interp(np.log(energy_kev), np.log(TABLE_KEV), table)), dtype=np.float64)


def as_mixture(material: str, density: float) -> Material:
    """Write a material as water and bone, by least squares over 40 to 120 keV.

    Args:
        material: a key of `MASS_ATTENUATION`.
        density: its density in g/cm^3.

    Returns:
        The mixture, in grams of each basis material per cm^3.
    """
    energy = np.arange(40.0, 121.0)
    basis = np.stack([mass_attenuation("water", energy), mass_attenuation("bone", energy)], axis=1)
    scale = 1.0 / mass_attenuation("water", energy)  # relative errors count alike at all energies
    wanted = density * mass_attenuation(material, energy)
    water, bone = np.linalg.lstsq(basis * scale[:, None], wanted * scale, rcond=None)[0]
    return Material(float(water), float(bone))


def fluence(kvp: float, filter_mm_al: float = TUBE_FILTER_MM_AL) -> tuple[DoubleArray, DoubleArray]:
    """Return the photon spectrum of a filtered tungsten tube: Kramers' continuum and a characteristic line.

    Args:
        kvp: tube voltage in kV, 70 to 150.
        filter_mm_al: total filtration in mm of aluminium.

    Returns:
        Energies in keV at a step of 1 keV, and photons per keV, in arbitrary units common to all voltages.
    """
    energy = np.arange(15.5, kvp, 1.0)
    photons = (kvp - energy) / energy
    photons *= np.exp(-mass_attenuation("aluminium", energy) * 2.699 * filter_mm_al / 10.0)
    if kvp > K_EDGE_TUNGSTEN_KEV:
        strength = K_LINE_FRACTION * photons.sum() * min(1.0, (kvp - K_EDGE_TUNGSTEN_KEV) / 50.0)
        photons[int(np.argmin(np.abs(energy - K_LINE_KEV)))] += strength
    return energy, photons


@lru_cache(maxsize=16)
def spectrum(kvp: int, bins: int = 6) -> Spectrum:
    """Condense a tube's spectrum into bins of equal detected energy.

    Args:
        kvp: tube voltage in kV, 70 to 150.
        bins: number of energy bins; 1 makes the beam monochromatic.

    Returns:
        The binned spectrum.
    """
    energy, photons = fluence(kvp)
    scale = PHOTONS_PER_MM2_MAS / fluence(120)[1].sum()
    share = np.cumsum(energy * photons)
    index = np.minimum((share / share[-1] * bins - 1e-9).astype(int), bins - 1)
    weight = np.bincount(index, photons, bins)
    water = np.bincount(index, photons * mass_attenuation("water", energy), bins) / weight
    bone = np.bincount(index, photons * mass_attenuation("bone", energy), bins) / weight
    mean = np.bincount(index, photons * energy, bins) / weight
    return Spectrum(kvp, tuple(mean), tuple(weight * scale), tuple(water), tuple(bone))


def enhanced_blood(iodine_mg_ml: float) -> Material:
    """Blood that carries contrast medium.

    Args:
        iodine_mg_ml: mg of iodine per ml of blood, 0 or more; one mg/ml adds about 25 to 30 HU at 120 kVp.

    Returns:
        The mixture.
    """
    iodine = as_mixture("iodine", iodine_mg_ml / 1000.0)
    return Material(BLOOD.water + iodine.water, BLOOD.bone + iodine.bone)


SOFT = as_mixture("soft_tissue", 1.05)
MUSCLE = as_mixture("soft_tissue", 1.06)
BLOOD = as_mixture("soft_tissue", 1.05)
FAT = as_mixture("adipose", 0.93)
CORTICAL = Material(0.0, 1.75)
TRABECULAR = Material(0.95, 0.22)
CARBON_SKIN = as_mixture("adipose", 0.75)
FOAM = as_mixture("adipose", 0.06)
