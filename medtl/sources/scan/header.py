"""What the first pass over a tree learns of each file: where it belongs, in hashes, before anything is kept."""
from __future__ import annotations

import datetime
import os
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from medtl.io.dicom.elements import Elements
from medtl.io.dicom.headers import open_header
from medtl.io.dicom.instances import NOT_IMAGES
from medtl.io.dicom.limits import DEFAULT_LIMITS, Refusal
from medtl.io.dicom.sources import FileSource, Source
from medtl.io.dicom.walk import sources_of
from medtl.io.identity import short_id
from medtl.io.read import Format, sniff
from medtl.io.reasons import Reason

UNKNOWN_SITE = "site-unknown"

_SUFFIXES = re.compile(r"(\.nii)?\.[A-Za-z0-9]{1,5}$")


@dataclass(frozen=True)
class StudyFacts:
    """What may be known of a study outside of this process, and three things that may not.

    Attributes:
        study: short id.
        patient: short id, empty when unknown.
        site: name proposed for the hospital, a hash.
        sex: M, F, O or empty.
        age: band of ten years, such as ``40-49``; empty when unknown.
        year: of the study, 0 when unknown.
        keys: hashed keys under which a label table may know the study, by what they are keys of.
        order: puts studies in an order that is a fact of the data; private.
        day: ordinal of the study's date, 0 when unknown; private, only differences leave.
        first: instance UID or path that these facts were read from; private.
    """

    study: str
    patient: str
    site: str
    sex: str
    age: str
    year: int
    keys: dict[str, tuple[str, ...]]
    order: tuple[int, str] = field(repr=False)
    day: int = field(repr=False)
    first: str = field(repr=False)


@dataclass(frozen=True)
class Place:
    """Where a file belongs.

    Attributes:
        path: private.
        series: short id.
        study: short id.
        format: of the file.
        mark: 64-bit fingerprint of path, size and time, so that a changed series is read again.
    """

    path: str = field(repr=False)
    series: str
    study: str
    format: Format
    mark: int


def series_id(salt: bytes, study_uid: str, series_uid: str, folder: str) -> str:
    """Short id of a DICOM series; without UIDs the folder stands for them."""
    return short_id(salt, "series", *_uids(study_uid, series_uid, folder))


def places_of(path: str, root: str, salt: bytes, studies: dict[str, StudyFacts]) -> list[Place] | Reason:
    """Finds where a file belongs.

    Args:
        path: of the file.
        root: of the tree.
        salt: the project's secret.
        studies: facts found so far by short id; new ones are added.

    Returns:
        One place, several for an archive, or the reason why it is no image.
    """
    file = Path(path)
    kind = sniff(file)
    if kind in ("nifti", "raster"):
        return [_file_place(path, root, salt, kind, studies)]
    if kind == "other":
        return Reason.UNKNOWN_FORMAT if os.access(path, os.R_OK) else Reason.UNREADABLE_FILE
    if kind == "dicom":
        return _dicom_place(FileSource(file), path, root, salt, studies)
    sources, left_out = sources_of(file, DEFAULT_LIMITS)
    found: dict[str, Place] = {}
    reason = left_out[0].reason if left_out else Reason.UNKNOWN_FORMAT
    for source in sources:
        placed = _dicom_place(source, path, root, salt, studies)
        if isinstance(placed, Reason):
            reason = placed
        else:
            found.setdefault(placed[0].series, placed[0])
    return list(found.values()) or reason


def _dicom_place(
    source: Source, path: str, root: str, salt: bytes, studies: dict[str, StudyFacts]
) -> list[Place] | Reason:
    try:
        opened = open_header(source, DEFAULT_LIMITS)
        e = opened.elements
        modality = e.text(0x00080060).upper()
        if opened.pixel_offset is None or modality in NOT_IMAGES:
            return Reason.NOT_AN_IMAGE
        folder = os.path.dirname(path)
        uids = e.text(0x0020000D), e.text(0x0020000E)
        study = short_id(salt, "study", *_uids(uids[0], "", folder))
        first = e.text(0x00080018) or path
        known = studies.get(study)
        if known is None or first < known.first:  # of all files of a study, the same one in any order
            studies[study] = _study_facts(e, study, uids[0], first, path, root, salt)
    except Refusal as refusal:
        return refusal.reason
    return [Place(path, series_id(salt, *uids, folder), study, "dicom", _mark(path, salt))]


