"""Images become grey values in [0, 1] at the right place, or are refused; nothing is filled in."""
from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medtl.io.raster import MAX_PIXELS, read_raster
from medtl.io.reasons import Reason
from medtl.io.series import Series

RAMP = (np.arange(12 * 20).reshape(12, 20) % 251).astype(np.uint8)  # 12 rows, 20 columns


def one(path: Path) -> Series:
    (series,) = read_raster(path)
    return series


def values(path: Path) -> np.ndarray:
    """(rows, columns), as an image is written down."""
    series = one(path)
    assert series.volume is not None, series.details
    array = series.volume.array
    assert array.dtype == np.float32
    assert array.ndim == 3
    assert array.shape[2] == 1
    assert series.volume.unit == "optical"
    assert series.volume.spacing_mm[2] is None
    return array[:, :, 0].T


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)  # type: ignore[arg-type]
    return path


def refused(path: Path, reason: Reason) -> None:
    series = one(path)
    assert series.verdict == "refused"
    assert series.volume is None
    assert series.reasons == (reason,)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif"])
def test_eight_bits_are_divided_by_255_and_i_is_the_column(tmp_path: Path, name: str) -> None:
    path = saved(tmp_path / name, Image.fromarray(RAMP))
    np.testing.assert_allclose(values(path), RAMP / 255, atol=1e-7)
    series = one(path)
    assert series.verdict == "use"
    assert series.reasons == (Reason.NO_PLACE,)
    assert series.shape == (20, 12, 1)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bits_are_divided_by_65535(tmp_path: Path, name: str) -> None:
    wide = (RAMP.astype(np.uint16) * 261) + 7
    path = saved(tmp_path / name, Image.fromarray(wide))
    np.testing.assert_allclose(values(path), wide / 65535, atol=1e-7)


def test_one_bit_is_black_and_white(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.fromarray(RAMP > 100))
    np.testing.assert_array_equal(values(path), (RAMP > 100).astype(np.float32))


def tiff(rows: np.ndarray, photometric: int, sample_format: int = 1, big_endian: bool = False) -> bytes:
    """A bare TIFF written by hand, so that Pillow's writer is not the judge of Pillow's reader."""
    order = ">" if big_endian else "<"
    data = rows.astype(rows.dtype.newbyteorder(order)).tobytes()
    bits = rows.dtype.itemsize * 8
    tags = [(256, 4, rows.shape[1]), (257, 4, rows.shape[0]), (258, 3, bits), (259, 3, 1), (262, 3, photometric),
            (273, 4, 8), (277, 3, 1), (278, 4, rows.shape[0]), (279, 4, len(data)), (339, 3, sample_format)]
    packed = b"".join(
        struct.pack(order + "HHI", tag, kind, 1) + struct.pack(order + ("I" if kind == 4 else "Hxx"), value)
        for tag, kind, value in tags
    )
    head = (b"MM\0*" if big_endian else b"II*\0") + struct.pack(order + "I", 8 + len(data))
    return head + data + struct.pack(order + "H", len(tags)) + packed + struct.pack(order + "I", 0)


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_white_is_zero_is_inverted_about_the_bit_range(tmp_path: Path, dtype: type, big_endian: bool) -> None:
    path = tmp_path / "a.tif"
    rows = RAMP.astype(dtype) * (1 if dtype is np.uint8 else 200)
    path.write_bytes(tiff(rows, photometric=0, big_endian=big_endian))
    if dtype is np.uint16 and big_endian:  # Pillow knows no such layout
        refused(path, Reason.UNSUPPORTED_PIXELS)
        return
    np.testing.assert_allclose(values(path), 1 - rows / np.iinfo(dtype).max, atol=1e-6)
    path.write_bytes(tiff(rows, photometric=1, big_endian=big_endian))
    np.testing.assert_allclose(values(path), rows / np.iinfo(dtype).max, atol=1e-6)


@pytest.mark.parametrize(("dtype", "sample_format"), [(np.int16, 2), (np.float32, 3), (np.int32, 2), (np.uint32, 1)])
def test_numbers_without_a_stated_range_are_refused(tmp_path: Path, dtype: type, sample_format: int) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(RAMP.astype(dtype), photometric=1, sample_format=sample_format))
    series = one(path)
    assert series.verdict == "refused"
    assert series.reasons[0] in (Reason.NO_STATED_RANGE, Reason.UNSUPPORTED_PIXELS)


def test_equal_channels_are_grey_to_the_last_bit_and_jpeg_grey_is_no_colour(tmp_path: Path) -> None:
    three = np.repeat(RAMP[:, :, None], 3, axis=2)
    np.testing.assert_allclose(values(saved(tmp_path / "a.png", Image.fromarray(three))), RAMP / 255, atol=1e-7)
    smooth = np.repeat(np.linspace(0, 255, 64 * 64).reshape(64, 64, 1), 3, axis=2).astype(np.uint8)
    series = one(saved(tmp_path / "a.jpg", Image.fromarray(smooth), quality=60))
    assert series.reasons == (Reason.LOSSY, Reason.NO_PLACE)


def test_colour_becomes_luminance_and_is_said(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (16, 24, 3), dtype=np.uint8)
    series = one(saved(tmp_path / "a.png", Image.fromarray(rgb)))
    assert series.verdict == "repaired"
    assert Reason.COLOUR_TO_GREY in series.reasons
    expected = (rgb @ np.array([0.299, 0.587, 0.114])) / 255
    np.testing.assert_allclose(values(tmp_path / "a.png"), expected, atol=1e-6)


