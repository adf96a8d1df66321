"""Where the bytes of a DICOM object lie: a file, or a member of a zip archive. Reads are by range and bounded."""
from __future__ import annotations

import io
import os
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from medtl.io.dicom.limits import Refusal
from medtl.io.reasons import Reason


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file on disk.

    Attributes:
        path: private, never printed.
        size: bytes; 0 until ``head`` was read.
    """

    path: Path = field(repr=False)

    def head(self, count: int) -> tuple[bytes, int]:
        """The first ``count`` bytes and the file's size."""
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                size = os.fstat(handle).st_size
                return os.read(handle, min(count, size)), size
            finally:
                os.close(handle)
        except (OSError, ValueError) as error:
            raise Refusal(Reason.UNREADABLE_FILE, f"the file cannot be read ({type(error).__name__})") from None

    def read_into(self, offset: int, target: memoryview) -> int:
        """Fills ``target`` with the bytes from ``offset`` on; returns how many there were."""
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                done = 0
                while done < len(target):
                    count = os.preadv(handle, [target[done:]], offset + done)
                    if count <= 0:
                        break
                    done += count
                return done
            finally:
                os.close(handle)
        except OSError as error:
            raise Refusal(Reason.UNREADABLE_FILE, f"the file cannot be read ({type(error).__name__})") from None


@dataclass(frozen=True, slots=True)
class ZipSource:
    """A member of a zip archive, inflated each time that it is read.

    Attributes:
        path: the archive's path joined with the member's name; private.
        archive: the archive; private.
        member: index of the member in the archive's directory.
        size: bytes after inflating, as the directory states it; never more is inflated.
    """

    path: Path = field(repr=False)
    archive: Path = field(repr=False)
    member: int
    size: int

    def _bytes(self, start: int, count: int) -> bytes:
        try:
            with zipfile.ZipFile(self.archive) as archive, archive.open(archive.infolist()[self.member]) as stream:
                while start > 0:
                    skipped = len(stream.read(min(start, 1 << 20)))
                    if not skipped:
                        return b""
                    start -= skipped
                buffer = io.BytesIO()
                while buffer.tell() < count:
                    chunk = stream.read(min(count - buffer.tell(), 1 << 20))
                    if not chunk:
                        break
                    buffer.write(chunk)
                return buffer.getvalue()
        except (OSError, RuntimeError, ValueError, EOFError, zipfile.BadZipFile, IndexError) as error:
            raise Refusal(Reason.UNREADABLE_FILE, f"the archive cannot be read ({type(error).__name__})") from None
        except Exception as error:  # zlib.error and lzma.LZMAError have no common base
            raise Refusal(Reason.UNREADABLE_FILE, f"the archive is damaged ({type(error).__name__})") from None

    def head(self, count: int) -> tuple[bytes, int]:
        """The first ``count`` bytes and the member's size."""
        return self._bytes(0, min(count, self.size)), self.size

    def read_into(self, offset: int, target: memoryview) -> int:
        """Fills ``target`` with the bytes from ``offset`` on; returns how many there were."""
        data = self._bytes(offset, len(target))
        target[:len(data)] = data
        return len(data)


Source = FileSource | ZipSource
