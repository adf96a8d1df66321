"""From a group of frames to judged plans: members, stacks, geometry and what the headers say of the values."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from medtl.io.dicom.geometry import Geometry, geometry_of
from medtl.io.dicom.grouping import Group
from medtl.io.dicom.instances import SECONDARY_CAPTURE, Frame
from medtl.io.dicom.limits import Refusal
from medtl.io.dicom.lut import check_rescale, inverts
from medtl.io.dicom.membership import is_cross_sectional, kind_refused, members
from medtl.io.dicom.plan import Options, SeriesPlan, refused
from medtl.io.dicom.scanner import identity_of, scanner_of
from medtl.io.dicom.splitting import Stack, stacks_of
from medtl.io.reasons import Reason, verdict_of
from medtl.io.series import Dropped, Scanner, Series


def refused_plan(files: list[Path], reason: Reason, detail: str, options: Options,
                 dropped: tuple[Dropped, ...] = ()) -> SeriesPlan:
    """A plan that holds nothing but a refusal."""
    header = Series("refused", (reason,), None, Scanner(), None, tuple(files), (detail,), dropped=dropped,
                    instances=len(files))
    return SeriesPlan(header, options=options)


def plans_of(group: Group, options: Options, skipped: list[Dropped]) -> list[SeriesPlan]:
    """Judges one group.

    Args:
        group: all frames of one series in one frame of reference.
        options: how to decide where the rules leave a choice.
        skipped: files of the whole path that could not be read, for a warning to their neighbours.

    Returns:
        One plan per stack, or per image of a projection series.
    """
    frames = group.frames
    if group.defects:
        paths = [f.instance.source.path for f in frames] + [path for path, _ in group.defects]
        reasons = dict.fromkeys(defect.reason for _, defect in group.defects)
        details = dict.fromkeys(defect.detail for _, defect in group.defects)
        header = _header(frames, Stack(frames), options, [*reasons], [*details], [])
        return [SeriesPlan(_with_files(header, paths), options=options)]
    damaged = {item.path.parent for item in skipped if item.reason in (Reason.BAD_HEADER, Reason.UNREADABLE_FILE)}
    notes = [Reason.UNREADABLE_NEIGHBOUR] if any(f.instance.source.path.parent in damaged for f in frames) else []
    if not is_cross_sectional(frames):
        return [_projection(frame, options, notes) for frame in frames]
    kept, strays = members(frames)
    dropped = [Dropped(frame.instance.source.path, reason) for frame, reason in strays]
    if not kept:
        reasons = dict.fromkeys(reason for _, reason in strays)
        return [SeriesPlan(_header(frames, Stack(frames), options, [*reasons], [r.meaning for r in reasons], dropped),
                           options=options)]
    for reason in (Reason.OTHER_MATRIX, Reason.OTHER_PHOTOMETRIC):
        if any(stray is reason for _, stray in strays):
            notes.append(reason)
    if any(stray.effect == "refusal" for _, stray in strays):
        notes.append(Reason.NON_MEMBERS_DROPPED)
    stacks = stacks_of(kept)
    if len(stacks) > 1:
        notes.append(Reason.SPLIT)
    return [_cross_section(stack, options, notes, dropped) for stack in stacks]


def _cross_section(stack: Stack, options: Options, notes: list[Reason], dropped: list[Dropped]) -> SeriesPlan:
    reasons = [*notes, *_value_notes(stack.frames)]
    details: list[str] = []
    try:
        _check_members(stack.frames)
        geometry = geometry_of(stack.frames)
        _check_extent(stack.frames, geometry, options)
    except Refusal as refusal:
        header = _header(stack.frames, stack, options, reasons, [], dropped)
        return SeriesPlan(refused(header, refusal.reason, refusal.detail), options=options)
    repairs = []
    frames = [stack.frames[index] for index in geometry.order]
    if stack.copies:
        reasons.append(Reason.DUPLICATE_DROPPED)
        repairs.append(f"{len(stack.copies)} copies of slices dropped")
        dropped = dropped + [Dropped(b.instance.source.path, Reason.DUPLICATE_DROPPED) for _, b in stack.copies]
    for tell, reason in ((len(frames) == 1, Reason.SINGLE_SLICE), (geometry.tilted, Reason.GANTRY_TILT),
                         (geometry.rounded, Reason.ROUNDED_POSITIONS)):
        if tell:
            reasons.append(reason)
    if geometry.steps == "gaps":
        interpolate = options.missing == "interpolate"
        reasons.append(Reason.SLICES_INTERPOLATED if interpolate else Reason.MISSING_SLICE)
        (repairs if interpolate else details).append(f"{geometry.missing} slices are missing inside the stack")
    if geometry.steps == "variable":
        resample = options.unequal == "resample"
        reasons.append(Reason.SPACING_RESAMPLED if resample else Reason.VARIABLE_SPACING)
        (repairs if resample else details).append("the steps between slices are unequal")
    header = _header(frames, stack, options, reasons, details, dropped, geometry, repairs)
    if header.verdict == "refused":
        return SeriesPlan(header, options=options)
    return SeriesPlan(header, tuple(frames), tuple(stack.copies), geometry, options)


def _check_members(frames: list[Frame]) -> None:
    """Refuses a stack one of whose slices cannot be read or scaled."""
    for frame in frames:
        if frame.instance.defect is not None:
            raise Refusal(*frame.instance.defect)
        layout = frame.instance.layout
        if layout is not None and layout.samples != 1:
            raise Refusal(Reason.UNSUPPORTED_PIXELS, "a cross-sectional series in colour is no measurement")
        check_rescale(frame)
    if len({frame.rescale.stated for frame in frames}) > 1:
        raise Refusal(Reason.BAD_RESCALE, "some slices state a rescale and others do not")


def _check_extent(frames: list[Frame], geometry: Geometry, options: Options) -> None:
    """Refuses a volume past the limit, also one that only resampling over a far-off slice would make so large."""
    layout = frames[0].instance.layout
    assert layout is not None
    wanted = geometry.steps == "uniform" or (options.unequal == "resample" if geometry.steps == "variable"
                                             else options.missing == "interpolate")
    slices = geometry.slices() if wanted else len(frames)
    if layout.rows * layout.columns * slices > options.limits.voxels:
        raise Refusal(
            Reason.TOO_LARGE, f"{layout.columns} x {layout.rows} x {slices} is past the limit of the reader")


def _projection(frame: Frame, options: Options, notes: list[Reason]) -> SeriesPlan:
    """Judges one radiograph or picture: an image of depth 1 in a frame of its own."""
    stack = Stack([frame])
    layout = frame.instance.layout
    assert layout is not None
    reasons = [*notes, *_value_notes([frame]), Reason.NO_PATIENT_FRAME, Reason.SINGLE_SLICE]
    kind = kind_refused(frame.instance)
    defect = frame.instance.defect
    if defect is None and not frame.instance.modality:
        defect = (Reason.BAD_HEADER, "the object states neither a modality nor a known class")
    elif defect is None and kind is not None:
        defect = (kind, kind.meaning)
    elif defect is None and layout.frames > 1:
        defect = (Reason.TIME_SERIES, f"{layout.frames} frames without positions")
    if defect is not None:
        return SeriesPlan(refused(_header([frame], stack, options, reasons, [], []), *defect), options=options)
    spacing, repairs = frame.spacing, []
    if spacing is None and frame.instance.detector_spacing is not None:
        spacing = frame.instance.detector_spacing
        reasons.append(Reason.DETECTOR_SPACING)
        repairs.append("pixel size taken from the detector")
    if spacing is None:
        spacing = (1.0, 1.0)
        reasons.append(Reason.UNKNOWN_SPACING)
        repairs.append("1 mm put in place of an unknown pixel size")
    if layout.samples == 3:
        reasons.append(Reason.COLOUR_TO_GREY)
        repairs.append("colour turned into luminance")
    affine = np.diag([spacing[1], spacing[0], 1.0, 1.0])
    geometry = Geometry((0,), np.zeros(1, np.intp), np.zeros(1), affine, (spacing[1], spacing[0], None), "uniform", 0,
                        None, False, False, ())
    header = _header([frame], stack, options, reasons, [], [], geometry, repairs)
    return SeriesPlan(header, (frame,), (), geometry, options)


def _value_notes(frames: list[Frame]) -> list[Reason]:
    notes = []
    first = frames[0].instance
    if any(inverts(frame.instance) for frame in frames):
        notes.append(Reason.INVERTED)
    if any(frame.instance.layout is not None and frame.instance.layout.lossy for frame in frames):
        notes.append(Reason.LOSSY)
    suspect = first.modality in ("US", "SC", "OT", "ES", "XC") or first.sop_class == SECONDARY_CAPTURE
    if first.burned_in or (first.burned_in is None and suspect):
        notes.append(Reason.BURNED_IN_TEXT)
    return notes


def _header(
    frames: list[Frame], stack: Stack, options: Options, reasons: list[Reason], details: list[str],
    dropped: list[Dropped], geometry: Geometry | None = None, repairs: list[str] | None = None,
) -> Series:
    unique = tuple(dict.fromkeys(reasons))
    if not frames:
        return Series(verdict_of(unique), unique, None, Scanner(), None, (), tuple(details), dropped=tuple(dropped))
    instance = frames[0].instance
    layout = instance.layout
    slices = geometry.slices() if geometry is not None and verdict_of(unique) != "refused" else len(frames)
    return Series(
        verdict=verdict_of(unique), reasons=unique, volume=None, scanner=scanner_of(frames[0], options.salt),
        spacing_mm=geometry.spacing_mm if geometry is not None else None,
        files=tuple(dict.fromkeys(frame.instance.source.path for frame in frames)), details=tuple(details),
        modality=instance.modality or None,
        shape=(layout.columns, layout.rows, slices) if layout is not None else None,
        instances=len(stack.frames) + len(stack.copies) + len(dropped),
        tilt_degrees=geometry.tilt_degrees if geometry is not None else None,
        spacing_histogram=geometry.histogram if geometry is not None else (), repairs=tuple(repairs or ()),
        dropped=tuple(dropped), image_type=instance.image_type, burned_in=instance.burned_in,
        body_part=instance.body_part or None, view=instance.view or None,
        transfer_syntax=layout.syntax if layout is not None else None,
        split_by=stack.split_by, affine_lps=geometry.affine_lps if geometry is not None else None,
        identity=identity_of(frames))


def _with_files(series: Series, paths: list[Path]) -> Series:
    return replace(series, files=tuple(dict.fromkeys(paths)), instances=len(paths))
