from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from medtl.errors import DataError, OptionError
from medtl.sources.simulated import dataset
from medtl.sources.simulated.dataset import COLUMNS, STAMPS, generate
from medtl.sources.simulated.scanner import HOSPITALS, Hospital


def quick(site: str) -> Hospital:
    hospital = HOSPITALS[site]
    return replace(hospital, protocol=replace(hospital.protocol, slices=3))


QUICK = {site: quick(site) for site in HOSPITALS}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def times(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*.dcm")}


def table(manifest: Path) -> list[dict[str, str]]:
    with manifest.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    generate(folder, ("north", "south"), 3, seed=5, hospitals=QUICK)
    return folder


def test_manifest_lists_every_study(whole: Path) -> None:
    rows = table(whole / "manifest.csv")
    assert list(rows[0]) == list(COLUMNS)
    assert [row["site"] for row in rows] == ["north"] * 3 + ["south"] * 3
    assert {row["scanner"] for row in rows} == {"Simulated A SimCT A-64", "Simulated C SimCT C-4"}
    for row in rows:
        assert row["path"].startswith(f"{row['site']}/{row['patient']}/")
        assert len(list((whole / row["path"]).glob("*.dcm"))) == 3
        assert row["nodule"] in "01"
    assert len({row["study"] for row in rows}) == 6


def test_number_and_order_of_others_change_nothing(whole: Path, tmp_path: Path) -> None:
    generate(tmp_path, ("south",), 2, seed=5, hospitals=QUICK, workers=1)
    small, large = contents(tmp_path / "south"), contents(whole / "south")
    assert len(small) == 6
    assert all(large[name] == data for name, data in small.items())


def test_finished_studies_are_kept_and_missing_ones_made(whole: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    generate(tmp_path, ("north", "south"), 2, seed=5, hospitals=QUICK)
    before = times(tmp_path)
    next((tmp_path / "north").rglob("*.dcm")).unlink()  # a study that lost a slice is made anew
    tell = lambda done, total: seen.append((done, total))  # noqa: E731
    generate(tmp_path, ("north", "south"), 3, seed=5, progress=tell, hospitals=QUICK)
    after = times(tmp_path)
    assert seen == [(number, 6) for number in range(1, 7)]
    assert sum(after[name] == stamp for name, stamp in before.items()) == 9
    assert contents(tmp_path) == contents(whole)


def test_changed_settings_or_simulator_serve_no_stale_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generate(tmp_path, ("east",), 1, hospitals=QUICK)
    first = contents(tmp_path / "east")
    hospital = replace(QUICK["east"], protocol=replace(QUICK["east"].protocol, mas=10.0))
    generate(tmp_path, ("east",), 1, hospitals={"east": hospital})
    second = contents(tmp_path / "east")
    assert first.keys() == second.keys()
    assert all(first[name] != second[name] for name in first)
    before = times(tmp_path)
    monkeypatch.setattr(dataset, "version", lambda: "another")
    generate(tmp_path, ("east",), 1, hospitals={"east": hospital})
    assert contents(tmp_path / "east") == second
    assert all(before[name] != stamp for name, stamp in times(tmp_path).items())


def test_interruption_leaves_no_half_study(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path, ("north", "south"), 6, progress=stop, hospitals=QUICK, workers=2)
    studies = [path for path in tmp_path.glob("*/*/*") if path.is_dir() and STAMPS not in path.parts]
    assert 2 <= len(studies) < 12
    assert all(len(list(study.glob("*.dcm"))) == 3 for study in studies)
    assert not list(tmp_path.glob(".partial-*"))
    assert not (tmp_path / "manifest.csv").exists()


def test_unknown_site_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="did you mean 'north'"):
        generate(tmp_path, ("nort",), 1)


def test_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        generate(blocked / "inside", ("north",), 1, hospitals=QUICK)
