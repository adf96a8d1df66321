"""Frames grouped by study, series and frame of reference; a missing frame of reference is a group of its own."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from medtl.io.dicom.instances import Frame
from medtl.io.dicom.objects import DefectiveObject
from medtl.io.dicom.sources import Source

Key = tuple[str, str, str, str]


@dataclass
class Group:
    """What states one study, series, frame of reference and modality.

    Attributes:
        key: those four; private.
        frames: all frames, in the order of their instance UIDs.
        defects: files of the series that cannot be read, with why.
    """

    key: Key = field(repr=False)
    frames: list[Frame] = field(default_factory=list, repr=False)
    defects: list[tuple[Path, DefectiveObject]] = field(default_factory=list, repr=False)


def group_instances(read: Sequence[list[Frame]], defects: Sequence[tuple[Source, DefectiveObject]]) -> list[Group]:
    """Groups what was read.

    Args:
        read: frames, object by object.
        defects: objects whose series is known, but that cannot be read.

    Returns:
        Groups in the order of their UIDs. A defective object is with every group of its series, and alone when there
        is none.
    """
    groups: dict[Key, Group] = {}
    for frames in read:
        instance = frames[0].instance
        key = (instance.study_uid, instance.series_uid, instance.frame_of_reference_uid, instance.modality)
        groups.setdefault(key, Group(key)).frames.extend(frames)
    for source, defect in defects:
        study, series, frame_of_reference = defect.series
        mates = [group for key, group in groups.items() if key[:2] == (study, series)]
        if not mates:
            lone = (study, series, frame_of_reference, "")
            mates = [groups.setdefault(lone, Group(lone))]
        for group in mates:
            group.defects.append((source.path, defect))
    for group in groups.values():
        group.frames.sort(key=lambda frame: (frame.instance.instance_uid, frame.index, frame.position or ()))
    return [groups[key] for key in sorted(groups)]
