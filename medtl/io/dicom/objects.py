"""Reads one DICOM object: its facts and its frames, classic or enhanced."""
from __future__ import annotations

from dataclasses import replace

from medtl.io.dicom.elements import Elements
from medtl.io.dicom.enhanced import PER_FRAME, enhanced_frames
from medtl.io.dicom.headers import DamagedHeader, open_header
from medtl.io.dicom.instances import (
    NOT_IMAGES,
    Frame,
    Instance,
    classic_frame,
    instance_of,
    is_image_class,
    pair,
    rescale,
)
from medtl.io.dicom.limits import Limits, Refusal
from medtl.io.dicom.pixels import check_size
from medtl.io.dicom.sources import Source
from medtl.io.reasons import Reason

_STUDY, _SERIES, _FRAME_OF_REFERENCE = 0x0020000D, 0x0020000E, 0x00200052


class DefectiveObject(Refusal):
    """An object whose series is known, but that cannot be read: its series is refused with it.

    Args:
        refusal: why.
        series: (study, series, frame of reference) UIDs; private.
    """

    def __init__(self, refusal: Refusal, series: tuple[str, str, str]) -> None:
        super().__init__(refusal.reason, refusal.detail)
        self.series = series


def read_frames(source: Source, limits: Limits) -> tuple[Instance, list[Frame]]:
    """Reads the header of one object.

    Args:
        source: where its bytes lie.
        limits: bounds.

    Returns:
        The object and its frames; no frames when it is no image.

    Raises:
        Refusal: it is no DICOM, or its header is malformed.
        DefectiveObject: its series is known, but it cannot be read.
    """
    try:
        opened = open_header(source, limits)
    except DamagedHeader as damage:
        if damage.elements is not None and damage.elements.text(_SERIES):
            raise DefectiveObject(damage, _series_of(damage.elements)) from None
        raise
    e = opened.elements
    try:
        instance = instance_of(source, opened)
        if instance.modality in NOT_IMAGES:
            return instance, []
        if instance.layout is None:
            if e.integer(0x00280010) or is_image_class(instance.sop_class):
                raise Refusal(Reason.SIZE_MISMATCH, "the object describes pixels but holds none")
            return instance, []
        frames = instance.layout.frames
        try:
            check_size(instance.layout, limits)
        except Refusal as refusal:
            instance = replace(instance, defect=(refusal.reason, refusal.detail))
        if PER_FRAME in e:
            return instance, enhanced_frames(instance, e)
        if frames > 1:
            scale = rescale(e)
            return instance, [Frame(instance, 0, None, (0.0, 0.0, 0.0), None, pair(e, 0x00280030), scale, {})]
        return instance, [classic_frame(instance, e)]
    except Refusal as refusal:
        raise DefectiveObject(refusal, _series_of(e)) from None


def _series_of(e: Elements) -> tuple[str, str, str]:
    return e.text(_STUDY), e.text(_SERIES), e.text(_FRAME_OF_REFERENCE)