def test_a_small_coloured_mark_is_within_the_rule_and_a_larger_one_is_not(tmp_path: Path) -> None:
    grey = np.full((100, 100, 3), 90, dtype=np.uint8)
    grey[:1, :9] = (255, 0, 0)
    assert Reason.COLOUR_TO_GREY not in one(saved(tmp_path / "a.png", Image.fromarray(grey))).reasons
    grey[:2, :9] = (255, 0, 0)
    assert Reason.COLOUR_TO_GREY in one(saved(tmp_path / "b.png", Image.fromarray(grey))).reasons


def test_alpha_is_dropped_if_opaque_and_else_laid_over_black(tmp_path: Path) -> None:
    alpha = np.full_like(RAMP, 255)
    path = saved(tmp_path / "a.png", Image.fromarray(np.dstack([RAMP, alpha]), "LA"))
    assert one(path).verdict == "use"
    alpha[:6] = 0
    path = saved(tmp_path / "b.png", Image.fromarray(np.dstack([RAMP, alpha]), "LA"))
    assert Reason.ALPHA_FLATTENED in one(path).reasons
    np.testing.assert_allclose(values(path), np.where(alpha == 0, 0, RAMP) / 255, atol=1e-6)


def test_a_grey_palette_is_grey_and_a_heat_map_is_colour(tmp_path: Path) -> None:
    image = Image.fromarray(RAMP, "P")
    image.putpalette([v for n in range(256) for v in (255 - n,) * 3])
    path = saved(tmp_path / "a.png", image)
    np.testing.assert_allclose(values(path), (255 - RAMP) / 255, atol=1e-6)
    assert one(path).verdict == "use"
    image.putpalette([v for n in range(256) for v in (n, 0, 255 - n)])
    assert Reason.COLOUR_TO_GREY in one(saved(tmp_path / "b.png", image)).reasons


def test_sixteen_bit_colour_is_read_with_eight_and_said(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    wide = np.repeat((RAMP.astype(">u2") * 257)[:, :, None], 3, axis=2)
    rows = b"".join(b"\0" + row.tobytes() for row in wide)
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 20, 12, 16, 2, 0, 0, 0))
                     + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
    assert one(path).reasons == (Reason.NO_PLACE, Reason.DEPTH_REDUCED)
    np.testing.assert_allclose(values(path), RAMP / 255, atol=1 / 255)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = np.zeros((40, 60), dtype=np.uint8)
    upright[:10, :20] = 250  # a bright upper left corner
    undo = {1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud, 5: np.transpose,
            6: lambda a: np.rot90(a, 1), 7: lambda a: np.rot90(a, 2).T, 8: lambda a: np.rot90(a, -1)}
    stored = np.ascontiguousarray(undo[orientation](upright))
    path = saved(tmp_path / "a.jpg", Image.fromarray(stored), quality=95, exif=exif)
    series = one(path)
    assert series.shape == (60, 40, 1)
    assert (Reason.ORIENTATION_APPLIED in series.reasons) == (orientation != 1)
    np.testing.assert_allclose(values(path), upright / 255, atol=0.1)
    (header,) = read_raster(path, pixels=False)
    assert header.shape == series.shape
    assert header.volume is None


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.tif"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_file_cut_short_is_refused(tmp_path: Path, name: str, share: float) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, {"jpg": "JPEG", "tif": "TIFF"}.get(name[2:], name[2:].upper()))
    whole = buffer.getvalue()
    path = tmp_path / name
    path.write_bytes(whole[:int(share * len(whole))])
    series = one(path)
    assert series.verdict == "refused"
    assert series.volume is None


def test_a_flipped_bit_in_a_png_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.fromarray(RAMP))
    whole = bytearray(path.read_bytes())
    whole[60] ^= 4
    path.write_bytes(whole)
    refused(path, Reason.CORRUPT_PIXELS)


def test_a_header_that_promises_a_bomb_costs_nothing(tmp_path: Path) -> None:
    for side in (9_000, 60_000):
        assert side * side > MAX_PIXELS
        body = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
        head = struct.pack(">I", 13) + b"IHDR" + body + struct.pack(">I", zlib.crc32(b"IHDR" + body))
        path = tmp_path / "a.png"
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + b"\0\0\0\0IDAT" + b"\0" * 40)
        refused(path, Reason.TOO_LARGE)


def test_cmyk_pages_and_strangers_are_refused(tmp_path: Path) -> None:
    refused(saved(tmp_path / "a.jpg", Image.new("CMYK", (8, 8))), Reason.UNSUPPORTED_PIXELS)
    pages = [Image.new("L", (8, 8), n) for n in range(3)]
    refused(saved(tmp_path / "a.tif", pages[0], save_all=True, append_images=pages[1:]), Reason.MULTI_PAGE)
    refused(saved(tmp_path / "a.png", pages[0], save_all=True, append_images=pages[1:]), Reason.MULTI_PAGE)
    refused(saved(tmp_path / "a.gif", pages[0]), Reason.UNKNOWN_FORMAT)
    refused(tmp_path / "missing.png", Reason.UNREADABLE_FILE)


def test_details_name_no_file(tmp_path: Path) -> None:
    path = tmp_path / "Müller_Hans_19500101.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 50)
    assert "Müller" not in repr(one(path))
