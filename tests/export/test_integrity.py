"""SHA256SUMS: the form that sha256sum reads, and every way to differ from it."""
from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from medtl.errors import IntegrityError
from medtl.export.integrity import verify_sums, write_sums


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "package"
    (folder / "inner").mkdir(parents=True)
    (folder / "b.txt").write_text("b")
    (folder / "inner" / "a.bin").write_bytes(b"\x00a")
    write_sums(folder)
    return folder


def test_the_file_is_sorted_and_sha256sum_reads_it(package: Path) -> None:
    digest = hashlib.sha256(b"b").hexdigest()
    assert (package / "SHA256SUMS").read_text().splitlines()[0] == f"{digest}  b.txt"
    verify_sums(package)
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=package, check=True, capture_output=True)


def test_all_that_is_wrong_is_told_at_once(package: Path) -> None:
    (package / "b.txt").write_text("B")
    (package / "inner" / "a.bin").unlink()
    (package / ".hidden").write_text("x")
    with pytest.raises(IntegrityError) as caught:
        verify_sums(package)
    text = "\n".join(caught.value.lines)
    assert len(caught.value.lines) == 3
    for words in ("package/b.txt: altered", "package/inner/a.bin: missing", "package/.hidden: not part of the package"):
        assert words in text


@pytest.mark.parametrize("change", [
    lambda text: text + "\n", lambda text: text.upper(), lambda text: "", lambda text: text.replace("  ", " *"),
    lambda text: "\n".join(reversed(text.splitlines())) + "\n",
])
def test_an_altered_list_is_refused(package: Path, change: object) -> None:
    text = (package / "SHA256SUMS").read_text()
    (package / "SHA256SUMS").write_text(change(text))  # type: ignore[operator]
    with pytest.raises(IntegrityError):
        verify_sums(package)


def test_a_linked_folder_is_not_followed(package: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (package / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(IntegrityError, match="link: not part of the package"):
        verify_sums(package)
