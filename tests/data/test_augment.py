"""Random variation: decided by its seed, within [0, 1], alike for all slices."""
from __future__ import annotations

import importlib.metadata
import random

import numpy as np
import pytest

from medtl.data import augment
from medtl.data.augment import Augment
from medtl.errors import ConfigError


@pytest.fixture(scope="module", params=["light", "strong"])
def varied(request: pytest.FixtureRequest) -> Augment:
    return Augment(request.param)


@pytest.fixture(scope="module")
def scan() -> np.ndarray:
    return np.random.default_rng(0).random((3, 1, 40, 40)).astype(np.float32)


def test_the_seed_decides_and_nothing_else(varied: Augment, scan: np.ndarray) -> None:
    first = varied(scan, 5)
    varied(scan, 6)
    np.random.seed(1)  # noqa: NPY002 — other people's random numbers must not matter
    random.seed(1)
    np.testing.assert_array_equal(varied(scan, 5), first)
    np.testing.assert_array_equal(Augment(varied.level)(scan, 5), first)
    assert not np.array_equal(varied(scan, 7), first)


def test_global_random_numbers_are_not_drawn(varied: Augment, scan: np.ndarray) -> None:
    np.random.seed(3)  # noqa: NPY002
    random.seed(3)
    varied(scan, 1)
    assert (np.random.random(), random.random()) == (np.random.RandomState(3).random(), random.Random(3).random())  # noqa: NPY002


def test_values_stay_in_0_to_1_and_shape_and_type_stay(varied: Augment, scan: np.ndarray) -> None:
    for seed in range(20):
        seen = varied(scan, seed)
        assert seen.shape == scan.shape
        assert seen.dtype == np.float32
        assert 0 <= seen.min() <= seen.max() <= 1


def test_slices_are_moved_alike(scan: np.ndarray) -> None:
    alike = np.repeat(scan[:1], 3, axis=0)
    light = Augment("light")
    for seed in range(5):
        seen = light(alike, seed)
        np.testing.assert_array_equal(seen[0], seen[2])


def test_nothing_is_mirrored() -> None:
    half = np.zeros((1, 1, 64, 64), np.float32)
    half[..., 40:] = 1.0
    for level in ("light", "strong"):
        vary = Augment(level)
        for seed in range(30):
            seen = vary(half, seed)
            assert seen[..., 32:].mean() > seen[..., :32].mean() + 0.1


def test_none_is_the_scan_itself(scan: np.ndarray) -> None:
    assert Augment("none")(scan, 1) is scan


def test_the_other_distribution_of_that_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Installed:
        metadata = {"Name": "AlbumentationsX"}  # noqa: RUF012

    monkeypatch.setattr(importlib.metadata, "distributions", lambda: iter([Installed()]))
    with pytest.raises(ConfigError, match="AGPL"):
        Augment("light")
    monkeypatch.undo()
    augment.refuse_other_distribution()
