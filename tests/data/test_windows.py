"""Intensity windows."""
from __future__ import annotations

import numpy as np
import pytest

from medtl.data.windows import UnitError, check_unit, limits
from medtl.io.volume import Volume


def volume(array: np.ndarray, unit: str = "HU") -> Volume:
    return Volume(array.astype(np.float32), np.diag([-1.0, -1.0, 1.0, 1.0]), (1.0, 1.0, 1.0), unit)


@pytest.mark.parametrize(("window", "low", "high"), [
    ("lung", -1350, 150), ("soft_tissue", -160, 240), ("bone", -500, 1300)])
def test_hounsfield_windows_are_level_plus_and_minus_half_the_width(window: str, low: float, high: float) -> None:
    assert limits(window, volume(np.zeros((2, 2, 2)))) == (low, high)


def test_percentiles_are_of_the_whole_volume() -> None:
    array = np.random.default_rng(0).normal(size=(60, 50, 20))
    assert limits("percentiles", volume(array, "stored")) == pytest.approx(np.percentile(array, (1, 99)), rel=1e-5)


def test_percentiles_of_a_large_volume_are_near_the_exact_ones() -> None:
    array = np.random.default_rng(1).normal(size=(400, 400, 30)).astype(np.float32)
    assert limits("percentiles", volume(array, "stored")) == pytest.approx(np.percentile(array, (1, 99)), abs=0.01)


@pytest.mark.parametrize(
    ("window", "unit"), [("lung", "optical"), ("bone", "stored"), ("none", "HU"), ("none", "stored")])
def test_a_window_that_means_nothing_names_the_unit(window: str, unit: str) -> None:
    with pytest.raises(UnitError, match=f"{unit!r}; use percentiles"):
        check_unit(window, unit)


@pytest.mark.parametrize(("window", "unit"), [("lung", "HU"), ("none", "optical"), ("percentiles", "stored")])
def test_windows_that_fit(window: str, unit: str) -> None:
    check_unit(window, unit)
