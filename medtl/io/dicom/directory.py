"""The files that a DICOMDIR refers to."""
from __future__ import annotations

from pathlib import Path

from medtl.io.dicom.headers import open_header
from medtl.io.dicom.limits import Limits, Refusal
from medtl.io.dicom.sources import FileSource, Source
from medtl.io.reasons import Reason
from medtl.io.series import Dropped

_RECORDS, _FILE_ID = 0x00041220, 0x00041500
_DIRECTORY_CLASS = b"1.2.840.10008.1.3.10"


def referenced_files(source: FileSource, limits: Limits) -> tuple[list[Source], list[Dropped]] | None:
    """Reads a DICOMDIR.

    Args:
        source: a file that may be one.
        limits: bounds.

    Returns:
        The files it refers to that exist below its folder, and those that do not; ``None`` when it is no DICOMDIR.
    """
    try:
        if _DIRECTORY_CLASS not in source.head(1024)[0]:
            return None
        elements = open_header(source, limits).elements
        records = elements.items(_RECORDS)
    except Refusal:
        return None
    root = source.path.parent.resolve()
    found: dict[Path, Source] = {}
    absent: list[Dropped] = []
    for record in records:
        parts = record.texts(_FILE_ID)
        if not parts:
            continue
        place = _resolve(root, parts)
        if place is None:
            absent.append(Dropped(root.joinpath(*parts), Reason.UNREADABLE_FILE, "the DICOMDIR names a missing file"))
        else:
            found[place] = FileSource(place)
    if not found and not absent:
        absent.append(Dropped(source.path, Reason.NOT_AN_IMAGE, "the DICOMDIR refers to no file"))
    return list(found.values()), absent


def _resolve(root: Path, parts: tuple[str, ...]) -> Path | None:
    """A file below ``root``, whatever the case of its name; never one outside."""
    if any(part in ("", ".", "..") or "/" in part for part in parts):
        return None
    for spelling in (parts, tuple(p.lower() for p in parts), tuple(p.upper() for p in parts)):
        place = root.joinpath(*spelling)
        try:
            if place.is_file() and place.resolve().is_relative_to(root):
                return place
        except (OSError, ValueError):
            return None
    return None
