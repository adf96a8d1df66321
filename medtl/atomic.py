"""Files appear whole or not at all: written under another name in the same folder, then renamed."""
from __future__ import annotations

import errno
import itertools
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from medtl.errors import DataError

_count = itertools.count()
_FULL = {errno.ENOSPC, errno.EDQUOT}
_CLOSED = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path to write to; on leaving without an error it becomes ``path``, on disk.

    Args:
        path: the file; its folder is created.

    Raises:
        DataError: the disk is full, or the folder may not be written to; no part of the file stays.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{next(_count)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.errno in _FULL:
            raise DataError(
                f"{path}: the disk is full; what was finished is kept: free some space and run the same command again"
            ) from error
        if error.errno in _CLOSED:
            raise DataError(f"{path}: this folder may not be written to; choose another one with --out") from error
        raise
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_bytes(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Writes a file whole, with these permissions from its first moment (less the umask)."""
    with atomic(path) as temporary:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with open(handle, "wb") as out:
            out.write(content)


def write_text(path: Path, text: str, mode: int = 0o644) -> None:
    """Writes a text file whole, UTF-8, with ``\\n`` line ends."""
    write_bytes(path, text.encode("utf-8"), mode)


def write_json(path: Path, value: Any, mode: int = 0o644) -> None:
    """Writes a JSON file whole; NaN and infinity are not JSON and raise ValueError."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n", mode)