def _uids(study_uid: str, series_uid: str, folder: str) -> tuple[str, ...]:
    return (study_uid, series_uid) if study_uid else ("folder", folder, series_uid)


def _file_place(path: str, root: str, salt: bytes, kind: Format, studies: dict[str, StudyFacts]) -> Place:
    below = PurePath(os.path.relpath(path, root)).as_posix()
    study = short_id(salt, "path", below)
    name = below.rsplit("/", 1)[-1]
    keys = dict.fromkeys([below, name, _SUFFIXES.sub("", name), _SUFFIXES.sub("", below)])
    studies[study] = StudyFacts(
        study=study, patient="", site=_site(salt, "", "", path, root), sex="", age="", year=0,
        keys={"study": tuple(join_key(salt, "study", key) for key in keys)}, order=(1, below), day=0, first=path,
    )
    return Place(path, short_id(salt, "series", "path", below), study, kind, _mark(path, salt))


def join_key(salt: bytes, on: str, value: str) -> str:
    """The hash under which a label table and a study meet."""
    return short_id(salt, "join", on, value.strip().casefold())


def _study_facts(e: Elements, study: str, uid: str, first: str, path: str, root: str, salt: bytes) -> StudyFacts:
    patient, accession, date = e.text(0x00100020), e.text(0x00080050), e.text(0x00080020)
    site = _site(salt, e.text(0x00080080), e.text(0x00081010), path, root)
    day = _ordinal(date)
    values = {"patient": patient, "accession": accession, "study": uid}
    return StudyFacts(
        study=study, patient=short_id(salt, site, "patient", patient) if patient else "", site=site,
        sex=sex if (sex := e.text(0x00100040).upper()) in ("M", "F", "O") else "",
        age=_age_band(e.text(0x00101010), e.text(0x00100030), date), year=int(date[:4]) if day else 0,
        keys={on: (join_key(salt, on, value),) for on, value in values.items() if value},
        order=(0, uid or path), day=day, first=first,
    )


def _site(salt: bytes, institution: str, station: str, path: str, root: str) -> str:
    """A hash of the institution's name, else of the station's, else of the folder right below the root."""
    top = os.path.relpath(path, root).split(os.sep)
    for kind, value in (("institution", institution), ("station", station), ("folder", top[0] if top[1:] else "")):
        folded = " ".join(value.split()).casefold()
        if folded:
            return "site-" + short_id(salt, kind, folded)[:6]
    return UNKNOWN_SITE


def _age_band(age: str, birth: str, date: str) -> str:
    years: int | None = None
    if re.fullmatch(r"\d{3}[DWMY]", age):
        years = int(age[:3]) if age[3] == "Y" else int(age[:3]) // {"M": 12, "W": 52, "D": 365}[age[3]]
    elif _ordinal(birth) and _ordinal(date):
        years = (_ordinal(date) - _ordinal(birth)) // 365
    if years is None or not 0 <= years <= 130:
        return ""
    return "90+" if years >= 90 else f"{years // 10 * 10}-{years // 10 * 10 + 9}"


def _ordinal(date: str) -> int:
    try:
        return datetime.date(int(date[:4]), int(date[4:6]), int(date[6:8])).toordinal() if len(date) == 8 else 0
    except ValueError:
        return 0


def _mark(path: str, salt: bytes) -> int:
    try:
        facts = os.stat(path)
        text = f"{path}|{facts.st_size}|{facts.st_mtime_ns}"
    except OSError:
        text = path
    return int(short_id(salt, "mark", text), 16)
