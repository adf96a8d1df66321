"""Files below a path: folders, archives, lists and links."""
from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from medtl.io.dicom import Limits
from medtl.io.dicom.limits import DEFAULT_LIMITS, Refusal
from medtl.io.dicom.sources import FileSource, ZipSource
from medtl.io.dicom.walk import sources_of
from medtl.io.reasons import Reason


def test_a_tree_is_walked_and_a_linked_folder_once(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name in ("a/1", "a/b/2", "3"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "again").symlink_to(tmp_path / "a" / "b")
    sources, left_out = sources_of(tmp_path, DEFAULT_LIMITS)
    assert len(sources) == 3
    assert [item.reason for item in left_out] == [Reason.SYMLINK_LOOP]


def test_ranges_of_files_and_members_are_the_same_bytes(tmp_path: Path) -> None:
    data = bytes(range(256)) * 20
    (tmp_path / "plain").write_bytes(data)
    with zipfile.ZipFile(tmp_path / "z", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("in/side", data)
    (plain, packed), _ = sources_of(tmp_path, DEFAULT_LIMITS)
    assert isinstance(plain, FileSource)
    assert isinstance(packed, ZipSource)
    for offset, count in ((0, 10), (1000, 300), (5000, 500), (9999, 5)):
        one, two = bytearray(count), bytearray(count)
        assert plain.read_into(offset, memoryview(one)) == packed.read_into(offset, memoryview(two))
        assert one == two
    assert plain.head(100) == packed.head(100) == (data[:100], len(data))


def test_nothing_and_too_much_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as caught:
        sources_of(tmp_path, DEFAULT_LIMITS)
    assert caught.value.reason is Reason.EMPTY
    for number in range(5):
        (tmp_path / str(number)).write_bytes(b"x")
    with pytest.raises(Refusal) as caught:
        sources_of(tmp_path, Limits(files=3))
    assert caught.value.reason is Reason.TOO_LARGE


def test_paths_are_never_printed(tmp_path: Path) -> None:
    (tmp_path / "Doe^Jane").write_bytes(b"x")
    sources, left_out = sources_of([tmp_path / "Doe^Jane", tmp_path / "absent^Doe"], DEFAULT_LIMITS)
    assert "Doe" not in repr(sources) + repr(left_out)
