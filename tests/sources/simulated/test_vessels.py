from __future__ import annotations

import numpy as np
import pytest

from medtl.sources.simulated.vessels import SMALLEST_MM, Vessel, grow_vessels


@pytest.fixture(scope="module")
def vessels() -> tuple[Vessel, ...]:
    return grow_vessels(np.random.default_rng(1), (36.0, 5.0), (135.0, 85.0))


def test_forks_follow_murray(vessels: tuple[Vessel, ...]) -> None:
    """The cubes of the daughters' radii add up to at most the cube of the mother's; less where a thin one ends."""
    daughters: dict[tuple[float, float, float], list[float]] = {}
    for vessel in vessels:
        daughters.setdefault(vessel.start_mm, []).append(vessel.start_radius_mm)
    whole = 0
    for mother in vessels:
        radii = daughters.get(mother.end_mm, [])
        assert sum(r**3 for r in radii) <= mother.end_radius_mm**3 * (1 + 1e-9)
        whole += len(radii) == 2 and abs(sum(r**3 for r in radii) / mother.end_radius_mm**3 - 1) < 1e-9
    assert whole > 20


def test_vessels_thin_out_and_stay_in_the_cavity(vessels: tuple[Vessel, ...]) -> None:
    for vessel in vessels:
        assert SMALLEST_MM * 0.9 < vessel.end_radius_mm < vessel.start_radius_mm <= 4.6
        assert np.hypot(vessel.end_mm[0] / 135.0, vessel.end_mm[1] / 85.0) < 1.0


def test_both_lungs_have_vessels(vessels: tuple[Vessel, ...]) -> None:
    right = sum(vessel.end_mm[0] < -40 for vessel in vessels)
    assert 50 < right < len(vessels) - 50
