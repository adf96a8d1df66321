"""A header is found whatever its preamble, encoding and length; pixels are located, not read."""
from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from medtl.io.dicom.elements import PIXEL_DATA
from medtl.io.dicom.headers import DamagedHeader, looks_like_dicom, open_header
from medtl.io.dicom.limits import DEFAULT_LIMITS, Limits, Refusal
from medtl.io.dicom.sources import FileSource
from medtl.io.reasons import Reason
from tests.io.dicom.corpus import Plane, positions, save, slice_of

PLANE = Plane(4, 5)
ORIGIN = positions(PLANE, 1, 1.0)[0]
ROWS = 0x00280010


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("preamble", [True, False])
def test_pixels_lie_where_they_were_written(syntax: str, preamble: bool, tmp_path: Path) -> None:
    ds = slice_of(PLANE, ORIGIN)
    ds.file_meta.TransferSyntaxUID = syntax
    pixels = bytes(range(40))
    ds.PixelData = pixels
    path = save(ds, tmp_path / "a")
    if not preamble:
        path.write_bytes(path.read_bytes()[132:])
    opened = open_header(FileSource(path), DEFAULT_LIMITS)
    assert opened.syntax == syntax
    assert (opened.pixel_tag, opened.pixel_length, opened.file_size) == (PIXEL_DATA, 40, path.stat().st_size)
    assert opened.pixel_offset is not None
    assert path.read_bytes()[opened.pixel_offset:opened.pixel_offset + 40] == pixels
    assert opened.elements.integer(ROWS) == 4
    assert PIXEL_DATA not in opened.elements


def test_a_data_set_alone_is_read_by_its_looks(tmp_path: Path) -> None:
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):
        ds = slice_of(PLANE, ORIGIN)
        ds.file_meta.TransferSyntaxUID = syntax
        path = save(ds, tmp_path / "a")
        content = path.read_bytes()
        path.write_bytes(content[content.index(b"\x08\x00\x08\x00"):])  # from ImageType on
        opened = open_header(FileSource(path), DEFAULT_LIMITS)
        assert opened.syntax == syntax
        assert opened.elements.integer(ROWS) == 4


@pytest.mark.parametrize("length", [10, 20_000, 300_000])
def test_the_buffer_grows_as_far_as_the_header(length: int, tmp_path: Path) -> None:
    ds = slice_of(PLANE, ORIGIN)
    ds.add_new(0x00211010, "OB", bytes(length))  # before Rows
    path = save(ds, tmp_path / "a")
    assert open_header(FileSource(path), DEFAULT_LIMITS).elements.integer(ROWS) == 4
    if length > 200_000:
        with pytest.raises(Refusal) as caught:
            open_header(FileSource(path), Limits(header_bytes=100_000))
        assert caught.value.reason is Reason.TOO_LARGE


def test_a_cut_header_is_damaged_and_keeps_what_came_before(tmp_path: Path) -> None:
    path = save(slice_of(PLANE, ORIGIN), tmp_path / "a")
    content = path.read_bytes()
    path.write_bytes(content[:content.index(b"\x28\x00\x30\x00") + 10])
    with pytest.raises(DamagedHeader) as caught:
        open_header(FileSource(path), DEFAULT_LIMITS)
    assert caught.value.reason is Reason.BAD_HEADER
    assert caught.value.elements is not None
    assert caught.value.elements.integer(ROWS) == 4


@pytest.mark.parametrize(("data", "expected"), [
    (b"\0" * 128 + b"DICM" + b"\2\0\0\0UL", True), (b"", False), (b"\x89PNG\r\n\x1a\n" + b"\0" * 200, False),
    (b"\x5c\x01\0\0" + b"\0" * 344, False), (b"\x08\0\x05\0CS\x0a\0ISO_IR 100" + b"\0" * 20, True),
])
def test_what_can_be_dicom(data: bytes, expected: bool) -> None:
    assert looks_like_dicom(data) is expected
