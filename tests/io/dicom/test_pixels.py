"""Stored pixels: the size is judged before a byte is read, bits follow PS3.5, frames lie where they were written."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian

from medtl.io.dicom.elements import FLOAT_PIXELS, UNDEFINED
from medtl.io.dicom.instances import Frame, PixelLayout
from medtl.io.dicom.limits import DEFAULT_LIMITS, Refusal
from medtl.io.dicom.objects import read_frames
from medtl.io.dicom.pixels import check_size, container, frame_bytes, honour_bits, luminance, read_stored
from medtl.io.dicom.scratch import Scratch
from medtl.io.dicom.sources import FileSource
from medtl.io.reasons import Reason
from tests.io.dicom.corpus import Plane, base, enhanced, positions, put_pixels, save

PLAIN = PixelLayout(
    syntax=ExplicitVRLittleEndian, tag=0x7FE00010, offset=500, length=40, file_size=540, rows=4, columns=5, frames=1,
    samples=1, planar=0, allocated=16, stored=12, high=11, signed=False, photometric="MONOCHROME2", lossy=False)


def test_a_layout_that_fits_its_file_passes() -> None:
    check_size(PLAIN, DEFAULT_LIMITS)
    check_size(replace(PLAIN, frames=3, length=120, file_size=620), DEFAULT_LIMITS)
    check_size(replace(PLAIN, allocated=8, stored=8, high=7, columns=3, rows=3, length=10), DEFAULT_LIMITS)  # padded


@pytest.mark.parametrize(("change", "reason"), [
    ({"tag": FLOAT_PIXELS}, Reason.UNSUPPORTED_PIXELS), ({"frames": 0}, Reason.BAD_HEADER),
    ({"allocated": 12}, Reason.UNSUPPORTED_PIXELS), ({"stored": 17}, Reason.UNSUPPORTED_PIXELS),
    ({"high": 10}, Reason.BAD_HEADER), ({"high": 16}, Reason.BAD_HEADER), ({"samples": 3}, Reason.BAD_HEADER),
    ({"photometric": "PALETTE COLOR"}, Reason.UNSUPPORTED_PIXELS),
    ({"photometric": "RGB", "samples": 3}, Reason.UNSUPPORTED_PIXELS),
    ({"rows": 65535, "columns": 65535}, Reason.TOO_LARGE), ({"rows": 5}, Reason.SIZE_MISMATCH),
    ({"frames": 2}, Reason.SIZE_MISMATCH), ({"file_size": 539}, Reason.SIZE_MISMATCH),
    ({"length": 44, "file_size": 600}, Reason.SIZE_MISMATCH), ({"length": UNDEFINED}, Reason.BAD_HEADER),
    ({"syntax": "1.2.840.10008.1.2.4.80"}, Reason.BAD_HEADER),
    ({"syntax": "1.2.840.10008.1.2.4.80", "length": UNDEFINED, "rows": 9000, "columns": 9000}, Reason.SIZE_MISMATCH),
])
def test_one_lie_is_refused_by_its_reason(change: dict[str, object], reason: Reason) -> None:
    with pytest.raises(Refusal) as caught:
        check_size(replace(PLAIN, **change), DEFAULT_LIMITS)  # type: ignore[arg-type]
    assert caught.value.reason is reason


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_bits_beyond_the_stored_ones_count_for_nothing(data: st.DataObject) -> None:
    """Against integer arithmetic: take BitsStored bits below HighBit, and subtract the span where the sign is set."""
    allocated = data.draw(st.sampled_from([8, 16, 32]))
    stored = data.draw(st.integers(1, allocated))
    high = data.draw(st.integers(stored - 1, allocated - 1))
    layout = replace(PLAIN, allocated=allocated, stored=stored, high=high, signed=data.draw(st.booleans()))
    raw = data.draw(st.lists(st.integers(0, 2**allocated - 1), min_size=1, max_size=6))
    contained = np.array(raw, f"<u{allocated // 8}").view(container(layout))
    expected = []
    for value in raw:
        part = (value >> (high - stored + 1)) & (2**stored - 1)
        expected.append(part - 2**stored if layout.signed and part >> (stored - 1) else part)
    assert honour_bits(contained.copy(), layout).astype(np.int64).tolist() == expected


def _frames(path: Path) -> list[Frame]:
    return read_frames(FileSource(path), DEFAULT_LIMITS)[1]


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_each_frame_is_read_from_its_own_place(syntax: str, tmp_path: Path) -> None:
    ds = enhanced(Plane(4, 5), positions(Plane(4, 5), 3, 2.0))
    wanted = np.random.default_rng(0).integers(0, 2**16, (3, 4, 5)).astype(np.uint16)
    ds.PixelData = wanted.astype(">u2" if syntax == ExplicitVRBigEndian else "<u2").tobytes()
    ds.file_meta.TransferSyntaxUID = syntax
    frames, scratch = _frames(save(ds, tmp_path / "e")), Scratch()
    for frame in (frames[2], frames[0], frames[1]):
        assert np.array_equal(read_stored(frame, DEFAULT_LIMITS, scratch), wanted[frame.index])


def test_a_file_that_shrinks_after_its_header_was_read_is_refused(tmp_path: Path) -> None:
    path = save(put_pixels(base("DX", "1.2.840.10008.5.1.4.1.1.1.1"), np.ones((4, 5), np.uint16)), tmp_path / "a")
    (frame,) = _frames(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(Refusal) as caught:
        read_stored(frame, DEFAULT_LIMITS, Scratch())
    assert caught.value.reason is Reason.SIZE_MISMATCH


@pytest.mark.parametrize("planar", [0, 1])
def test_luminance_does_not_depend_on_how_colour_is_stored(planar: int, tmp_path: Path) -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (4, 6, 3)).astype(np.uint8)
    ds = put_pixels(base("OT", "1.2.840.10008.5.1.4.1.1.7"), rgb[:, :, 0], 8, "RGB")
    ds.SamplesPerPixel, ds.PlanarConfiguration = 3, planar
    ds.PixelData = (rgb.transpose(2, 0, 1) if planar else rgb).tobytes()
    (frame,) = _frames(save(ds, tmp_path / "a"))
    found = read_stored(frame, DEFAULT_LIMITS, Scratch())
    assert np.allclose(found, rgb @ [0.299, 0.587, 0.114] / 255, atol=1e-6)
    assert np.array_equal(luminance(rgb, "YBR_FULL"), rgb[:, :, 0].astype(np.float32) / np.float32(255))


def test_subsampled_colour_takes_two_thirds_of_the_bytes() -> None:
    full = replace(PLAIN, photometric="YBR_FULL", samples=3, allocated=8, columns=6)
    assert frame_bytes(full) == 4 * 6 * 3
    assert frame_bytes(replace(full, photometric="YBR_FULL_422")) == 4 * 6 * 2
