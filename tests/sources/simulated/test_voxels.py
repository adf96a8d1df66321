from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from medtl.sources.simulated.attenuation import BLOOD, FOAM, enhanced_blood
from medtl.sources.simulated.geometry import Geometry
from medtl.sources.simulated.thorax import Nodule, NoduleDistribution, Thorax, random_thorax
from medtl.sources.simulated.vessels import Vessel
from medtl.sources.simulated.voxels import lay_out, planes_of

GEOMETRY = Geometry()
SLICES = np.array([-5.0, 0.0, 5.0])


def nearest_pixel(place: tuple[float, float, float]) -> tuple[int, int]:
    return int(np.argmin(np.abs(GEOMETRY.y_mm() - place[1]))), int(np.argmin(np.abs(GEOMETRY.x_mm() - place[0])))


def deep_in_the_lung(thorax: Thorax) -> tuple[float, float, float]:
    places = ((x, y, 0.0) for x in (-90.0, -80.0, -70.0) for y in (10.0, 0.0, 20.0))
    return next(place for place in places if thorax.at(*place) > 25)


@pytest.fixture(scope="module")
def healthy() -> Thorax:
    return replace(random_thorax(np.random.default_rng(4), 0.0, NoduleDistribution()), vessels=())


def test_densities_are_those_of_a_body(healthy: Thorax) -> None:
    water, bone = lay_out(healthy, GEOMETRY, SLICES, 1.0, 2.0)
    assert water.shape == bone.shape == (GEOMETRY.rows, GEOMETRY.columns, 3)
    assert water.dtype == bone.dtype == np.float32
    y, x = np.meshgrid(GEOMETRY.y_mm(), GEOMETRY.x_mm(), indexing="ij")
    lung = healthy.lung_depth(x, y, np.zeros_like(x)) > 10
    density = (water + bone)[:, :, 1]
    assert density[lung].mean() == pytest.approx(healthy.lung_density, rel=0.1)
    heart = np.hypot((x - healthy.heart_mm[0]) / 25, (y - healthy.heart_mm[1]) / 20) < 1
    assert np.median(density[heart]) == pytest.approx(BLOOD.water + BLOOD.bone, abs=0.03)
    spine = np.hypot(x, y - healthy.spine_centre_mm) < 8
    assert bone[spine].mean() > 0.05  # over vertebrae and discs
    outside = (np.abs(x) > healthy.half_width_mm + 5) & (y < 0)
    assert (density[outside] == 0).all()
    table = (np.abs(x) < 100) & (np.abs(y - healthy.half_depth_mm - 10) < 2)
    assert np.median(density[table]) == pytest.approx(FOAM.water + FOAM.bone, abs=0.08)


def test_nodule_adds_its_own_mass(healthy: Thorax) -> None:
    z = np.arange(-24.0, 24.1, 2.0)
    place = deep_in_the_lung(healthy)
    nodule = Nodule(place, (12.0, 12.0, 12.0), core=1.0, rim_density=0.5)
    bare, _ = lay_out(healthy, GEOMETRY, z, 2.0, 2.0)
    ill, _ = lay_out(replace(healthy, nodules=(nodule,)), GEOMETRY, z, 2.0, 2.0)
    volume = 4 / 3 * np.pi * 12.0**3
    wanted = volume * (1.05 - healthy.lung_density)
    assert float((ill - bare).sum()) * GEOMETRY.pixel_mm**2 * 2.0 == pytest.approx(wanted, rel=0.08)


def test_part_solid_nodule_is_denser_inside(healthy: Thorax) -> None:
    place = deep_in_the_lung(healthy)
    ill = replace(healthy, nodules=(Nodule(place, (14.0, 14.0, 14.0), core=0.5, rim_density=0.5),))
    water, _ = lay_out(ill, GEOMETRY, SLICES, 1.0, 2.0)
    row, column = nearest_pixel(place)
    assert water[row, column, 1] == pytest.approx(1.05, abs=0.03)
    assert water[row, column + 4, 1] == pytest.approx(0.5, abs=0.03)


def test_thick_slices_dilute_what_is_small(healthy: Thorax) -> None:
    place = deep_in_the_lung(healthy)
    ill = replace(healthy, nodules=(Nodule(place, (4.0, 4.0, 4.0), core=1.0, rim_density=0.5),))
    thin, thick = (lay_out(ill, GEOMETRY, np.zeros(1), t, 2.0)[0] for t in (1.0, 10.0))
    row, column = nearest_pixel(place)
    assert thin[row, column, 0] > 0.95
    assert thick[row, column, 0] == pytest.approx(0.8 * 1.05 + 0.2 * healthy.lung_density, abs=0.04)


def test_planes_fill_the_slice_evenly() -> None:
    planes, count = planes_of(np.array([0.0, 10.0]), 5.0)
    assert count >= 3
    assert planes[:count].mean() == pytest.approx(0.0)
    assert planes[count:].mean() == pytest.approx(10.0)
    assert np.diff(planes[:count]) == pytest.approx(np.full(count - 1, 5.0 / count))
    assert planes_of(np.array([3.0]), 1.0)[1] == 1


def test_overlapping_slices_are_each_their_own(healthy: Thorax) -> None:
    together, _ = lay_out(healthy, GEOMETRY, np.array([0.0, 2.0]), 5.0, 2.0)
    for number, z in enumerate((0.0, 2.0)):
        alone, _ = lay_out(healthy, GEOMETRY, np.array([z]), 5.0, 2.0)
        np.testing.assert_allclose(together[:, :, number], alone[:, :, 0], atol=1e-6)


def test_contrast_fills_heart_and_vessels_but_not_the_tissue_of_a_nodule(healthy: Thorax) -> None:
    x, y, z = deep_in_the_lung(healthy)
    vessel = Vessel((x, y, z - 30.0), (x, y, z + 30.0), 8.0, 8.0)
    nodule = Nodule((x, y, z - 20.0), (12.0, 12.0, 12.0), core=1.0, rim_density=0.5)
    thorax = replace(healthy, vessels=(vessel,), nodules=(nodule,))
    slices = np.array([z - 20.0, z + 15.0])
    _, plain = lay_out(thorax, GEOMETRY, slices, 1.0, 2.0)
    _, bone = lay_out(thorax, GEOMETRY, slices, 1.0, 2.0, iodine_mg_ml=12.0)
    wanted = enhanced_blood(12.0).bone
    row, column = nearest_pixel((x, y, z))
    assert bone[row, column, 1] == pytest.approx(wanted, rel=0.02)
    assert bone[row, column, 0] == pytest.approx(0.0, abs=0.01)
    assert plain[row, column, 1] == pytest.approx(BLOOD.bone, abs=1e-4)
    heart = nearest_pixel(healthy.heart_mm)
    assert bone[*heart, 1] == pytest.approx(wanted, rel=0.02)
