"""The device block states what the header states; the station leaves only as a hash, identifiers not at all."""
from __future__ import annotations

from pathlib import Path

from medtl.io.dicom.instances import Frame
from medtl.io.dicom.limits import DEFAULT_LIMITS
from medtl.io.dicom.objects import read_frames
from medtl.io.dicom.scanner import identity_of, scanner_of
from medtl.io.dicom.sources import FileSource
from tests.io.dicom.corpus import Plane, enhanced, positions, save, slice_of, uid

ORIGIN = positions(Plane(), 1, 1.0)[0]


def _frame(path: Path, **tags: object) -> Frame:
    save(slice_of(Plane(), ORIGIN, **tags), path)  # type: ignore[arg-type]
    return read_frames(FileSource(path), DEFAULT_LIMITS)[1][0]


def test_settings_are_read_and_a_malformed_one_is_absent(tmp_path: Path) -> None:
    frame = _frame(tmp_path / "a", ConvolutionKernel=["B30f", "1"], SoftwareVersions="v1", StationName=None)
    frame_with_rubbish = _frame(tmp_path / "b", MagneticFieldStrength="1.5", Manufacturer="  ")
    scanner = scanner_of(frame, b"salt")
    assert (scanner.manufacturer, scanner.model, scanner.kvp, scanner.software) == ("ACME", "One", 120.0, "v1")
    assert scanner.kernel == "B30f\\1"
    assert scanner.slice_thickness_mm == 9.0
    assert scanner.station_hash is None
    assert scanner.field_strength_t is None
    assert scanner_of(frame_with_rubbish, None).field_strength_t == 1.5
    assert scanner_of(frame_with_rubbish, None).manufacturer is None


def test_the_station_is_hashed_with_the_salt(tmp_path: Path) -> None:
    one, again = _frame(tmp_path / "a"), _frame(tmp_path / "b", InstanceNumber="3")
    other = _frame(tmp_path / "c", StationName="ST-8")
    assert scanner_of(one, None).station_hash is None
    assert scanner_of(one, b"x").station_hash == scanner_of(again, b"x").station_hash
    assert scanner_of(one, b"x").station_hash not in (scanner_of(one, b"y").station_hash, None)
    assert scanner_of(one, b"x").station_hash != scanner_of(other, b"x").station_hash
    assert "ST-7" not in repr(scanner_of(one, b"x"))


def test_the_identity_is_whole_in_memory_and_empty_in_print(tmp_path: Path) -> None:
    save(enhanced(Plane(), positions(Plane(), 3, 2.0)), tmp_path / "e")
    frames = read_frames(FileSource(tmp_path / "e"), DEFAULT_LIMITS)[1]
    identity = identity_of(frames)
    assert identity.instance_uids == (uid("e", 0),)
    assert (identity.study_uid, identity.series_uid) == (uid("study"), uid("series", "e"))
    assert (identity.patient_id, identity.accession_number, identity.study_date) == ("P-1", "A-1", "20200102")
    assert repr(identity) == repr(identity_of([])) == "Identity()"
