"""What a file or a folder holds, as one hexadecimal number: names and order do not matter, bytes do."""
from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from medtl.errors import DataError


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes; of a folder, SHA-256 of the sorted digests of all files below it.

    Links to folders and special files are left out, so that the walk ends.

    Args:
        path: file or folder.

    Returns:
        64 hexadecimal digits. Renaming, moving or listing the files in another order changes nothing; adding, removing
        or altering one does.

    Raises:
        DataError: the path is neither a file nor a folder, or a file cannot be read.
    """
    if path.is_dir():
        files = (
            Path(folder, name) for folder, _, names in os.walk(path, followlinks=False) for name in names
        )
        return combine(digest_file(file) for file in files if _is_regular(file))
    if not _is_regular(path):
        raise DataError("no file or folder to take a digest of; check the path")
    return digest_file(path)


def digest_file(path: Path) -> str:
    """SHA-256 of a file's bytes.

    Args:
        path: regular file.

    Returns:
        64 hexadecimal digits.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"a file cannot be read for its digest ({error.strerror}); check permissions and the disk"
                        ) from None


def combine(digests: Iterable[str]) -> str:
    """One digest of many, whatever their order; a digest that occurs twice counts twice.

    Args:
        digests: 64 hexadecimal digits each.

    Returns:
        64 hexadecimal digits, never equal to the digest of a file with one of them.
    """
    state = hashlib.sha256(b"medtl folder\n")
    for each in sorted(digests):
        state.update(each.encode("ascii") + b"\n")
    return state.hexdigest()


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False
