"""Hostile and damaged input costs bounded time and memory, and never gives a wrong volume."""
from __future__ import annotations

import io
import os
import resource
import struct
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from medtl.io.dicom import Limits, read_study
from medtl.io.reasons import Reason
from tests.io.dicom import corpus_cases  # noqa: F401  (registers the cases)
from tests.io.dicom.corpus import CASES, Plane, positions, reread, save, stack_of

SECONDS, BYTES = 5.0, 1 << 30


def _one(folder: Path) -> Path:
    plane = Plane()
    return save(stack_of(plane, positions(plane, 1, 2.0))[0], folder / "one.dcm")


def _element(tag: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr, 0, len(value)) + value


def _insert(path: Path, piece: bytes) -> None:
    """Puts bytes just before the pixel data."""
    data = path.read_bytes()
    at = data.index(b"\xe0\x7f\x10\x00OW")
    path.write_bytes(data[:at] + piece + data[at:])


def _refusal(path: Path, limits: Limits | None = None) -> Reason:
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    (series,) = read_study(path, limits=limits or Limits())
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
    assert time.monotonic() - start < SECONDS
    assert grown < BYTES / 4
    assert series.verdict == "refused"
    return next(reason for reason in series.reasons if reason.effect == "refusal")


def test_sequences_without_end(tmp_path: Path) -> None:
    path = _one(tmp_path)
    opening = struct.pack("<HH2sHIHHI", 0x0079, 0x1001, b"SQ", 0, 0xFFFFFFFF, 0xFFFE, 0xE000, 0xFFFFFFFF)
    _insert(path, opening * 20_000)
    assert _refusal(path) is Reason.BAD_HEADER


def test_private_creator_bomb(tmp_path: Path) -> None:
    path = _one(tmp_path)
    many = b"".join(struct.pack("<HH2sH", 0x0079 + 2 * (n >> 16), n & 0xFFFF, b"LO", 0) for n in range(500_000))
    _insert(path, many)
    assert _refusal(path) is Reason.BAD_HEADER


def test_a_long_header_is_read_within_its_limit(tmp_path: Path) -> None:
    path = _one(tmp_path)
    _insert(path, _element(0x00791001, b"OB", bytes(3_000_000)))
    (series,) = read_study(path)
    assert series.verdict == "use"
    assert _refusal(path, Limits(header_bytes=1_000_000)) is Reason.TOO_LARGE


@pytest.mark.parametrize("cut", [3, 100, 131, 140, 300, 700, -2, -200])
def test_cut_anywhere(tmp_path: Path, cut: int) -> None:
    path = _one(tmp_path)
    path.write_bytes(path.read_bytes()[:cut])
    assert _refusal(path) in (Reason.BAD_HEADER, Reason.SIZE_MISMATCH, Reason.UNKNOWN_FORMAT)


def test_empty_and_random_files(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "random").write_bytes(np.random.default_rng(0).bytes(50_000))
    (tmp_path / "zeros").write_bytes(bytes(50_000))
    for path in sorted(tmp_path.iterdir()):
        assert _refusal(path) in (Reason.UNKNOWN_FORMAT, Reason.BAD_HEADER)


@pytest.mark.parametrize(("rows", "columns", "frames"), [(65535, 65535, 1), (12, 16, 10**9), (12, 16, 2), (6, 16, 1)])
def test_a_header_that_lies_about_its_size(tmp_path: Path, rows: int, columns: int, frames: int) -> None:
    path = _one(tmp_path)
    ds = reread(path)
    ds.Rows, ds.Columns, ds.NumberOfFrames = rows, columns, frames
    save(ds, path)
    assert _refusal(path) in (Reason.TOO_LARGE, Reason.SIZE_MISMATCH, Reason.TIME_SERIES)


def test_a_small_codestream_that_promises_much(tmp_path: Path) -> None:
    CASES["axial"](tmp_path)
    path = sorted(tmp_path.iterdir())[0]
    from pydicom.uid import RLELossless

    ds = reread(path)
    ds.compress(RLELossless, generate_instance_uid=False)
    ds.Rows = ds.Columns = 16000
    save(ds, tmp_path / "alone" / "x.dcm")
    assert _refusal(tmp_path / "alone") in (Reason.SIZE_MISMATCH, Reason.CORRUPT_PIXELS)


def test_deflate_bomb(tmp_path: Path) -> None:
    import zlib

    path = _one(tmp_path)
    data = path.read_bytes()
    syntax = b"1.2.840.10008.1.2.1\0"
    at = data.index(syntax)
    worker = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = b"".join(worker.compress(bytes(1 << 24)) for _ in range(6)) + worker.flush()
    head = data[:at] + syntax + data[at + len(syntax):]
    head = head.replace(b"UI\x14\0" + syntax, b"UI\x16\x001.2.840.10008.1.2.1.99")
    end = 132 + 12 + struct.unpack_from("<I", data, 140)[0]
    path.write_bytes(head[:end + 2] + bomb)
    assert _refusal(path, Limits(header_bytes=1 << 24)) in (Reason.TOO_LARGE, Reason.BAD_HEADER)


def test_links_that_lead_in_circles_and_odd_names(tmp_path: Path) -> None:
    CASES["axial"](tmp_path)
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "nowhere").symlink_to(tmp_path / "absent")
    (tmp_path / "itself").symlink_to(tmp_path / "itself")
    os.mkfifo(tmp_path / "pipe")
    odd = tmp_path / "a\nb\x1b[31m"
    odd.mkdir()
    study = read_study(tmp_path)
    assert [series.verdict for series in study] == ["use"]
    assert {item.reason for item in study.skipped} >= {Reason.SYMLINK_LOOP, Reason.UNSAFE_NAME}


def test_zip_bombs_and_broken_archives(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("big", bytes(1 << 26))
    assert _refusal(bomb, Limits(archive_bytes=1 << 20)) is Reason.TOO_LARGE
    CASES["zipped"](tmp_path / "z")
    whole = (tmp_path / "z" / "study.dcm").read_bytes()
    torn = tmp_path / "torn.zip"
    torn.write_bytes(whole[:len(whole) // 2])
    assert _refusal(torn) is Reason.UNREADABLE_FILE


def test_names_in_an_archive_do_not_leave_it(tmp_path: Path) -> None:
    CASES["axial"](tmp_path / "in")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number, path in enumerate(sorted((tmp_path / "in").iterdir())):
            archive.write(path, f"../../{number}")
    (tmp_path / "up.zip").write_bytes(packed.getvalue())
    before = sorted(tmp_path.rglob("*"))
    assert [series.verdict for series in read_study(tmp_path / "up.zip")] == ["use"]
    assert sorted(tmp_path.rglob("*")) == before


def test_wrong_vr_is_read_through(tmp_path: Path) -> None:
    path = _one(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"\x20\x00\x32\x00DS", b"\x20\x00\x32\x00LO").replace(b"\x08\x00\x70\x00LO",
                                                                                     b"\x08\x00\x70\x00OB"))
    (series,) = read_study(path)
    assert series.verdict == "use"
