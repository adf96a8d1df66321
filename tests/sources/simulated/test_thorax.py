from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from medtl.sources.simulated.thorax import ACTIONABLE_MM, SLAB_HALF_MM, NoduleDistribution, Thorax, random_thorax


def patients(count: int, prevalence: float = 1.0, **options: float) -> list[Thorax]:
    distribution = NoduleDistribution(**options)
    return [random_thorax(np.random.default_rng(seed), prevalence, distribution) for seed in range(count)]


def test_prevalence_is_that_asked_for() -> None:
    ill = [bool(thorax.nodules) for thorax in patients(80, prevalence=0.4)]
    assert 0.4 * 80 - 13 < sum(ill) < 0.4 * 80 + 13  # three standard deviations of a binomial
    assert not any(thorax.nodules for thorax in patients(5, prevalence=0.0))
    assert all(thorax.nodules for thorax in patients(5, prevalence=1.0))


def test_nodules_lie_in_the_lung_within_the_slab_and_are_actionable() -> None:
    for thorax in patients(12):
        for nodule in thorax.nodules:
            assert ACTIONABLE_MM <= nodule.diameter_mm <= 30.0 + 1e-9
            assert abs(nodule.centre_mm[2]) <= SLAB_HALF_MM
            assert thorax.at(*nodule.centre_mm) > 0.4 * nodule.diameter_mm


def test_distribution_sets_number_size_and_kind() -> None:
    few = patients(40, extra=0.0, median_mm=10.0, spread=0.2, part_solid=1.0)
    assert all(len(thorax.nodules) == 1 for thorax in few)
    assert all(nodule.core < 1.0 < nodule.rim_density + 1.0 for thorax in few for nodule in thorax.nodules)
    assert np.median([thorax.nodules[0].diameter_mm for thorax in few]) == pytest.approx(10.0, abs=1.5)
    many = patients(40, extra=4.0, part_solid=0.0)
    assert np.mean([len(thorax.nodules) for thorax in many]) == pytest.approx(5.0, abs=1.0)
    assert all(nodule.core == 1.0 for thorax in many for nodule in thorax.nodules)


def test_lungs_are_left_and_right_of_heart_and_spine() -> None:
    for thorax in patients(20, prevalence=0.0):
        half_width, half_depth = thorax.cavity_mm
        assert thorax.at(0.6 * half_width, 0.0, 0.0) > 0
        assert thorax.at(-0.6 * half_width, 0.0, 0.0) > 0
        assert thorax.at(*thorax.heart_mm) < 0
        assert thorax.at(0.0, thorax.spine_centre_mm, 0.0) < 0
        assert thorax.at(0.0, half_depth + 1.0, 0.0) < 0
        assert thorax.at(half_width + 8.0, 0.0, 0.0) < 0


def test_follow_up_is_the_same_patient() -> None:
    before = patients(1)[0]
    after = before.followed_up(np.random.default_rng(9))
    assert [n.centre_mm for n in after.nodules] == [n.centre_mm for n in before.nodules]
    assert [n.radii_mm for n in after.nodules] != [n.radii_mm for n in before.nodules]
    same = {"nodules": before.nodules, "lung_density": before.lung_density}
    assert replace(after, **same) == before
