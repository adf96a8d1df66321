"""The header of one DICOM file: opened within bounds, its encoding found, its elements ready to be asked."""
from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from medtl.io.dicom.elements import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    PIXEL_DATA,
    PIXEL_TAGS,
    Elements,
    Encoding,
    NeedMore,
    Walker,
    plausible,
)
from medtl.io.dicom.limits import Limits, Refusal
from medtl.io.dicom.sources import Source
from medtl.io.reasons import Reason

IMPLICIT_VR = "1.2.840.10008.1.2"
EXPLICIT_VR = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
NATIVE = frozenset({IMPLICIT_VR, EXPLICIT_VR, DEFLATED, BIG_ENDIAN})

_FIRST = 1 << 14
_GROUP_LENGTH, _SYNTAX = 0x00020000, 0x00020010
_GROUP_LENGTH_HEAD = b"\2\0\0\0UL\4\0"
_META_HEAD = struct.Struct("<HH2sH").unpack_from
_META_KINDS = frozenset({b"UI", b"SH", b"AE", b"UL"})
_VR_LETTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")


@dataclass(frozen=True)
class Opened:
    """A header in memory.

    Attributes:
        elements: the data set before the pixels, file meta information apart.
        syntax: transfer syntax UID.
        pixel_offset: byte of the file where the pixel bytes begin; ``None`` without pixels.
        pixel_length: stated length of the pixel element, or 0xFFFFFFFF when encapsulated.
        pixel_tag: which pixel element.
        file_size: bytes, after inflating for the deflated syntax.
        inflated: the whole inflated object, for the deflated syntax only.
    """

    elements: Elements
    syntax: str
    pixel_offset: int | None
    pixel_length: int
    pixel_tag: int
    file_size: int
    inflated: bytes | None


class DamagedHeader(Refusal):
    """A header that breaks off.

    Args:
        refusal: why.
        elements: what was read before; ``None`` when nothing.
    """

    def __init__(self, refusal: Refusal, elements: Elements | None) -> None:
        super().__init__(refusal.reason, refusal.detail)
        self.elements = elements


def open_header(source: Source, limits: Limits) -> Opened:
    """Reads a file's header and stops before its pixels.

    Args:
        source: where the bytes lie.
        limits: bounds on header bytes, elements and nesting.

    Returns:
        The header.

    Raises:
        Refusal: the file is no DICOM, or its header is malformed or past the limits.
    """
    wanted = _FIRST
    while True:
        data, size = source.head(wanted)
        if wanted == _FIRST and not looks_like_dicom(data):
            raise Refusal(Reason.UNKNOWN_FORMAT, "the file is no DICOM object")
        try:
            return _parse(data, size, source, limits)
        except NeedMore as more:
            if more.size > limits.header_bytes:
                raise Refusal(Reason.TOO_LARGE, f"the header is longer than {limits.header_bytes} bytes") from None
            if len(data) >= size:
                raise DamagedHeader(Refusal(Reason.BAD_HEADER, "the header is cut short"), None) from None
            wanted = min(max(4 * wanted, more.size + _FIRST), limits.header_bytes + _FIRST)


def looks_like_dicom(data: bytes) -> bool:
    """Whether the first bytes of a file can be a DICOM object, with or without preamble."""
    if data[128:132] == b"DICM":
        return True
    if len(data) < 16:
        return False
    group = int.from_bytes(data[:2], "little")
    number = int.from_bytes(data[2:4], "little")
    if group in (2, 8) and number < 0x0100:
        known = data[4:6] in (b"UL", b"CS", b"UI", b"SH", b"OB", b"DA", b"TM", b"LO")
        return known or int.from_bytes(data[4:8], "little") < 256
    return data[:2] == b"\0\x08" and data[4:6] in (b"UL", b"CS", b"UI", b"DA")


def _guess(data: bytes, at: int) -> Encoding:
    if data[at:at + 1] == b"\0" and data[at + 1:at + 2] != b"\0":
        return EXPLICIT_BIG
    letters = data[at + 4:at + 6]
    return EXPLICIT_LITTLE if len(letters) == 2 and set(letters) <= _VR_LETTERS else IMPLICIT_LITTLE


