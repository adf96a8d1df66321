"""A digest follows the bytes, not the names."""
from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from medtl.errors import DataError
from medtl.io.digest import combine, digest


def tree(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_a_file_has_the_sha256_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert digest(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()


def test_a_folder_does_not_care_for_names_order_or_depth(tmp_path: Path) -> None:
    one = tree(tmp_path / "one", {"a": b"1", "b": b"2", "c/d": b"3"})
    two = tree(tmp_path / "two", {"z": b"1", "q/w/e": b"2", "a": b"3"})
    assert digest(one) == digest(two)


@pytest.mark.parametrize(
    "other", [{"a": b"1"}, {"a": b"1", "b": b"3"}, {"a": b"1", "b": b"2", "c": b"2"}, {"a": b"12"}]
)
def test_a_folder_cares_for_every_byte_and_every_copy(tmp_path: Path, other: dict[str, bytes]) -> None:
    one = tree(tmp_path / "one", {"a": b"1", "b": b"2"})
    assert digest(one) != digest(tree(tmp_path / "other", other))


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    folder = tree(tmp_path / "one", {"a": b"1"})
    before = digest(folder)
    (folder / "loop").symlink_to(folder)
    (folder / "nowhere").symlink_to(tmp_path / "missing")
    assert digest(folder) == before


def test_one_file_in_a_folder_is_not_the_file() -> None:
    each = hashlib.sha256(b"x").hexdigest()
    assert combine([each]) != each


def test_a_missing_path_is_an_error_that_does_not_name_it(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        digest(tmp_path / "Müller_Hans")
    assert "Müller" not in str(caught.value)
