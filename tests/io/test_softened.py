"""Letters go, wherever they stand and however bright; what is wider than a stroke stays."""
from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from medtl.io.softened import soften_text


def ground() -> NDArray[np.float32]:
    """A smooth body with a broad bright disc, noise of a scan on it."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:224, :224] / 224
    image = 0.35 + 0.2 * x + 0.4 * (((y - 0.6) ** 2 + (x - 0.5) ** 2) < 0.03) + rng.normal(0, 0.01, (224, 224))
    return np.clip(image, 0, 1).astype(np.float32)


def lettered(
    image: NDArray[np.float32], at: tuple[int, int], ink: int, size: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The image with a name written on it, and where the ink is."""
    picture = Image.fromarray((image * 255).round().astype(np.uint8))
    before = np.asarray(picture).copy()
    ImageDraw.Draw(picture).text(at, "DOE JANE 4711", fill=ink, font=ImageFont.load_default(size))
    after = np.asarray(picture)
    return (after / 255).astype(np.float32), np.abs(after.astype(int) - before) > 40


@pytest.mark.parametrize(("at", "ink", "size"), [((8, 6), 255, 14), ((8, 200), 0, 14), ((60, 20), 255, 22)])
def test_no_stroke_of_a_letter_is_left(at: tuple[int, int], ink: int, size: int) -> None:
    plain = ground()
    written, where = lettered(plain, at, ink, size)
    assert where.sum() > 150
    softened = soften_text(written)
    left = np.abs(softened - plain)[where].mean()
    assert left < 0.15 * np.abs(written - plain)[where].mean()


def test_what_is_broad_stays_and_the_image_is_not_changed() -> None:
    written, _ = lettered(ground(), (8, 6), 255, 14)
    kept = written.copy()
    softened = soften_text(written)
    np.testing.assert_array_equal(written, kept)
    disc = softened[120:150, 100:124]
    assert disc.mean() == pytest.approx(ground()[120:150, 100:124].mean(), abs=0.02)
    clean = ground()
    assert np.abs(soften_text(clean) - clean).mean() < 0.01