def _meta(data: bytes, size: int, limits: Limits) -> tuple[str, int]:
    """Transfer syntax (empty when not stated) and the byte where the data set begins."""
    at = 132 if data[128:132] == b"DICM" else 0
    plain = _plain_meta(data, at)
    if plain is not None:
        return plain
    walker = Walker(data, size, limits)
    encoding = EXPLICIT_LITTLE if _guess(data, at) == EXPLICIT_LITTLE else IMPLICIT_LITTLE
    syntax, begin, stated = "", at, 0
    for _ in range(64):
        if at + 12 > len(data):
            if len(data) < size:
                raise NeedMore(at + 12)
            break
        if int.from_bytes(data[at:at + 2], "little") != 2:
            break
        try:
            table, after = walker.dataset(at, size, encoding, 1, in_item=False, only_one=True)
        except Refusal:
            break
        for tag, (_, start, length) in table.items():
            if tag == _GROUP_LENGTH and length == 4:
                stated = begin + 12 + int.from_bytes(data[start:start + 4], "little")
            if tag == _SYNTAX:
                syntax = data[start:start + length].decode("latin-1").strip(" \0")
        at = after
    if stated and stated != at and not plausible(data, at, 0x00030000, size):
        if stated + 12 > len(data) and len(data) < size and stated < size:
            raise NeedMore(stated + 12)
        if plausible(data, stated, 0x00030000, size):
            at = stated  # a damaged length led astray; the stated length of the whole group did not
            mark = data.rfind(b"\x02\x00\x10\x00UI", begin, at)
            if not syntax and mark >= 0:
                length = int.from_bytes(data[mark + 6:mark + 8], "little")
                syntax = data[mark + 8:mark + 8 + length].decode("latin-1").strip(" \0")
    return syntax, at


def _plain_meta(data: bytes, begin: int) -> tuple[str, int] | None:
    """As ``_meta`` for a group that ends where it says, as nearly all do; ``None`` for any other."""
    if data[begin:begin + 8] != _GROUP_LENGTH_HEAD or len(data) < begin + 12:
        return None
    end = begin + 12 + int.from_bytes(data[begin + 8:begin + 12], "little")
    if end + 2 > len(data) or data[end:end + 2] == b"\2\0":
        return None
    syntax, at, before = "", begin + 12, 0
    while at < end:
        group, number, vr, length = _META_HEAD(data, at)
        if group != 2 or number <= before:
            return None
        at, before = at + 8, number
        if vr == b"OB" and not length:
            length, at = int.from_bytes(data[at:at + 4], "little"), at + 4
        elif vr not in _META_KINDS:
            return None
        if number == 0x0010:
            syntax = data[at:at + length].decode("latin-1").strip(" \0")
        at += length
    return (syntax, at) if at == end else None


def _parse(data: bytes, size: int, source: Source, limits: Limits) -> Opened:
    syntax, start = _meta(data, size, limits)
    inflated = None
    if syntax == DEFLATED:
        inflated = _inflate(source, start, size, limits)
        data, size, start, encoding = inflated, len(inflated), 0, EXPLICIT_LITTLE
    elif syntax == IMPLICIT_VR:
        encoding = IMPLICIT_LITTLE
    elif syntax == BIG_ENDIAN:
        encoding = EXPLICIT_BIG
    else:
        encoding = EXPLICIT_LITTLE
    if start + 8 <= len(data) and syntax != BIG_ENDIAN:
        seen = _guess(data, start)
        if seen != encoding and syntax not in NATIVE and syntax:
            encoding = seen  # compressed pixels below a header that is implicit against the standard
        elif not syntax or seen != encoding:
            encoding = seen
            syntax = {EXPLICIT_LITTLE: EXPLICIT_VR, IMPLICIT_LITTLE: IMPLICIT_VR, EXPLICIT_BIG: BIG_ENDIAN}[seen]
    walker = Walker(data, size, limits)
    try:
        table, _ = walker.dataset(start, size, encoding, 0, in_item=False)
    except Refusal as refusal:
        raise DamagedHeader(refusal, Elements(walker, walker.outermost, encoding)) from None
    elements = Elements(walker, table, encoding)
    for tag in PIXEL_TAGS:
        if tag in table:
            _, offset, length = table.pop(tag)
            return Opened(elements, syntax, offset, length, tag, size, inflated)
    return Opened(elements, syntax, None, 0, PIXEL_DATA, size, inflated)


def _inflate(source: Source, start: int, size: int, limits: Limits) -> bytes:
    if size > limits.header_bytes * 4:
        raise Refusal(Reason.TOO_LARGE, "the deflated object is past the limit of the reader")
    packed = bytearray(size - start)
    source.read_into(start, memoryview(packed))
    bound = limits.header_bytes * 4
    try:
        worker = zlib.decompressobj(-zlib.MAX_WBITS)
        plain = worker.decompress(bytes(packed), bound)
    except zlib.error:
        raise Refusal(Reason.BAD_HEADER, "the deflated data set is damaged") from None
    if worker.unconsumed_tail:
        raise Refusal(Reason.TOO_LARGE, f"the data set inflates to more than {bound} bytes")
    return plain
