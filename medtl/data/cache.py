"""Prepared scans on disk, found by what they are made of: the file's bytes, the preparation, and its version."""
from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import secrets
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from medtl.data.transforms import Preprocess
from medtl.errors import DataError
from medtl.io.digest import digest
from medtl.io.read import choose, read_scan
from medtl.places import cache_folder
from medtl.types import Item

DEFAULT_LIMIT_BYTES = 20 * 2**30
LAYOUT = 1
"""Of entries; another number is another key."""
_PREPARATION = ("transforms", "geometry", "windows", "harmonize_histogram", "harmonize_site")
_FOOTER = 8
_SETTLED_SECONDS = 2.0
"""A file changed less than this ago may change again within one tick of its clock, so its digest is not remembered."""


class Unreadable(DataError):
    """A scan that no reader accepts.

    Args:
        reasons: codes of ``medtl.io.reasons.Reason``.
        detail: one line without identifiers.
    """

    def __init__(self, reasons: tuple[str, ...], detail: str) -> None:
        super().__init__(detail)
        self.reasons = reasons
        self.detail = detail


class ScanCache:
    """A folder of arrays that processes may share.

    An entry is written beside its place and moved there, carries a checksum that is compared when it is first opened,
    and is made anew where it does not hold. The entries used longest ago make room for new ones.

    Args:
        folder: made on first use; the user's cache folder if None.
        limit_bytes: that entries may take together.
    """

    def __init__(self, folder: Path | None = None, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        self.folder = folder or cache_folder()
        self.limit_bytes = limit_bytes
        self._checked: dict[str, tuple[int, tuple[int, ...]]] = {}
        self._digests: dict[str, str] = {}
        self._size: int | None = None

    def digest(self, item: Item) -> str:
        """The content digest of a scan, taken anew only if size, time or place of a file have changed.

        Args:
            item: whose path is read.

        Returns:
            64 hexadecimal digits.

        Raises:
            DataError: the path cannot be read.
        """
        state, newest = _state(item.path)
        if state in self._digests:
            return self._digests[state]
        note = self.folder / "digests" / state[:2] / state[2:]
        try:
            known = note.read_text(encoding="ascii")
            if len(known) == 64:
                self._digests[state] = known
                return known
        except (OSError, UnicodeDecodeError):
            pass
        found = digest(item.path)
        if time.time() - newest > _SETTLED_SECONDS and _state(item.path)[0] == state:
            self._write(note, lambda file: file.write(found.encode("ascii")))
        return found

    def key(self, content: str, preprocess: Preprocess) -> str:
        """The name of an entry.

        Args:
            content: the scan's digest.
            preprocess: its contract is part of the name, as is the code that reads and prepares.

        Returns:
            64 hexadecimal digits.
        """
        return self.keys(preprocess)(content)

    def keys(self, preprocess: Preprocess) -> Callable[[str], str]:
        """:meth:`key` for many scans prepared alike: from a scan's digest to the name of its entry."""
        made_of = {"contract": preprocess.contract(), "layout": LAYOUT, "code": code_version()}
        alike = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode())

        def key(content: str) -> str:
            state = alike.copy()
            state.update(content.encode("ascii"))
            return state.hexdigest()

        return key

    def has(self, key: str) -> bool:
        """Whether this process has checked the entry already and it is still there."""
        return key in self._checked and self._place(key).exists()

    def array(self, item: Item, preprocess: Preprocess) -> NDArray[np.float32]:
        """The prepared scan, memory-mapped and read-only.

        Args:
            item: a scan.
            preprocess: how it is prepared.

        Returns:
            float32 in [0, 1], (slices, 1, rows, columns).

        Raises:
            Unreadable: no reader accepts the scan.
            UnitError: the window does not fit it.
            DataError: a full disk.
        """
        return self.fetch(self.key(item.digest or self.digest(item), preprocess), item, preprocess)

    def fetch(self, key: str, item: Item, preprocess: Preprocess) -> NDArray[np.float32]:
        """As :meth:`array`, with the key at hand."""
        found = self._open(key)
        if found is not None:
            return found
        made = prepare_one(item.path, preprocess)
        self._store(key, made)
        return made if (stored := self._open(key)) is None else stored

    def derived(self, key: str, make: Callable[[], NDArray[np.float32]]) -> NDArray[np.float32]:
        """An array made from one that is prepared already, such as its harmonised form.

        Args:
            key: of :meth:`key`, under a preparation that says what is made.
            make: makes it where it is not kept yet.

        Returns:
            float32 in [0, 1], (slices, 1, rows, columns).
        """
        found = self._open(key)
        if found is not None:
            return found
        made = make()
        self._store(key, made)
        return made if (stored := self._open(key)) is None else stored

    def clear(self) -> int:
        """Removes all entries and remembered digests.

        Returns:
            Bytes freed.
        """
        freed = 0
        for file in [*self._entries(), *self.folder.glob("digests/*/*"), *self.folder.glob("scans/*/.*")]:
            try:
                freed += file.stat().st_size
                file.unlink()
            except FileNotFoundError:
                continue
        self._checked.clear()
        self._digests.clear()
        self._size = None
        return freed

    def size(self) -> tuple[int, int]:
        """Number of entries and their bytes."""
        sizes = [_size(file) for file in self._entries()]
        return len(sizes), sum(sizes)

    def _entries(self) -> Iterator[Path]:
        return self.folder.glob("scans/*/*.npy")

    def _place(self, key: str) -> Path:
        return self.folder / "scans" / key[:2] / f"{key[2:]}.npy"

    def _open(self, key: str) -> NDArray[np.float32] | None:
        place = self._place(key)
        try:
            if key in self._checked:
                offset, shape = self._checked[key]
                return np.memmap(place, dtype="<f4", mode="r", offset=offset, shape=shape)
            with place.open("rb") as file:
                content = file.read()
            if int.from_bytes(content[-_FOOTER:], "little") != zlib.crc32(content[:-_FOOTER]):
                raise ValueError("checksum")
            array = np.load(place, mmap_mode="r", allow_pickle=False)
            if array.dtype != np.dtype("<f4") or array.ndim != 4 or not array.flags.c_contiguous:
                raise ValueError("layout")
        except FileNotFoundError:
            self._checked.pop(key, None)
            return None
        except (OSError, ValueError, EOFError):
            self._checked.pop(key, None)
            with suppress(OSError):
                place.unlink()
            return None
        self._checked[key] = (array.offset, array.shape)
        os.utime(place)  # used just now
        return array  # type: ignore[no-any-return]

    def _store(self, key: str, array: NDArray[np.float32]) -> None:
        import io

        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.ascontiguousarray(array, dtype="<f4"), allow_pickle=False)
        content = buffer.getvalue()
        content += zlib.crc32(content).to_bytes(_FOOTER, "little")
        if len(content) > self.limit_bytes:
            return
        self._make_room(len(content))
        self._write(self._place(key), lambda file: file.write(content))

    def _make_room(self, wanted: int) -> None:
        if self._size is None:
            self._size = self.size()[1]
        self._size += wanted
        if self._size <= self.limit_bytes:
            return
        entries = sorted((*_used(file), file) for file in self._entries())
        self._size = sum(size for _, size, _ in entries) + wanted
        for _, size, file in entries:  # a tenth more than needed, so that not every write sorts the folder
            if self._size <= 0.9 * self.limit_bytes or self._size <= wanted:
                break
            file.unlink(missing_ok=True)
            self._size -= size

    def _write(self, place: Path, fill: Any) -> None:
        fresh = place.with_name(f".{secrets.token_hex(8)}")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                with fresh.open("wb") as file:
                    _filled(file, fill)
                os.replace(fresh, place)
            finally:
                fresh.unlink(missing_ok=True)
        except OSError as error:
            raise DataError(
                f"the cache cannot be written ({error.strerror}); free the disk, run `medtl cache clear`, or set "
                f"MEDTL_CACHE to another folder"
            ) from None


