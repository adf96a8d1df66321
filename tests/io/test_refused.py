"""What a report shows of a refused scan: one readable image of it, its text masked, or nothing."""
from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from medtl.io.read import read_scan
from medtl.io.refused import refused_thumbnail
from tests.io.dicom.corpus import Plane, positions, save_all, stack_of


def _with_a_gap(folder: Path, text: str = "") -> Path:
    plane = Plane(64, 80)
    slices = stack_of(plane, np.delete(positions(plane, 7, 2.0), 4, axis=0))
    if text:
        for ds in slices:
            burned = Image.new("L", (80, 64), 20)
            ImageDraw.Draw(burned).text((2, 2), text, fill=250, font=ImageFont.load_default(12))
            ds.PixelData = np.asarray(burned).astype("<u2").tobytes()
    save_all(slices, folder)
    assert {series.verdict for series in read_scan(folder)} == {"refused"}
    return folder


def test_a_stack_with_a_gap_shows_one_slice(tmp_path: Path) -> None:
    content = refused_thumbnail(_with_a_gap(tmp_path), side=40)
    assert content is not None
    image = Image.open(io.BytesIO(content))
    assert max(image.size) == 40
    assert not image.info
    assert len(np.unique(np.asarray(image))) > 10


def test_burned_in_text_is_not_shown(tmp_path: Path) -> None:
    content = refused_thumbnail(_with_a_gap(tmp_path, "DOE JANE"), side=80)
    assert content is not None
    assert np.ptp(np.asarray(Image.open(io.BytesIO(content)))) == 0  # plain ground, and nothing of the letters


def test_what_no_image_of_can_be_read_is_not_drawn(tmp_path: Path) -> None:
    plane = Plane()
    slices = stack_of(plane, positions(plane, 3, 2.0), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    save_all(slices, tmp_path / "scouts")
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.txt").write_text("no image")
    assert refused_thumbnail(tmp_path / "scouts") is None
    assert refused_thumbnail(tmp_path / "text") is None
    assert refused_thumbnail(tmp_path / "text" / "a.txt") is None
