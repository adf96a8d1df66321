"""``SHA256SUMS``: every file of a package and its digest, in the form that ``sha256sum -c`` reads."""
from __future__ import annotations

import os
import re
from pathlib import Path

from medtl.atomic import write_text
from medtl.errors import IntegrityError
from medtl.io.digest import digest_file

SUMS = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64})  ([^\n]+)")


def write_sums(folder: Path) -> None:
    """Writes the digests of all files below a folder, sorted by name.

    Args:
        folder: of a package, complete but for this file.
    """
    write_text(folder / SUMS, _text({name: digest_file(folder / name) for name in _files(folder)}))


def verify_sums(folder: Path) -> None:
    """Refuses a package in which anything was altered, lost or added.

    Args:
        folder: of a package.

    Raises:
        IntegrityError: one line per file that does not hold, or none of it is there.
    """
    where = folder.name or str(folder)
    try:
        text = (folder / SUMS).read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        raise IntegrityError(
            f"{where}: {SUMS} is missing or unreadable: not a package that `medtl export` wrote, or not all of it"
        ) from None
    listed = {found.group(2): found.group(1) for line in text.splitlines() if (found := _LINE.fullmatch(line))}
    if not listed or _text(listed) != text:
        raise IntegrityError(f"{where}: {SUMS} was altered; copy the package again from where it was exported")
    present = set(_files(folder))
    wrong = [f"{name}: missing" for name in sorted(listed.keys() - present)]
    wrong += [f"{name}: not part of the package" for name in sorted(present - listed.keys())]
    wrong += [f"{name}: altered" for name in sorted(listed.keys() & present) if _digest(folder / name) != listed[name]]
    if wrong:
        raise IntegrityError(*(f"{where}/{line}; copy the package again from where it was exported" for line in wrong))


def _text(digests: dict[str, str]) -> str:
    return "".join(f"{digests[name]}  {name}\n" for name in sorted(digests))


def _digest(path: Path) -> str:
    """Empty for a link: what it leads to is not part of the package."""
    return "" if path.is_symlink() or not path.is_file() else digest_file(path)


def _files(folder: Path) -> list[str]:
    found = []
    for inner, folders, names in os.walk(folder):
        links = [name for name in folders if Path(inner, name).is_symlink()]
        found += [Path(inner, name).relative_to(folder).as_posix() for name in (*names, *links)]
    return sorted(name for name in found if name != SUMS)
