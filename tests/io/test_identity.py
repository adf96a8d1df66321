"""Short ids are opaque, keyed and stable; the private file is private and leads back."""
from __future__ import annotations

import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from medtl.errors import ConfigError, DataError
from medtl.io.identity import (
    noted_paths,
    project_folder,
    project_salt,
    remember,
    remember_all,
    short_id,
    start_project,
    where,
)


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("MEDTL_CONFIG", "MEDTL_STATE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_an_id_depends_on_the_salt_and_on_where_the_parts_end() -> None:
    salt = bytes(range(32))
    found = short_id(salt, "north", "12345")
    assert len(found) == 12
    assert int(found, 16) >= 0
    assert found == short_id(salt, "north", "12345")
    assert len({found, short_id(salt[::-1], "north", "12345"), short_id(salt, "north1", "2345"),
                short_id(salt, "north12345"), short_id(salt, "north", "12345", "")}) == 5


def test_ids_of_many_patients_do_not_meet() -> None:
    assert len({short_id(b"salt", str(n)) for n in range(20_000)}) == 20_000


def test_no_part_or_a_bad_salt_is_refused() -> None:
    with pytest.raises(ValueError, match="part"):
        short_id(b"salt")
    with pytest.raises(ValueError, match="1 to 64"):
        short_id(b"", "x")


def test_the_users_salt_is_made_once_and_is_private(tmp_path: Path) -> None:
    salt = project_salt()
    assert len(salt) == 32
    assert project_salt() == salt
    assert mode(tmp_path / "config" / "medtl" / "salt") == 0o600
    assert os.listdir(tmp_path / "config" / "medtl") == ["salt"]


def test_a_project_has_its_own_salt_found_from_below(tmp_path: Path) -> None:
    users = project_salt()
    private = start_project(tmp_path / "work" / "lungs")
    below = tmp_path / "work" / "lungs" / "runs" / "one"
    below.mkdir(parents=True)
    assert project_folder(below) == private
    assert project_salt(below) == project_salt(tmp_path / "work" / "lungs") != users
    assert mode(private / "salt") == 0o600
    assert (private / ".gitignore").read_text() == "*\n"
    start_project(tmp_path / "work" / "lungs")
    assert project_salt(below) != users


def test_without_xdg_the_salt_lies_in_dot_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME")
    project_salt()
    assert mode(tmp_path / "home" / ".config" / "medtl" / "salt") == 0o600


def test_an_open_salt_is_closed_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    salt = project_salt()
    file = tmp_path / "config" / "medtl" / "salt"
    file.chmod(0o644)
    assert project_salt() == salt
    assert mode(file) == 0o600
    file.write_text("short")
    with pytest.raises(DataError, match="damaged"):
        project_salt()


def _salt_of(folder: str) -> bytes:
    return project_salt(Path(folder))


def test_processes_that_start_together_agree_on_the_salt(tmp_path: Path) -> None:
    with multiprocessing.get_context("fork").Pool(4) as pool:
        assert len(set(pool.map(_salt_of, [str(tmp_path / "work")] * 16))) == 1


def test_where_leads_back_to_the_latest_path(tmp_path: Path) -> None:
    odd = tmp_path / "work" / "Müller\n^\x07.dcm"
    remember("0123456789ab", tmp_path / "old")
    remember_all([("0123456789ab", odd), ("ffffffffffff", Path("relative"))])
    remember("0123456789ab", odd)
    file = tmp_path / "state" / "medtl" / "where.jsonl"
    assert where("0123456789ab") == odd
    assert where("ffffffffffff") == tmp_path / "work" / "relative"
    assert where("000000000000") is None
    assert mode(file) == 0o600
    assert len(file.read_text().splitlines()) == 3


def test_where_before_any_scan_is_none_and_a_wrong_id_is_an_error() -> None:
    assert where("0123456789ab") is None
    with pytest.raises(ConfigError, match="12 hexadecimal"):
        where("../etc/passwd")


def test_a_line_cut_short_does_not_hide_the_others(tmp_path: Path) -> None:
    remember("0123456789ab", tmp_path)
    with (tmp_path / "state" / "medtl" / "where.jsonl").open("a") as file:
        file.write('{"id": "0123')
    assert where("0123456789ab") == tmp_path
    remember("ffffffffffff", tmp_path / "next")
    assert where("ffffffffffff") == tmp_path / "next"


def test_noted_paths_lists_every_place_of_an_id_the_latest_last(tmp_path: Path) -> None:
    assert noted_paths() == {}
    first, second = tmp_path / "first", tmp_path / "second"
    remember_all([("0123456789ab", first), ("0123456789ab", second), ("ffffffffffff", first)])
    assert noted_paths() == {"0123456789ab": (first, second), "ffffffffffff": (first,)}
    remember("0123456789ab", first)
    assert noted_paths()["0123456789ab"] == (second, first)