@lru_cache(maxsize=4)
def _shared(folder: Path) -> ScanCache:
    return ScanCache(folder)


def shared_cache() -> ScanCache:
    """The user's cache, one for the process, so that the runs of a sweep check each entry once."""
    return _shared(cache_folder())


@lru_cache(maxsize=1)
def code_version() -> str:
    """Digest of all code that lies between a file and its array, so that a corrected reader is never served old arrays.

    Returns:
        16 hexadecimal digits over the sources of ``medtl.io`` and of the preparation, and the libraries' versions.
    """
    package = Path(__file__).parent.parent
    sources = [*sorted((package / "io").rglob("*.py")), *(package / "data" / f"{name}.py" for name in _PREPARATION)]
    state = hashlib.sha256()
    for source in sources:
        state.update(source.read_bytes())
    for library in ("torch", "monai", "pydicom", "nibabel", "pillow"):
        state.update(f"{library} {importlib.metadata.version(library)}\n".encode())
    return state.hexdigest()[:16]


def prepare_one(path: Path, preprocess: Preprocess) -> NDArray[np.float32]:
    """Reads and prepares one scan, without a cache.

    Args:
        path: file or folder, in any format that the project knows.
        preprocess: how it is prepared.

    Returns:
        float32 in [0, 1], (slices, 1, rows, columns).

    Raises:
        Unreadable: no series of it can be used.
        UnitError: the window does not fit it.
    """
    series = read_scan(path)
    chosen, why = choose(series)
    if chosen is None or chosen.volume is None:
        reasons = tuple(dict.fromkeys(
            reason.code for one in series for reason in one.reasons if reason.effect == "refusal"
        ))
        details = list(dict.fromkeys(detail for one in series for detail in one.details))
        raise Unreadable(reasons or ("unreadable_file",), "; ".join(details[:3]) or why)
    return preprocess(chosen.volume)


def _filled(file: BinaryIO, fill: Any) -> None:
    fill(file)
    file.flush()


def _state(path: Path) -> tuple[str, float]:
    """What changes when a file is edited: places, sizes, times and inodes; and the newest time, in seconds."""
    state = hashlib.sha256()
    newest = 0.0
    for file in sorted(Path(folder, name) for folder, _, names in os.walk(path) for name in names) or [path]:
        try:
            stat = file.stat()
        except OSError:
            continue
        state.update(f"{os.path.abspath(file)}\0{stat.st_size}\0{stat.st_mtime_ns}\0{stat.st_ino}\n".encode(
            "utf-8", "surrogateescape"))
        newest = max(newest, stat.st_mtime)
    return state.hexdigest(), newest


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _used(file: Path) -> tuple[int, int]:
    try:
        stat = file.stat()
    except FileNotFoundError:
        return 0, 0
    return stat.st_mtime_ns, stat.st_size
