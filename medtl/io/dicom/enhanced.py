"""Frames of enhanced multi-frame objects, from shared and per-frame functional groups (PS3.3 C.7.6.16)."""
from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Literal

from medtl.io.dicom.elements import Elements
from medtl.io.dicom.instances import Frame, Instance, Rescale, orientation_of, pair, position_of, rescale
from medtl.io.dicom.limits import Refusal
from medtl.io.reasons import Reason

SHARED, PER_FRAME = 0x52009229, 0x52009230
_POSITION, _ORIENTATION, _MEASURES, _TRANSFORM, _CONTENT = 0x00209113, 0x00209116, 0x00289110, 0x00289145, 0x00209111
_PLACE_POINTERS = frozenset({0x00200032, 0x00209057, 0x00200013})
PartOf = Callable[[Elements, int], Elements | None]


def enhanced_frames(instance: Instance, elements: Elements) -> list[Frame]:
    """Reads every frame's place, scale and separators.

    Args:
        instance: the object.
        elements: its data set.

    Returns:
        Frames in stored order.

    Raises:
        Refusal: the groups do not match the number of frames, or are malformed.
    """
    assert instance.layout is not None
    shared_items = elements.items(SHARED)
    shared = shared_items[0] if shared_items else None
    groups = elements.items(PER_FRAME)
    if len(groups) != instance.layout.frames:
        raise Refusal(
            Reason.BAD_HEADER, f"{len(groups)} functional groups stand beside {instance.layout.frames} frames")
    pointers = [_pointer(item) for item in elements.items(0x00209222)]
    fallback = rescale(elements)
    shared_parts: dict[int, Elements | None] = {}

    def part(group: Elements, tag: int) -> Elements | None:
        if tag in group:
            found = group.items(tag)
            return found[0] if found else None
        if tag not in shared_parts:
            found = shared.items(tag) if shared is not None else []
            shared_parts[tag] = found[0] if found else None
        return shared_parts[tag]

    frames = []
    for index, group in enumerate(groups):
        place, facing = part(group, _POSITION), part(group, _ORIENTATION)
        measures, transform = part(group, _MEASURES), part(group, _TRANSFORM)
        position, quanta = position_of(place) if place is not None else (None, (0.0, 0.0, 0.0))
        scale: Rescale = rescale(transform) if transform is not None else fallback
        frames.append(Frame(
            instance, index, position, quanta,
            orientation_of(facing) if facing is not None else None,
            pair(measures, 0x00280030) if measures is not None else None,
            scale, _separators(part, group, pointers)))
    return frames


def _pointer(item: Elements) -> int:
    raw = item.raw(0x00209165)
    order: Literal["little", "big"] = "little" if item.encoding.little else "big"
    return int.from_bytes(raw[:2], order) << 16 | int.from_bytes(raw[2:4], order)


def _separators(part: PartOf, group: Elements, pointers: list[int]) -> dict[str, Hashable]:
    values: dict[str, Hashable] = {}

    def put(keyword: str, tag: int, inner: int, vr: bytes) -> Elements | None:
        holder = part(group, tag)
        values[keyword] = holder.floats(inner, vr) if holder is not None else None
        return holder

    content = part(group, _CONTENT)
    values["StackID"] = content.text(0x00209056) if content is not None else None
    put("FrameAcquisitionNumber", _CONTENT, 0x00209156, b"US")
    put("EffectiveEchoTime", 0x00189114, 0x00189082, b"FD")
    put("NominalCardiacTriggerDelayTime", 0x00189118, 0x00209153, b"FD")
    put("TemporalPositionIndex", _CONTENT, 0x00209128, b"UL")
    put("TemporalPositionTimeOffset", 0x00209310, 0x0020930D, b"FD")
    diffusion = put("DiffusionBValue", 0x00189117, 0x00189087, b"FD")
    kernel = part(group, 0x00189314)
    values["ConvolutionKernel"] = kernel.text(0x00181210) if kernel is not None else None
    kind = part(group, 0x00189226) or part(group, 0x00189329) or part(group, 0x00189751)
    values["FrameType"] = kind.texts(0x00089007) if kind is not None else None
    direction = diffusion.items(0x00189076) if diffusion is not None else []
    values["DiffusionGradientOrientation"] = direction[0].floats(0x00189089, b"FD") if direction else None
    if content is not None:
        indices = content.floats(0x00209157, b"UL")
        for number, value in enumerate(indices):
            if number >= len(pointers) or pointers[number] not in _PLACE_POINTERS:
                values[f"DimensionIndexValues[{number}]"] = value
    return values
