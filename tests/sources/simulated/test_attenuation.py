from __future__ import annotations

import numpy as np
import pytest

from medtl.sources.simulated import attenuation
from medtl.sources.simulated.attenuation import (
    Material,
    as_mixture,
    enhanced_blood,
    fluence,
    mass_attenuation,
    spectrum,
)


def hounsfield(material: Material, kvp: int, behind_cm: float = 20.0) -> float:
    """HU of a small amount of a material, in a beam that has passed so much water."""
    beam = spectrum(kvp)
    water, bone = np.array(beam.water), np.array(beam.bone)
    weight = np.array(beam.photons) * np.array(beam.energy_kev) * np.exp(-water * behind_cm)
    return float(1000 * ((weight * (water * material.water + bone * material.bone)).sum() / (weight * water).sum() - 1))


@pytest.mark.parametrize(("material", "density"), [("soft_tissue", 1.05), ("adipose", 0.93), ("aluminium", 2.7)])
def test_two_basis_materials_suffice(material: str, density: float) -> None:
    energy = np.linspace(40, 120, 33)
    mixture = as_mixture(material, density)
    wanted = density * mass_attenuation(material, energy)
    got = mixture.water * mass_attenuation("water", energy) + mixture.bone * mass_attenuation("bone", energy)
    np.testing.assert_allclose(got, wanted, rtol=0.01)


def test_attenuation_falls_with_energy_and_passes_through_the_table() -> None:
    for material, table in attenuation.MASS_ATTENUATION.items():
        energy = np.linspace(40 if material == "iodine" else 15, 150, 200)  # iodine's K edge lies at 33 keV
        assert (np.diff(mass_attenuation(material, energy)) < 0).all()
        np.testing.assert_allclose(mass_attenuation(material, attenuation.TABLE_KEV), table)


def test_tissues_have_their_published_hounsfield_units_at_120_kvp() -> None:
    assert 30 < hounsfield(attenuation.SOFT, 120) < 60
    assert -120 < hounsfield(attenuation.FAT, 120) < -85
    assert 150 < hounsfield(attenuation.TRABECULAR, 120) < 350
    assert 1000 < hounsfield(attenuation.CORTICAL, 120) < 1900


def test_voltage_changes_bone_more_than_soft_tissue() -> None:
    bone = hounsfield(attenuation.CORTICAL, 100) - hounsfield(attenuation.CORTICAL, 140)
    soft = hounsfield(attenuation.SOFT, 100) - hounsfield(attenuation.SOFT, 140)
    assert bone > 200
    assert abs(soft) < 5


def test_half_value_layer_is_that_of_a_body_scanner() -> None:
    """7 to 9.5 mm of aluminium at 120 kVp (AAPM report 96 and manufacturers' data), rising with the voltage."""
    layers = []
    for kvp in (80, 100, 120, 140):
        energy, photons = fluence(kvp)
        depth = np.linspace(0, 20, 2001)
        mu = mass_attenuation("aluminium", energy) * 2.699 / 10
        kerma = (photons * energy * np.exp(-mu * depth[:, None])).sum(axis=1)
        layers.append(float(depth[np.argmin(np.abs(kerma / kerma[0] - 0.5))]))
    assert layers == sorted(layers)
    assert 7.0 < layers[2] < 9.5


@pytest.mark.parametrize("kvp", [80, 120, 140])
def test_bins_keep_photons_and_energy(kvp: int) -> None:
    energy, photons = fluence(kvp)
    beam = spectrum(kvp)
    scale = attenuation.PHOTONS_PER_MM2_MAS / fluence(120)[1].sum()
    assert sum(beam.photons) == pytest.approx(photons.sum() * scale)
    total = sum(n * e for n, e in zip(beam.photons, beam.energy_kev, strict=True))
    assert total == pytest.approx((energy * photons).sum() * scale)
    assert max(beam.energy_kev) < kvp


def test_iodine_attenuates_as_its_own_coefficients_say() -> None:
    energy = np.array([45.0, 60.0, 75.0, 100.0])
    iodine = as_mixture("iodine", 0.010)
    mixture = iodine.water * mass_attenuation("water", energy) + iodine.bone * mass_attenuation("bone", energy)
    np.testing.assert_allclose(mixture, 0.010 * mass_attenuation("iodine", energy), rtol=0.08)


@pytest.mark.parametrize(("kvp", "low", "high"), [(120, 24.0, 31.0), (100, 29.0, 40.0)])
def test_contrast_adds_the_hounsfield_units_that_are_published(kvp: int, low: float, high: float) -> None:
    added = hounsfield(enhanced_blood(10.0), kvp) - hounsfield(enhanced_blood(0.0), kvp)
    assert low < added / 10.0 < high
