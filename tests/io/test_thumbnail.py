"""Thumbnails show the slice with square millimetres and without text."""
from __future__ import annotations

import io

import numpy as np
from PIL import Image

from medtl.io.thumbnail import SIDE, picture, png, thumbnail
from medtl.io.volume import Volume
from tests.io.test_burned_in import body, written


def test_the_shape_follows_the_millimetres_and_the_middle_slice_is_shown() -> None:
    array = np.zeros((40, 20, 3), dtype=np.float32)
    array[:20, :, 1] = 900
    shown = thumbnail(Volume(array, np.eye(4), (1.0, 2.0, 5.0), "HU"))
    assert shown.shape == (SIDE, SIDE)
    assert shown.dtype == np.uint8
    assert shown[:, :70].min() > 200
    assert shown[:, 90:].max() < 50


def test_text_is_gone_before_scaling() -> None:
    clean = body()
    marked = written(clean, "MUELLER 1950", (4, 4), 18)
    strokes = np.abs(marked - clean) > 0.3
    beside = np.zeros_like(strokes)
    beside[:, 2:] = strokes[:, :-2]
    beside &= ~strokes
    after = picture(marked, side=256).astype(int)
    assert picture(clean, side=256)[strokes].mean() < 60  # the ground is dark, the letters were white
    assert abs(after[strokes].mean() - after[beside].mean()) < 10  # a stroke looks as what is beside it
    framed = picture(marked, side=256, frame=True)
    assert len(np.unique(framed[:45])) == 1


def test_a_constant_image_and_a_single_pixel_are_shown() -> None:
    assert picture(np.full((9, 9), 0.5, dtype=np.float32)).shape == (SIDE, SIDE)
    assert picture(np.zeros((1, 1), dtype=np.float32), frame=True).shape == (SIDE, SIDE)


def test_the_file_holds_nothing_but_pixels() -> None:
    pixels = picture(body())
    with Image.open(io.BytesIO(png(pixels))) as image:
        assert image.info == {}
        np.testing.assert_array_equal(np.asarray(image), pixels)
