"""Which frames of a series can belong to a stack at all; the others are dropped, each with its reason."""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from medtl.io.dicom.instances import CROSS_SECTIONAL, SECONDARY_CAPTURE, Frame, Instance
from medtl.io.reasons import Reason

_LOCALIZER = ("LOCALIZER", "SCOUT", "TOPOGRAM", "SURVEY")
_DOSE = ("DOSE", "CT_DOSE", "CT DOSE")  # a low-dose protocol is no dose report
_CAPTURE = ("SCREEN SAVE", "SCREENSAVE", "SCREEN_SAVE", "SCREEN CAPTURE", "SCREENSHOT", "SCREEN_CAPTURE")


def is_cross_sectional(frames: list[Frame]) -> bool:
    """Whether frames of one series are slices of a body, not projections or pictures."""
    modality = frames[0].instance.modality
    if modality in CROSS_SECTIONAL:
        return True
    placed = all(frame.position is not None and frame.orientation is not None for frame in frames)
    return placed and (len(frames) > 1 or not modality) and modality != "US"


def kind_refused(instance: Instance) -> Reason | None:
    """The reason that an image's type gives against using it, if any."""
    values = instance.image_type
    if any(token in value for value in values for token in _LOCALIZER):
        return Reason.LOCALIZER
    if any(value.startswith(_DOSE) for value in values):
        return Reason.DOSE_REPORT
    if any(token in value for value in values for token in _CAPTURE):
        return Reason.SCREEN_CAPTURE
    return None


def non_member(frame: Frame) -> Reason | None:
    """Why a frame of a cross-sectional series can be no slice, or ``None``."""
    instance = frame.instance
    kind = kind_refused(instance)
    if kind is not None:
        return kind
    if frame.position is None:
        if instance.layout is not None and instance.layout.frames > 1:
            return Reason.TIME_SERIES
        if instance.hint == "dose":
            return Reason.DOSE_REPORT
        if instance.hint in ("localizer", "scout", "topogram"):
            return Reason.LOCALIZER
        if instance.sop_class == SECONDARY_CAPTURE or instance.hint == "screen":
            return Reason.SCREEN_CAPTURE
        return Reason.NO_POSITION
    return Reason.NO_ORIENTATION if frame.orientation is None else None


def members(frames: list[Frame]) -> tuple[list[Frame], list[tuple[Frame, Reason]]]:
    """Parts the slices of a cross-sectional series from what only shares its UID.

    Args:
        frames: all frames of the series.

    Returns:
        The slices, and the others with their reasons.
    """
    kept: list[Frame] = []
    dropped: list[tuple[Frame, Reason]] = []
    for frame in frames:
        reason = non_member(frame)
        if reason is None:
            kept.append(frame)
        else:
            dropped.append((frame, reason))
    for feature, reason in ((_photometric, Reason.OTHER_PHOTOMETRIC), (_matrix, Reason.OTHER_MATRIX)):
        kept, strays = _part_minority(kept, feature, reason)
        dropped += strays
    return kept, dropped


def _photometric(frame: Frame) -> str:
    assert frame.instance.layout is not None
    return frame.instance.layout.photometric


def _matrix(frame: Frame) -> str:
    assert frame.instance.layout is not None
    return f"{frame.instance.layout.columns:06d} x {frame.instance.layout.rows:06d}"


def _part_minority(frames: list[Frame], feature: Callable[[Frame], str], reason: Reason) -> tuple[
        list[Frame], list[tuple[Frame, Reason]]]:
    """Drops the few that differ from the many; a second stack of some size is left to be split off instead."""
    counts = Counter(map(feature, frames))
    if len(counts) < 2:
        return frames, []
    most = max(counts.values())
    stacks = {value for value, count in counts.items()
              if count == most or (reason is Reason.OTHER_MATRIX and (count > 2 or 10 * count >= most > 2))}
    kept = [frame for frame in frames if feature(frame) in stacks]
    return kept, [(frame, reason) for frame in frames if feature(frame) not in stacks]
