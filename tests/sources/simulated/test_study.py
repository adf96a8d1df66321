from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from medtl.sources.simulated.geometry import reconstruction_circle
from medtl.sources.simulated.scanner import HOSPITALS
from medtl.sources.simulated.study import FOLLOW_UP_EVERY, SimulatedStudy, patient_of, simulate_study


@pytest.fixture(scope="module")
def studies() -> list[SimulatedStudy]:
    return [simulate_study(0, site, index) for site in HOSPITALS for index in range(5)]


def test_same_seed_same_voxels_in_any_order(studies: list[SimulatedStudy]) -> None:
    again = [simulate_study(0, study.site, study.index) for study in reversed(studies[3:7])]
    for first, second in zip(reversed(studies[3:7]), again, strict=True):
        np.testing.assert_array_equal(first.hu, second.hu)
        assert first.thorax == second.thorax


def test_another_seed_site_or_index_is_another_patient(studies: list[SimulatedStudy]) -> None:
    widths = {study.thorax.half_width_mm for study in [*studies, simulate_study(1, "north", 0)]}
    assert len(widths) == len(studies) + 1


def test_settings_do_not_move_the_anatomy() -> None:
    hospital = HOSPITALS["north"]
    dimmer = replace(hospital, protocol=replace(hospital.protocol, mas=20.0))
    one, two = simulate_study(0, "north", 1), simulate_study(0, "north", 1, hospital=dimmer)
    assert one.thorax == two.thorax
    assert not np.array_equal(one.hu, two.hu)


def test_label_is_true_only_where_a_nodule_is_in_the_volume(studies: list[SimulatedStudy]) -> None:
    labels = {study.nodule for study in studies}
    assert labels == {True, False}
    for study in studies:
        assert study.nodule == bool(study.nodule_mask().any())


def voxel(study: SimulatedStudy, place: tuple[float, float, float]) -> tuple[int, int, int]:
    """Indices (slice, row, column) of the voxel nearest to a position."""
    steps = (study.spacing_mm[1], study.spacing_mm[0], study.spacing_mm[2])
    i, j, k = (round((at - low) / step) for at, low, step in zip(place, study.origin_mm, steps, strict=True))
    return min(max(k, 0), len(study.hu) - 1), j, i


def test_nodules_are_denser_than_the_lung_around(studies: list[SimulatedStudy]) -> None:
    large = [(s, n) for s in studies for n in s.thorax.nodules if n.diameter_mm > 15 and n.core == 1.0]
    assert len(large) > 5
    for study, nodule in large:
        assert study.hu[voxel(study, nodule.centre_mm)] > -500


def test_lung_soft_tissue_and_padding_have_their_values(studies: list[SimulatedStudy]) -> None:
    for study in studies:
        assert study.hu.dtype == np.int16
        assert study.hu.shape == (study.hospital.protocol.slices, 128, 128)
        assert (study.hu[:, ~reconstruction_circle(128)] == study.hospital.scanner.padding).all()
        k, j, i = voxel(study, study.thorax.heart_mm)
        per_mg = {120: 26.0, 100: 34.0}[study.hospital.protocol.kvp]  # HU of one mg of iodine per ml
        blood, allowed = 45.0 + per_mg * study.iodine_mg_ml, 35.0 + 8.0 * study.iodine_mg_ml  # beam hardening
        assert np.median(study.hu[k, j - 3 : j + 4, i - 3 : i + 4]) == pytest.approx(blood, abs=allowed)
        y = study.origin_mm[1] + np.arange(128, dtype=np.float32)[:, None] * np.float32(study.spacing_mm[0])
        x = study.origin_mm[0] + np.arange(128, dtype=np.float32)[None, :] * np.float32(study.spacing_mm[1])
        lung = study.thorax.lung_depth(x, y, np.full((1, 1), study.origin_mm[2], np.float32)) > 12
        assert np.median(study.hu[0][lung]) == pytest.approx(1000 * (study.thorax.lung_density - 1), abs=45)


def test_every_tenth_study_is_a_follow_up() -> None:
    seen = [patient_of(index) for index in range(3 * FOLLOW_UP_EVERY)]
    assert len(set(seen)) == len(seen)
    assert seen[8] == (8, 1)
    assert seen[9] == (8, 2)
    assert seen[10] == (9, 1)
    assert [patient for patient, _ in seen] == sorted(patient for patient, _ in seen)
    before, after = simulate_study(0, "east", 8), simulate_study(0, "east", 9)
    assert before.thorax.half_width_mm == after.thorax.half_width_mm
    assert before.nodule == after.nodule
    assert not np.array_equal(before.hu, after.hu)


def test_contrast_goes_with_nodules_where_cancer_is_staged_and_not_in_an_emergency_department() -> None:
    low, high = HOSPITALS["north"].contrast
    assert high - low == pytest.approx(0.5)
    assert HOSPITALS["south"].contrast[0] == HOSPITALS["south"].contrast[1]
    always, never = (replace(HOSPITALS["north"], contrast=(share, share)) for share in (1.0, 0.0))
    by_indication = replace(HOSPITALS["north"], contrast=(0.0, 1.0))
    for index in range(6):
        given, plain = (simulate_study(0, "north", index, hospital=h) for h in (always, never))
        assert 3.0 < given.iodine_mg_ml < 20.0
        assert plain.iodine_mg_ml == 0.0
        k, j, i = voxel(given, given.thorax.heart_mm)
        heart = np.s_[k, j - 3 : j + 4, i - 3 : i + 4]
        assert np.median(given.hu[heart]) - np.median(plain.hu[heart]) > 15 * given.iodine_mg_ml
        study = simulate_study(0, "north", index, hospital=by_indication)
        assert (study.iodine_mg_ml > 0) == study.nodule


def test_ground_glass_adds_hounsfield_units_to_the_lung_and_no_label() -> None:
    clean = HOSPITALS["north"]
    ill = replace(clean, pneumonia=1.0)
    for index in range(3):
        before, after = (simulate_study(0, "north", index, hospital=hospital) for hospital in (clean, ill))
        assert before.nodule == after.nodule
        assert not before.thorax.patches
        assert after.thorax.patches
        patch = after.thorax.patches[0]
        assert after.thorax.at(*patch.centre_mm) > 2.0
        x = after.origin_mm[0] + np.arange(128, dtype=np.float32)[None, :] * np.float32(after.spacing_mm[1])
        y = after.origin_mm[1] + np.arange(128, dtype=np.float32)[:, None] * np.float32(after.spacing_mm[0])
        planes = after.origin_mm[2] + np.arange(len(after.hu)) * after.spacing_mm[2]
        k = int(np.argmin(np.abs(planes - patch.centre_mm[2])))
        z = np.full((1, 1), planes[k], np.float32)
        (px, py, _), (rx, ry, _) = patch.centre_mm, patch.radii_mm
        near = np.hypot((x - px) / rx, (y - py) / ry) < 0.4
        inside = near & (after.thorax.lung_depth(x, y, z) > 3.0)
        assert np.median(after.hu[k][inside].astype(int) - before.hu[k][inside]) > 40
