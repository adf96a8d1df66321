"""The b-value and gradient direction of a classic MR slice, where the standard or a manufacturer puts them.

Before the enhanced objects had elements for them, each manufacturer used private ones, and most archives still hold
those. A private element means something only below its creator's name, in whatever block that creator reserved
(PS3.5, 7.8.1).
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from medtl.io.dicom.elements import Elements
from medtl.io.dicom.limits import Refusal

B_VALUE, DIRECTION = 0x00189087, 0x00189089


class _Private(NamedTuple):
    element: int
    vr: bytes


_B_VALUES: Mapping[tuple[int, str], _Private] = {
    (0x0019, "SIEMENS MR HEADER"): _Private(0x0C, b"IS"),
    (0x0043, "GEMS_PARM_01"): _Private(0x39, b"IS"),
    (0x2001, "PHILIPS IMAGING DD 001"): _Private(0x03, b"FL"),
    (0x0065, "IMAGE PRIVATE HEADER"): _Private(0x09, b"FD"),  # United Imaging
}
_DIRECTIONS: Mapping[tuple[int, str], tuple[int, ...]] = {
    (0x0019, "SIEMENS MR HEADER"): (0x0E,),
    (0x0019, "GEMS_ACQU_01"): (0xBB, 0xBC, 0xBD),
    (0x2005, "PHILIPS MR IMAGING DD 001"): (0xB0, 0xB1, 0xB2),
    (0x0065, "IMAGE PRIVATE HEADER"): (0x37,),
}
_GROUPS = frozenset(group for group, _ in (*_B_VALUES, *_DIRECTIONS))
_OFFSET = 100_000
"""GE adds a multiple of this, most often 1e9, to mark how the value is to be read."""


def diffusion_of(elements: Elements) -> tuple[float | None, bytes]:
    """Reads what tells the volumes of a diffusion series apart.

    Args:
        elements: the data set of a classic object.

    Returns:
        The b-value in s/mm², ``None`` when nobody states it, and the bytes of the gradient direction, which are
        compared and never computed with.
    """
    value, direction = _number(elements, B_VALUE, b"FD"), elements.raw(DIRECTION)
    if value is not None and direction:
        return value, direction
    for creator, base in _creators(elements):
        private = _B_VALUES.get(creator)
        if value is None and private is not None:
            value = _number(elements, base | private.element, private.vr)
            if value is not None and creator[0] == 0x0043:
                value %= _OFFSET
        direction = direction or b"".join(elements.raw(base | last) for last in _DIRECTIONS.get(creator, ()))
    return value, direction


def _creators(elements: Elements) -> list[tuple[tuple[int, str], int]]:
    """(group, creator) with the first tag of the block that it reserved."""
    return [((tag >> 16, elements.text(tag).upper()), (tag & 0xFFFF0000) | (tag & 0xFF) << 8)
            for tag in elements.table if tag >> 16 in _GROUPS and 0x10 <= tag & 0xFFFF <= 0xFF]


def _number(elements: Elements, tag: int, vr: bytes) -> float | None:
    try:
        return elements.number(tag, vr)
    except Refusal:
        return None
