"""Trees that mean harm cost bounded time and memory, and what they hold is told by reason."""
from __future__ import annotations

import os
import resource
import time
import zipfile
from pathlib import Path

import pytest

from medtl.io.reasons import Reason
from medtl.sources.scan import Intake, scan_tree
from medtl.sources.scan.walk import files_below
from tests.sources.scan.trees import ct_series, ct_slice, save


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDTL_STATE", str(tmp_path / "state"))


def scan(tree: Path, out: Path) -> Intake:
    return scan_tree(tree, out=out, workers=1, salt=b"s" * 32)


def test_loops_dead_links_and_odd_names_are_walked_once(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    ct_series(tree / "a\n\x1b[31mred\x07", "one", patient="P1")
    (tree / "loop").symlink_to(tree)
    (tree / "a\n\x1b[31mred\x07" / "up").symlink_to("..")
    (tree / "nowhere").symlink_to(tmp_path / "missing")
    (tree / "self").symlink_to(tree / "self")
    os.mkfifo(tree / "pipe")
    (tree / os.fsdecode(b"latin-\xfc")).write_bytes(b"not UTF-8")
    intake = scan(tree, tmp_path / "out")
    assert [each.verdict for each in intake.series] == ["use"]
    assert intake.skipped[Reason.SYMLINK_LOOP] == 4
    assert intake.skipped[Reason.UNREADABLE_FILE] == 1
    assert intake.skipped[Reason.UNKNOWN_FORMAT] == 1
    for path in (tmp_path / "out").iterdir():
        assert b"\x1b" not in path.read_bytes()
        assert b"31mred" not in path.read_bytes()


def test_a_folder_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    ct_series(tmp_path / "tree" / "a", "one", patient="P1")
    found = dict(files_below(tmp_path / "missing"))
    assert list(found.values()) == [Reason.UNREADABLE_FILE]
    assert len(dict(files_below(tmp_path / "tree", skip=tmp_path / "tree" / "a"))) == 0


def test_lies_bombs_and_rubbish_are_refused_in_bounded_memory(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    ct_series(tree / "good", "good", patient="P1")
    liar = save(ct_slice("liar", "s", 1, patient="P2"), tree / "liar.dcm")
    rows, columns = b"\x28\x00\x10\x00US\x02\x00", b"\x28\x00\x11\x00US\x02\x00"
    honest = liar.read_bytes()
    liar.write_bytes(honest.replace(rows + b"\x10\x00", rows + b"\x00\x20").replace(
        columns + b"\x10\x00", columns + b"\x00\x20"))
    for number in range(40):
        (tree / f"rubbish{number}").write_bytes(b"\0" * 128 + b"DICM" + os.urandom(3000))
    with zipfile.ZipFile(tree / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive, archive.open("0.dcm", "w") as member:
        for _ in range(200):
            member.write(b"\0" * (1 << 20))
    (tree / "not.zip").write_bytes(b"PK\x03\x04" + b"\xff" * 100)
    (tree / "empty").write_bytes(b"")
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    intake = scan(tree, tmp_path / "out")
    assert time.monotonic() - started < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB
    verdicts = {each.study: each.verdict for each in intake.series}
    assert sorted(verdicts.values()) == ["refused", "use"]
    assert "size_mismatch" in {code for each in intake.series for code in each.reasons}


def test_control_characters_of_headers_reach_no_table(tmp_path: Path) -> None:
    ct_series(tmp_path / "tree", "one", patient="P1", ManufacturerModelName="A\x07B", ConvolutionKernel="=cmd|'x'")
    (row,) = scan(tmp_path / "tree", tmp_path / "out").series
    assert row.model == "AB"
    assert row.kernel == "cmd|'x'"  # a spreadsheet would run what begins with an equals sign
    assert "\x07" not in (tmp_path / "out" / "series.csv").read_text()


@pytest.mark.slow
def test_twenty_thousand_headers_hold_memory_flat(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    source = save(ct_slice("one", "s", 0, patient="P1", size=8), tmp_path / "one.dcm").read_bytes()
    uid = ct_slice("one", "s", 0, patient="P1").SOPInstanceUID.encode()

    def grow(first: int, last: int) -> None:
        for number in range(first, last):
            folder = tree / f"{number // 500}"
            folder.mkdir(parents=True, exist_ok=True)
            fresh = uid[:-6] + f"{number:06d}".encode()
            (folder / f"{number}").write_bytes(source.replace(uid, fresh))

    from medtl.sources.scan.index import index_tree
    from medtl.sources.scan.workers import Crew

    peaks = []
    for last in (4_000, 20_000):
        grow(0 if last == 4_000 else 4_000, last)
        with Crew(1) as crew:
            index = index_tree(tree, b"s" * 32, crew=crew)
        assert index.files == last
        index.close()
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert peaks[1] - peaks[0] < 20_000  # kB, for five times as many files
