"""A DICOMDIR leads to files below its own folder, whatever the case of their names, and nowhere else."""
from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset

from medtl.io.dicom.directory import referenced_files
from medtl.io.dicom.limits import DEFAULT_LIMITS
from medtl.io.dicom.sources import FileSource
from medtl.io.reasons import Reason
from tests.io.dicom.corpus import Plane, base, positions, save, slice_of

PLANE = Plane(4, 5)


def _directory(path: Path, names: list[list[str]]) -> FileSource:
    """A DICOMDIR with one record per file."""
    ds = base("", "1.2.840.10008.1.3.10", "directory")
    ds.DirectoryRecordSequence = []
    for parts in names:
        record = Dataset()
        record.DirectoryRecordType = "IMAGE"
        record.ReferencedFileID = parts
        ds.DirectoryRecordSequence.append(record)
    return FileSource(save(ds, path))


def _image(path: Path) -> Path:
    return save(slice_of(PLANE, positions(PLANE, 1, 1.0)[0]), path)


def test_files_are_found_in_their_folders_in_either_case_and_once(tmp_path: Path) -> None:
    one, two = _image(tmp_path / "IMAGES" / "A1"), _image(tmp_path / "images2" / "a2")
    source = _directory(tmp_path / "DICOMDIR", [["IMAGES", "A1"], ["IMAGES2", "A2"], ["IMAGES", "A1"]])
    found = referenced_files(source, DEFAULT_LIMITS)
    assert found is not None
    assert [each.path for each in found[0]] == [one, two]
    assert found[1] == []


def test_what_is_absent_is_said_and_nothing_outside_is_reached(tmp_path: Path) -> None:
    _image(tmp_path / "OUTSIDE" / "A1")
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "LINK").symlink_to(tmp_path / "OUTSIDE")
    source = _directory(tmp_path / "media" / "DICOMDIR", [["NONE"], ["XX", "OUTSIDE", "A1"], ["LINK", "A1"]])
    content = source.path.read_bytes()
    assert content.count(b"XX\\OUTSIDE") == 1
    source.path.write_bytes(content.replace(b"XX\\OUTSIDE", b"..\\OUTSIDE"))
    found = referenced_files(source, DEFAULT_LIMITS)
    assert found is not None
    assert found[0] == []
    assert [item.reason for item in found[1]] == [Reason.UNREADABLE_FILE] * 3


def test_a_directory_of_nothing_says_so_and_other_files_are_none(tmp_path: Path) -> None:
    empty = referenced_files(_directory(tmp_path / "DICOMDIR", []), DEFAULT_LIMITS)
    assert empty is not None
    assert [item.reason for item in empty[1]] == [Reason.NOT_AN_IMAGE]
    assert referenced_files(FileSource(_image(tmp_path / "a")), DEFAULT_LIMITS) is None
    (tmp_path / "text").write_text("1.2.840.10008.1.3.10")
    assert referenced_files(FileSource(tmp_path / "text"), DEFAULT_LIMITS) is None
    assert referenced_files(FileSource(tmp_path / "nowhere"), DEFAULT_LIMITS) is None
