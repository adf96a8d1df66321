"""Files appear whole or not at all, and a full disk is told as one."""
from __future__ import annotations

import errno
import stat
from pathlib import Path

import pytest

from medtl.atomic import atomic, write_bytes, write_text
from medtl.errors import DataError


def half(path: Path, error: BaseException) -> None:
    """Writes half of a file, beside where it belongs, and is stopped by an error."""
    with atomic(path) as temporary:
        temporary.write_text("half")
        assert temporary.parent == path.parent
        raise error


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.txt"
    write_text(path, "old")
    with pytest.raises(KeyboardInterrupt):
        half(path, KeyboardInterrupt())
    assert path.read_text() == "old"
    assert [entry.name for entry in path.parent.iterdir()] == ["b.txt"]


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "the disk is full"), (errno.EDQUOT, "the disk is full"), (errno.EROFS, "may not be written")],
)
def test_a_full_or_closed_disk_is_an_error_of_data(number: int, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words) as caught:
        half(tmp_path / "x", OSError(number, "as the system says it"))
    assert caught.value.exit_code == 3
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_really_full() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(OSError, match="No space") as caught, open(full, "wb", buffering=0) as out:
        out.write(b"x")
    assert caught.value.errno == errno.ENOSPC


def test_other_errors_pass_through(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Input/output"):
        half(tmp_path / "x", OSError(errno.EIO, "Input/output error"))
    with pytest.raises(ZeroDivisionError):
        half(tmp_path / "y", ZeroDivisionError())
    assert list(tmp_path.iterdir()) == []


def test_private_files_are_private_from_their_first_moment(tmp_path: Path) -> None:
    write_bytes(tmp_path / "secret", b"x", mode=0o600)
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
