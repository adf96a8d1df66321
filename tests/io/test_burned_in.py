"""Text is found where people burn it in, anatomy and noise are not taken for it, and masks cover it."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from medtl.io.burned_in import burned_in, mask_text, scaled, text_boxes
from medtl.io.series import Scanner, Series
from medtl.io.volume import Volume

SIZE = 256


def body(seed: int = 0) -> np.ndarray:
    """A bright ellipse with blobs and noise on a dark ground, float32 in [0, 1]."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    image = 0.55 * (((rows - 128) / 95) ** 2 + ((columns - 128) / 110) ** 2 < 1)
    for _ in range(25):
        r, c, s = rng.uniform(60, 196), rng.uniform(60, 196), rng.uniform(2, 12)
        image = image + rng.uniform(-0.3, 0.35) * np.exp(-((rows - r) ** 2 + (columns - c) ** 2) / (2 * s * s))
    return np.clip(image + rng.normal(0.05, 0.015, image.shape), 0, 1).astype(np.float32)


def written(image: np.ndarray, text: str, place: tuple[int, int], size: int, level: float = 1.0) -> np.ndarray:
    canvas = Image.fromarray(image)
    ImageDraw.Draw(canvas).text(place, text, fill=level, font=ImageFont.load_default(size))
    return np.asarray(canvas)


def series(array: np.ndarray, **more: object) -> Series:
    volume = Volume(np.atleast_3d(array).astype(np.float32), np.eye(4), (1.0, 1.0, None), "stored")
    made = Series("use", (), volume, Scanner(), None, (), modality="CT", shape=volume.array.shape)  # type: ignore[arg-type]
    return replace(made, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("place", [(4, 4), (4, 236), (140, 4), (140, 236)])
@pytest.mark.parametrize("size", [10, 14, 20])
def test_a_name_in_a_corner_is_found_and_masked(place: tuple[int, int], size: int) -> None:
    clean = body()
    marked = written(clean, "MUELLER 1950", (place[0], min(place[1], SIZE - size - 6)), size)
    boxes = text_boxes(scaled(marked), border=0.25)
    assert boxes
    strokes = np.abs(marked - clean) > 0.3
    assert strokes.sum() > 50
    assert np.mean(np.abs(mask_text(marked) - marked)[strokes] > 0.2) > 0.9


def test_dark_and_upright_text_is_found() -> None:
    light = 1 - body()
    assert text_boxes(scaled(written(light, "MUELLER 1950", (4, 4), 14, 0.0)), border=0.25)
    assert text_boxes(scaled(np.rot90(written(body(), "MUELLER 1950", (4, 4), 14)).copy()), border=0.25)


def test_images_without_text_are_seldom_suspected() -> None:
    suspected = sum(bool(text_boxes(scaled(body(seed)), border=0.25)) for seed in range(10))
    noise = np.random.default_rng(0).random((SIZE, SIZE)).astype(np.float32)
    assert suspected <= 1
    assert not text_boxes(noise, border=0.25)
    assert not text_boxes(np.zeros((SIZE, SIZE), dtype=np.float32))
    assert not text_boxes(np.zeros((3, 2), dtype=np.float32))


def test_the_header_and_the_kind_are_asked_and_pixels_overrule_a_no() -> None:
    clean, marked = body().T, written(body(), "MUELLER 1950", (4, 4), 14).T
    assert burned_in(series(clean)).verdict == "none"
    assert burned_in(series(clean, burned_in=True)).verdict == "stated"
    assert burned_in(series(clean, modality="US")).verdict == "possible"
    assert burned_in(series(clean, modality="US", burned_in=False)).verdict == "none"
    assert burned_in(series(clean, image_type=("DERIVED", "SECONDARY", "SCREEN SAVE"))).verdict == "possible"
    assert burned_in(series(marked, burned_in=False)).verdict == "likely"
    assert burned_in(replace(series(clean), volume=None)).verdict == "none"


def test_a_stack_is_suspected_when_text_stays_from_slice_to_slice() -> None:
    stack = np.stack([body(n).T for n in range(5)], axis=2)
    marked = np.stack([written(body(n), "MUELLER 1950", (4, 4), 14).T for n in range(5)], axis=2)
    assert burned_in(series(stack)).verdict == "none"
    assert burned_in(series(marked)).verdict == "likely"


@pytest.mark.slow
def test_real_slices_are_seldom_suspected() -> None:
    from medtl.io.raster import read_raster

    folder = Path(__file__).parents[3] / "shared" / "data" / "chest_ct" / "images"
    if not folder.is_dir():
        pytest.skip("the real chest CT slices are not here")
    paths = sorted(folder.glob("*/*.jpg"))[::40]
    suspected = [path for path in paths if burned_in(read_raster(path)[0]).verdict == "likely"]
    assert len(suspected) <= 0.15 * len(paths)
