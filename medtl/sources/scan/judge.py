"""The second pass: one series at a time is read, judged and reduced to rows without identifiers."""
from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from medtl.errors import DataError
from medtl.io.burned_in import burned_in
from medtl.io.dicom import index_study
from medtl.io.dicom.elements import Elements
from medtl.io.dicom.headers import open_header
from medtl.io.dicom.limits import DEFAULT_LIMITS, Refusal
from medtl.io.dicom.sources import FileSource, Source
from medtl.io.digest import combine, digest_file
from medtl.io.identity import short_id
from medtl.io.nifti import read_nifti
from medtl.io.raster import read_raster
from medtl.io.read import Format, candidate
from medtl.io.reasons import Reason
from medtl.io.series import Scanner, Series
from medtl.io.thumbnail import png, thumbnail
from medtl.sources.scan.header import series_id
from medtl.sources.scan.record import SeriesRow, row_of

_NAMES = (0x00100010, 0x00101001, 0x00101005, 0x00080090, 0x00081050, 0x00081070, 0x00081060, 0x00081048, 0x00321032)
"""Person names: of the patient, of physicians, operators and requesters; each part counts."""

_WHOLES = (0x00100020, 0x00101000, 0x00080050, 0x00080080, 0x00080081, 0x00081010, 0x00081040, 0x00200010, 0x00101040,
           0x00102154, 0x00181000, 0x00400253, 0x00100030, 0x0020000D, 0x0020000E, 0x00080018, 0x00401001)
"""Ids, addresses, departments, stations, serial numbers: each as a whole."""


@dataclass(frozen=True)
class SeriesJob:
    """A series to be judged.

    Attributes:
        series: short id.
        study: short id.
        format: of its files.
        paths: private.
        salt: the project's secret.
        pixels: whether to read them; without, verdicts stand on headers.
    """

    series: str
    study: str
    format: Format
    paths: tuple[str, ...] = field(repr=False)
    salt: bytes = field(repr=False)
    pixels: bool = True


@dataclass(frozen=True)
class Judged:
    """A row, and a masked picture where text may be burned in."""

    row: SeriesRow
    picture: bytes | None = field(default=None, repr=False)


def judge(job: SeriesJob) -> tuple[Judged, ...]:
    """Judges a series; a worker's job. Whatever its files hold, it returns.

    Args:
        job: the series.

    Returns:
        One row per stack.
    """
    try:
        found = [_judged(job, number, planned) for number, planned in enumerate(_planned(job))]
    except MemoryError:
        found = []
    return tuple(found) or (lost(job, Reason.UNREADABLE_FILE),)


def lost(job: SeriesJob, reason: Reason) -> Judged:
    """The row of a series that gave no answer."""
    nothing = Series("refused", (reason,), None, Scanner(), None, (), instances=len(job.paths))
    return Judged(row_of(nothing, study=job.study, short=job.series, format_=job.format, plane="", original=False,
                         identifying=frozenset()))


def identifying_texts(source: Source) -> frozenset[str] | None:
    """Folded texts of a DICOM header that identify a patient, a person or a place; in memory only.

    Args:
        source: an object of the series.

    Returns:
        Texts of at least three characters; None when the header cannot be read, so that nothing can be compared.
    """
    try:
        e = open_header(source, DEFAULT_LIMITS).elements
    except Refusal:
        return None
    found: set[str] = set()
    for tag in _NAMES:
        text = _text(e, tag)
        found |= {part.strip(".,") for part in text.replace("^", " ").replace("=", " ").replace("\\", " ").split()}
    found |= {" ".join(_text(e, tag).split()) for tag in _WHOLES}
    return frozenset(text for text in found if len(text) >= 3)


def _text(e: Elements, tag: int) -> str:
    try:
        return e.text(tag).casefold()
    except Refusal:
        return ""


@dataclass(frozen=True)
class _Planned:
    header: Series
    load: Callable[[], Series]
    identifying: frozenset[str] | None = frozenset()


def _planned(job: SeriesJob) -> Iterator[_Planned]:
    paths = [Path(path) for path in job.paths]
    if job.format == "nifti":
        yield _Planned(read_nifti(paths[0], pixels=False)[0], lambda: read_nifti(paths[0])[0])
        return
    if job.format == "raster":
        yield _Planned(read_raster(paths[0], pixels=False)[0], lambda: read_raster(paths[0])[0])
        return
    folder = str(paths[0].parent)
    plans = index_study(paths, salt=job.salt, threads=1)
    mine = [plan for plan in plans if _id_of(plan.header, job.salt, folder) == job.series]
    for plan in mine or plans[:1]:
        source = plan.frames[0].instance.source if plan.frames else FileSource(paths[0])
        yield _Planned(plan.header, plan.load, identifying_texts(source))


def _id_of(series: Series, salt: bytes, folder: str) -> str:
    identity = series.identity
    return series_id(salt, identity.study_uid or "", identity.series_uid or "", folder)


def _judged(job: SeriesJob, number: int, planned: _Planned) -> Judged:
    looked = candidate(planned.header)
    series = planned.load() if job.pixels else planned.header
    short = job.series if number == 0 else short_id(job.salt, job.series, "stack", str(number))
    text, picture, voxels, content = "", None, "", ""
    if job.pixels and series.volume is not None:
        verdict = burned_in(series).verdict
        text = verdict
        if verdict in ("stated", "likely", "possible"):
            picture = png(thumbnail(series.volume, frame=True))
            series = replace(series, reasons=tuple(dict.fromkeys((*series.reasons, Reason.BURNED_IN_TEXT))))
        voxels = short_id(job.salt, "voxels", _voxel_digest(series))
    if job.pixels:
        content = _content(job, series)
    row = row_of(
        series, study=job.study, short=short, format_=job.format, plane=looked.orientation, original=looked.original,
        identifying=planned.identifying, burned_in=text, voxels=voxels, content=content)
    return Judged(row, picture)


def _voxel_digest(series: Series) -> str:
    assert series.volume is not None
    array = series.volume.array
    state = hashlib.blake2b(repr(array.shape).encode(), digest_size=16)
    for k in range(array.shape[2]):  # slice by slice: no second copy of the volume
        state.update(np.ascontiguousarray(array[:, :, k].T).data)
    return state.hexdigest()


def _content(job: SeriesJob, series: Series) -> str:
    files = {str(path) for path in series.files} or set(job.paths)
    try:
        return short_id(job.salt, "content", combine(digest_file(Path(path)) for path in files))
    except DataError:
        return ""  # a member of an archive, or a file that went away
