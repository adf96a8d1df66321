"""Finds the files of a study: a folder tree, one file, a list, a DICOMDIR, or a zip archive, in bounded time."""
from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from medtl.io.dicom.limits import Limits, Refusal
from medtl.io.dicom.sources import FileSource, Source, ZipSource
from medtl.io.reasons import Reason
from medtl.io.series import Dropped

_ZIP = b"PK\x03\x04"


def sources_of(path: Path | Iterable[Path], limits: Limits) -> tuple[list[Source], list[Dropped]]:
    """Lists the objects below a path.

    Args:
        path: a folder, a file, a zip archive, a DICOMDIR, or several files.
        limits: bounds on the number of files and the size of archives.

    Returns:
        Sources in the order of their names, and what was left out with its reason.

    Raises:
        Refusal: nothing is there, or there is too much.
    """
    sources: list[Source] = []
    left_out: list[Dropped] = []
    for entry in [path] if isinstance(path, Path) else path:
        for found in _below(entry):
            if isinstance(found, Dropped):
                left_out.append(found)
            elif _is_zip(found):
                try:
                    sources += _members(found, limits)
                except Refusal as refusal:
                    left_out.append(Dropped(found, refusal.reason, refusal.detail))
            else:
                sources.append(FileSource(found))
            if len(sources) > limits.files:
                raise Refusal(Reason.TOO_LARGE, f"there are more than {limits.files} files")
    if not sources and not left_out:
        raise Refusal(Reason.EMPTY, "there is no file")
    return sources, left_out


def _below(path: Path) -> Iterator[Path | Dropped]:
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        yield Dropped(path, Reason.UNREADABLE_FILE, "the path does not exist or cannot be read")
        return
    if stat.S_ISREG(mode):
        yield path
        return
    if not stat.S_ISDIR(mode):
        yield Dropped(path, Reason.UNREADABLE_FILE, "the path is neither a file nor a folder")
        return
    seen: set[tuple[int, int]] = set()
    pending = [path]
    while pending:
        folder = pending.pop()
        try:
            facts = folder.stat()
            if (facts.st_dev, facts.st_ino) in seen:
                yield Dropped(folder, Reason.SYMLINK_LOOP, "a link leads to a folder already walked")
                continue
            seen.add((facts.st_dev, facts.st_ino))
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            yield Dropped(folder, Reason.UNREADABLE_FILE, f"the folder cannot be read ({type(error).__name__})")
            continue
        for entry in entries:
            place = folder / entry.name
            if not entry.name.isprintable():
                yield Dropped(place, Reason.UNSAFE_NAME, "the name holds control characters")
            try:
                if entry.is_dir():
                    pending.append(place)
                elif entry.is_file():
                    yield place
                else:
                    reason = Reason.SYMLINK_LOOP if entry.is_symlink() else Reason.UNKNOWN_FORMAT
                    yield Dropped(place, reason, "the entry is no file")
            except OSError:
                yield Dropped(place, Reason.SYMLINK_LOOP, "a link leads in a circle")


def _is_zip(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return os.read(handle, 4) == _ZIP
        finally:
            os.close(handle)
    except (OSError, ValueError):
        return False


def _members(path: Path, limits: Limits) -> list[Source]:
    """The files in an archive, none larger than its directory says, all together within the limit."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (OSError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
        raise Refusal(Reason.UNREADABLE_FILE, f"the archive cannot be read ({type(error).__name__})") from None
    if len(entries) > limits.files:
        raise Refusal(Reason.TOO_LARGE, f"the archive holds more than {limits.files} files")
    if sum(entry.file_size for entry in entries) > limits.archive_bytes:
        raise Refusal(Reason.TOO_LARGE, f"the archive inflates to more than {limits.archive_bytes} bytes")
    if any(entry.file_size > limits.compression * max(entry.compress_size, 1) for entry in entries):
        raise Refusal(Reason.TOO_LARGE, "a member of the archive inflates beyond belief")
    named = sorted(enumerate(entries), key=lambda item: item[1].filename)
    return [ZipSource(path / entry.filename.lstrip("/"), path, number, entry.file_size)
            for number, entry in named if not entry.is_dir() and not entry.flag_bits & 1]
