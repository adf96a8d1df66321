"""Planted copies are found, and different scans are not."""
from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from medtl.config.sections import InputSection
from medtl.data.duplicates import duplicate_pairs, find_duplicates
from medtl.data.prepared import Prepared
from medtl.data.splits import assign
from medtl.data.transforms import Preprocess
from medtl.io.volume import Volume

PLAIN = Preprocess(InputSection(window="none", size=96))
AFFINE = np.diag([-1.0, -1.0, 1.0, 1.0])


def chest(seed: int, size: int = 160) -> np.ndarray:
    """A body with two lungs at nearly the same place in everyone, and a texture of one's own; in [0, 1]."""
    rng = np.random.default_rng(seed)
    y, x = (np.mgrid[0:size, 0:size] / size - 0.5) * rng.uniform(0.95, 1.05)
    body = ((x / 0.42) ** 2 + (y / 0.34) ** 2 < 1).astype(float)
    for side in (-1, 1):
        body -= 0.7 * (((x - side * 0.19) / 0.15) ** 2 + ((y + rng.uniform(-0.02, 0.02)) / 0.24) ** 2 < 1)
    texture = gaussian_filter(rng.normal(size=(size, size)), 4)
    return np.clip(body * 0.7 + 0.25 * texture / texture.std() * (body > 0) + 0.1, 0, 1)


def prepared(picture: np.ndarray) -> np.ndarray:
    return PLAIN(Volume(picture.T[:, :, None].astype(np.float32), AFFINE, (1.0, 1.0, None), "optical"))


def recompressed(picture: np.ndarray) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray((picture * 255).astype(np.uint8)).save(file, "JPEG", quality=40)
    return np.asarray(Image.open(file), dtype=np.float64) / 255


COPIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "recompressed": recompressed,
    "brighter": lambda p: np.clip(p * 1.1 + 0.05, 0, 1),
    "cropped": lambda p: p[3:-1, 2:-3],
    "smaller": lambda p: np.asarray(Image.fromarray(p.astype(np.float32)).resize((120, 120), Image.Resampling.BOX)),
    "all of it": lambda p: recompressed(np.clip(p[2:-2, 1:-3] * 0.93 + 0.03, 0, 1)),
}


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_on_the_other_side_is_found(how: str) -> None:
    pictures = [chest(seed) for seed in range(12)]
    scans = [prepared(p) for p in [*pictures, *(COPIES[how](p) for p in pictures[:6])]]
    pairs = duplicate_pairs(scans, [""] * 18, ["train"] * 12 + ["test"] * 6)
    assert [(i, j) for i, j, _, _ in pairs] == [(i, 12 + i) for i in range(6)]
    assert all(not exact and 0.95 <= similarity <= 1.0 + 1e-6 for _, _, exact, similarity in pairs)


def test_different_chests_are_no_duplicates() -> None:
    scans = [prepared(chest(seed)) for seed in range(60)]
    assert duplicate_pairs(scans, [""] * 60, [i % 3 for i in range(60)]) == []


def test_the_same_bytes_are_exact_and_within_one_part_do_no_harm() -> None:
    scans = [prepared(chest(0)), prepared(chest(0)), prepared(chest(0))]
    assert duplicate_pairs(scans, ["x", "x", "y"], ["a", "a", "b"]) == [(0, 2, False, pytest.approx(1)),
                                                                        (1, 2, False, pytest.approx(1))]
    assert duplicate_pairs(scans, ["x", "y", "x"], ["a", "a", "b"])[0] == (0, 2, True, 1.0)


def test_empty_black_scans_are_not_all_the_same() -> None:
    black = np.zeros((1, 1, 32, 32), np.float32)
    assert duplicate_pairs([black, black], ["", ""], ["a", "b"]) == []


def test_a_finding_says_where_and_which_rows(make_catalogue, two_sites, binary) -> None:
    catalogue = make_catalogue(two_sites)
    cohort = assign(catalogue, source=["a"], target=["b"], task=binary)
    arrays = {i: prepared(chest(i, 64)) for i in range(len(two_sites))}
    train, test = int(cohort.rows("source", "train")[0]), int(cohort.rows("target", "test")[0])
    arrays[test] = arrays[train]
    (finding,) = find_duplicates(Prepared.in_memory(catalogue, arrays), cohort)
    assert finding.sentence == (
        f"duplicates: 1 near between a source train and b target test (rows {train + 1} and {test + 1}); figures on "
        f"either side may flatter")
