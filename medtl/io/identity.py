"""Who a scan belongs to, without saying it: salted short ids, and the one private file that leads back.

The salt lies in ``.medtl/salt`` of the project folder (the nearest folder upwards that has a ``.medtl``), else in
``medtl/salt`` of the user's config. ``where.jsonl``, from short id to path, lies beside a project's salt, else in the
user's state folder. Both are of mode 0600; neither is ever copied into a run or a package. No split and no order may
depend on the salt.
"""
from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

from medtl.errors import ConfigError, DataError
from medtl.places import config_folder, state_folder

PROJECT_FOLDER = ".medtl"
SALT_FILE = "salt"
WHERE_FILE = "where.jsonl"
SALT_BYTES = 32
ID_HEX = 12
"""48 bits: among 20,000 studies two ids meet by chance once in a million catalogues."""

_PERSON = b"medtl-short-id"


def short_id(salt: bytes, *parts: str) -> str:
    """An opaque id of 12 hexadecimal digits: keyed BLAKE2b of the parts, each preceded by its length.

    Args:
        salt: the project's secret, 1 to 64 bytes.
        parts: what identifies, such as a site and a patient's id; ``("ab", "c")`` and ``("a", "bc")`` differ.

    Returns:
        12 hexadecimal digits.

    Raises:
        ValueError: no part, or a salt that is empty or longer than 64 bytes.
    """
    if not parts:
        raise ValueError("an id needs at least one part")
    if not 1 <= len(salt) <= 64:
        raise ValueError(f"a salt has 1 to 64 bytes, got {len(salt)}")
    state = hashlib.blake2b(key=salt, digest_size=ID_HEX // 2, person=_PERSON)
    for part in parts:
        encoded = part.encode("utf-8", "surrogateescape")
        state.update(len(encoded).to_bytes(8, "little") + encoded)
    return state.hexdigest()


def project_folder(start: Path | None = None) -> Path | None:
    """The private folder ``.medtl`` of the project that a folder is in.

    Args:
        start: where to look from, upwards; the current folder by default. The search ends at the user's home, at a
            file system's root, or at the first ``.medtl``.

    Returns:
        The folder, or None outside of a project.
    """
    here = (start or Path.cwd()).resolve()
    home = Path.home().resolve()
    for folder in (here, *here.parents):
        if (folder / PROJECT_FOLDER).is_dir() and (folder / PROJECT_FOLDER).stat().st_uid == os.getuid():
            return folder / PROJECT_FOLDER  # of another user it is not ours: /tmp/.medtl must not choose our salt
        if folder == home:
            break
    return None


def where_file(start: Path | None = None) -> Path:
    """The one private file from short ids to paths; it may not exist yet."""
    return (project_folder(start) or state_folder()) / WHERE_FILE


def start_project(folder: Path) -> Path:
    """Gives a folder its own salt, kept out of version control; an existing one stays.

    Args:
        folder: the project folder.

    Returns:
        Its private folder, ``.medtl``.
    """
    private = folder / PROJECT_FOLDER
    private.mkdir(mode=0o700, parents=True, exist_ok=True)
    ignore = private / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    _salt_in(private)
    return private


def project_salt(start: Path | None = None) -> bytes:
    """The secret of the project, made on first use.

    Args:
        start: where to look for a project from; the current folder by default.

    Returns:
        32 bytes.

    Raises:
        DataError: the salt cannot be read, or is not a salt.
    """
    return _salt_in(project_folder(start) or config_folder())


def remember(short: str, path: Path, *, start: Path | None = None) -> None:
    """Notes in the private file which path a short id stands for.

    Args:
        short: id as :func:`short_id` gives it.
        path: file or folder; kept absolute.
        start: where to look for a project from.
    """
    remember_all([(short, path)], start=start)


def remember_all(pairs: Iterable[tuple[str, Path]], *, start: Path | None = None) -> None:
    """Notes many ids at once; what is known already is not written again.

    Args:
        pairs: short ids and their paths.
        start: where to look for a project from.
    """
    store = where_file(start)
    store.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(store, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "a+", encoding="utf-8", errors="surrogateescape") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # two scans of one project may end together
        os.fchmod(file.fileno(), 0o600)
        file.seek(0)
        last = "\n"
        known: dict[str, str] = {}
        for last in file:
            known.update(_entries([last]))
        if not last.endswith("\n"):
            file.write("\n")  # after a line cut short
        for short, path in pairs:
            text = os.path.abspath(path)
            if known.get(short) != text:
                known[short] = text
                file.write(json.dumps({"id": short, "path": text}) + "\n")


def where(short: str, *, start: Path | None = None) -> Path | None:
    """The path that a short id stands for, the latest if it has moved.

    Args:
        short: 12 hexadecimal digits.
        start: where to look for a project from.

    Returns:
        The path, or None when this project and user never saw the id.

    Raises:
        ConfigError: the text is no short id.
    """
    if not re.fullmatch(rf"[0-9a-f]{{{ID_HEX}}}", short):
        raise ConfigError(f"{short!r} is no id: expected {ID_HEX} hexadecimal digits, as in catalogue.csv")
    file = where_file(start)
    found: str | None = None
    try:
        with file.open(encoding="utf-8", errors="surrogateescape") as lines:
            for entry, path in _entries(lines):
                if entry == short:
                    found = path
    except FileNotFoundError:
        return None
    return Path(found) if found is not None else None


def noted_paths(*, start: Path | None = None) -> dict[str, tuple[Path, ...]]:
    """Every id that this project and user noted, with its paths in the order noted, the latest last.

    Args:
        start: where to look for a project from.

    Returns:
        Absolute paths per id: several where rows of one study share an id, or where a scan has moved.
    """
    found: dict[str, dict[str, None]] = {}
    try:
        with where_file(start).open(encoding="utf-8", errors="surrogateescape") as lines:
            for entry, path in _entries(lines):
                paths = found.setdefault(entry, {})
                paths.pop(path, None)
                paths[path] = None
    except FileNotFoundError:
        return {}
    return {entry: tuple(Path(path) for path in paths) for entry, paths in found.items()}


def _entries(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        try:
            entry = json.loads(line)
            yield str(entry["id"]), str(entry["path"])
        except (ValueError, KeyError, TypeError):
            continue  # a line cut by a power failure


def _salt_in(folder: Path) -> bytes:
    file = folder / SALT_FILE
    try:
        return _read_salt(file)
    except FileNotFoundError:
        pass
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = folder / f".salt-{secrets.token_hex(8)}"
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as out:
            out.write(secrets.token_hex(SALT_BYTES) + "\n")
        try:
            os.link(fresh, file)  # whole or not at all; the first of two processes wins
        except FileExistsError:
            pass
        except OSError:  # a file system without hard links
            os.replace(fresh, file)
    finally:
        fresh.unlink(missing_ok=True)
    return _read_salt(file)


def _read_salt(file: Path) -> bytes:
    try:
        text = file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"the project's salt cannot be read ({type(error).__name__}): {PROJECT_FOLDER}/{SALT_FILE} or "
            f"medtl/{SALT_FILE} of the user's config; expected a file of mode 0600 that belongs to you"
        ) from None
    if not re.fullmatch(rf"[0-9a-f]{{{2 * SALT_BYTES}}}", text):
        raise DataError(
            f"the project's salt is damaged: expected {2 * SALT_BYTES} hexadecimal digits; restore it from a backup, "
            f"or remove {SALT_FILE} for a new one (short ids of earlier runs then lead nowhere)"
        )
    if file.stat().st_mode & 0o077:
        file.chmod(0o600)
    return bytes.fromhex(text)
