"""The reader's surface: ``index_study`` judges every series from headers alone, ``read_study`` reads pixels too."""
from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from medtl.io.dicom.directory import referenced_files
from medtl.io.dicom.grouping import Group, group_instances
from medtl.io.dicom.judging import plans_of, refused_plan
from medtl.io.dicom.limits import DEFAULT_LIMITS, Limits, Refusal
from medtl.io.dicom.objects import DefectiveObject, read_frames
from medtl.io.dicom.plan import Options, SeriesPlan
from medtl.io.dicom.sources import FileSource, Source
from medtl.io.dicom.walk import sources_of
from medtl.io.reasons import Reason
from medtl.io.series import Dropped, Series

PathLike = str | os.PathLike[str]


class StudyIndex(list[SeriesPlan]):
    """The series below a path, judged from headers.

    Attributes:
        skipped: files that belong to no image series, each with its reason.
    """

    skipped: tuple[Dropped, ...] = ()


class StudySeries(list[Series]):
    """The series below a path, read.

    Attributes:
        skipped: files that belong to no image series, each with its reason.
    """

    skipped: tuple[Dropped, ...] = ()


def index_study(
    path: PathLike | Iterable[PathLike], *, missing: Literal["refuse", "interpolate"] = "refuse",
    unequal: Literal["refuse", "resample"] = "refuse", digests: bool = False, salt: bytes | None = None,
    limits: Limits = DEFAULT_LIMITS, threads: int | None = None,
) -> StudyIndex:
    """Judges every series below a path from its headers; no pixel is read.

    Args:
        path: a folder (walked with its sub-folders), a file, a zip archive, a DICOMDIR, or several files.
        missing: ``interpolate`` fills missing slices and records it, instead of refusing.
        unequal: ``resample`` makes unequal steps equal and records it, instead of refusing.
        digests: keep a SHA-256 per file.
        salt: key for the station's hash; without it ``Scanner.station_hash`` is ``None``.
        limits: bounds on hostile input.
        threads: workers that read pixels on ``load``; ``None`` chooses.

    Returns:
        Plans in the order of their UIDs, whatever the names and order of the files; ``plan.load()`` reads one. When
        there is no image at all, one refused plan says why.
    """
    options = Options(missing, unequal, digests, salt, limits, threads)
    entries: Path | list[Path]
    if isinstance(path, str | os.PathLike):
        entries = Path(path)
    else:
        entries = [one if isinstance(one, Path) else Path(one) for one in path]  # to make one takes a while
    try:
        sources, left_out = sources_of(entries, limits)
        sources, missing_files = _through_directory(entries, sources, limits)
    except Refusal as refusal:
        return StudyIndex([refused_plan([], refusal.reason, refusal.detail, options)])
    skipped = [*left_out, *missing_files]
    groups, apart = _read_headers(sources, limits)
    skipped += apart
    index = StudyIndex()
    for group in groups:
        index += plans_of(group, options, skipped)
    if not index and skipped:
        reasons = [item for item in skipped if item.reason.effect == "refusal"] or skipped
        index.append(refused_plan([item.path for item in reasons], reasons[0].reason, reasons[0].detail, options,
                                  tuple(reasons)))
    index.skipped = tuple(skipped)
    return index


def read_study(
    path: PathLike | Iterable[PathLike], *, missing: Literal["refuse", "interpolate"] = "refuse",
    unequal: Literal["refuse", "resample"] = "refuse", digests: bool = False, salt: bytes | None = None,
    limits: Limits = DEFAULT_LIMITS, threads: int | None = None,
) -> StudySeries:
    """Reads every series below a path: right, or refused with a reason.

    The answer depends on what the headers say and on nothing else: not on file names, order, InstanceNumber or which
    other packages are installed. A missing slice at either end of a stack cannot be seen.

    Args:
        path: a folder (walked with its sub-folders), a file, a zip archive, a DICOMDIR, or several files.
        missing: ``interpolate`` fills missing slices and records it, instead of refusing.
        unequal: ``resample`` makes unequal steps equal and records it, instead of refusing.
        digests: keep a SHA-256 per file.
        salt: key for the station's hash; without it ``Scanner.station_hash`` is ``None``.
        limits: bounds on hostile input.
        threads: workers that read pixels; ``None`` chooses.

    Returns:
        One ``Series`` per stack, in the order of their UIDs; ``volume`` is ``None`` where ``verdict`` is ``refused``.
        All volumes are in memory at once: for a tree, loop over ``index_study`` and load one at a time.
    """
    index = index_study(
        path, missing=missing, unequal=unequal, digests=digests, salt=salt, limits=limits, threads=threads)
    study = StudySeries(plan.load() for plan in index)
    study.skipped = index.skipped
    return study


def _through_directory(
        entries: Path | list[Path], sources: list[Source], limits: Limits) -> tuple[list[Source], list[Dropped]]:
    """When the path is a DICOMDIR itself, the files that it refers to."""
    if isinstance(entries, Path) and len(sources) == 1 and isinstance(sources[0], FileSource) and entries.is_file():
        found = referenced_files(sources[0], limits)
        if found is not None:
            return found
    return sources, []


def _read_headers(sources: list[Source], limits: Limits) -> tuple[list[Group], list[Dropped]]:
    read, defects, skipped = [], [], []
    for source in sources:
        try:
            instance, frames = read_frames(source, limits)
        except DefectiveObject as defect:
            defects.append((source, defect))
        except Refusal as refusal:
            skipped.append(Dropped(source.path, refusal.reason, refusal.detail))
        else:
            if frames:
                read.append(frames)
            else:
                kind = instance.modality[:16] if instance.modality.isalnum() else "of no modality"
                skipped.append(Dropped(source.path, Reason.NOT_AN_IMAGE, f"the object, {kind}, holds no image"))
    return group_instances(read, defects), skipped
