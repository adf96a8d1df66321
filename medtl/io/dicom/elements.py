"""Data elements of a DICOM header, walked once within bounds; values are decoded only when asked for.

The walk stops before the pixel data. It never recurses into sequences of stated length, and into those of undefined
length only as deep as ``Limits.depth``, so that a hostile header costs bounded time. Reference: DICOM PS3.5, section 7.
"""
from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from pydicom.datadict import dictionary_has_tag, dictionary_VR

from medtl.io.dicom.limits import Limits, Refusal
from medtl.io.reasons import Reason

UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXEL_DATA, FLOAT_PIXELS, DOUBLE_PIXELS = 0x7FE00010, 0x7FE00008, 0x7FE00009
PIXEL_TAGS = frozenset({PIXEL_DATA, FLOAT_PIXELS, DOUBLE_PIXELS})

_LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
_SHORT = frozenset({
    b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS",
    b"ST", b"TM", b"UI", b"UL", b"US",
})
_BINARY = {b"US": "H", b"SS": "h", b"UL": "I", b"SL": "i", b"FL": "f", b"FD": "d", b"UV": "Q", b"SV": "q"}
_SEARCH, _MOST_REPAIRS = 1 << 14, 4
_STRIP = " \0\t\r\n"


class NeedMore(Exception):
    """The buffer ends before the header does; ``size`` bytes of the file are needed."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


@dataclass(frozen=True)
class Encoding:
    """How elements are written."""

    little: bool = True
    explicit: bool = True


EXPLICIT_LITTLE = Encoding()
IMPLICIT_LITTLE = Encoding(explicit=False)
EXPLICIT_BIG = Encoding(little=False)

Entry = tuple[bytes, int, int]
"""Value representation (empty when implicit), start and length of a value; the length may be ``UNDEFINED``."""


def plausible(data: bytes, at: int, above: int, stop: int) -> tuple[int, int] | None:
    """Whether an explicit little endian element that the dictionary knows can begin at a byte.

    Args:
        data: the head of a file.
        at: the byte.
        above: its tag must be greater than this one.
        stop: end of the data set.

    Returns:
        Its tag and the byte after it; ``None`` when none can.
    """
    vr = data[at + 4:at + 6]
    if at + 12 > len(data) or (vr not in _SHORT and vr not in _LONG):
        return None
    group, number, _, length = struct.unpack_from("<HH2sH", data, at)
    tag, value = group << 16 | number, at + 8
    if tag <= above or tag > PIXEL_DATA or not (dictionary_has_tag(tag) or group & 1):
        return None
    if vr in _LONG:
        if length:
            return None
        length, value = struct.unpack_from("<I", data, at + 8)[0], at + 12
    if tag in PIXEL_TAGS or length == UNDEFINED:
        return tag, value
    known = dictionary_VR(tag)[:2].encode() if not group & 1 and dictionary_has_tag(tag) else vr
    return (tag, value + length) if vr == known and value + length <= stop else None


class Walker:
    """Walks the elements of one buffer, counting them against the limits.

    Args:
        data: the head of a file.
        file_size: size of the whole file in bytes.
        limits: the bounds.
    """

    def __init__(self, data: bytes, file_size: int, limits: Limits) -> None:
        self.data = data
        self.file_size = file_size
        self.limits = limits
        self.budget = limits.elements
        self.repairs = 0
        self.outermost: dict[int, Entry] = {}

    def dataset(self, start: int, stop: int, encoding: Encoding, depth: int, *, in_item: bool,
                only_one: bool = False) -> tuple[dict[int, Entry], int]:
        """Walks one data set.

        Args:
            start: first byte.
            stop: end of the data set, or of the file for the outermost or one of undefined length.
            encoding: how it is written.
            depth: nesting so far.
            in_item: whether an item delimiter ends it.
            only_one: stop after one element.

        Returns:
            Entries by tag, and the byte after the data set. The walk ends at pixel data of the outermost data set.
        """
        if depth > self.limits.depth:
            raise Refusal(Reason.BAD_HEADER, f"sequences are nested more than {self.limits.depth} deep")
        data, held, explicit = self.data, len(self.data), encoding.explicit
        head = struct.Struct("<HH2sH" if encoding.little else ">HH2sH").unpack_from
        word = struct.Struct("<I" if encoding.little else ">I").unpack_from
        table: dict[int, Entry] = {}
        if depth == 0:
            self.outermost = table
        at, budget, file_size = start, self.budget, self.file_size
        outermost = depth == 0 and explicit and encoding.little
        tag = 0
        while at + 8 <= stop:
            if at + 12 > held and held < min(stop, file_size):
                raise NeedMore(at + 12)
            budget -= 1
            if budget < 0:
                raise Refusal(Reason.BAD_HEADER, f"the header has more than {self.limits.elements} elements")
            group, number, vr, length = head(data, at)
            if outermost and vr not in _SHORT and vr not in _LONG and not dictionary_has_tag(group << 16 | number):
                at = self._resync(table, tag, stop)
                continue
            tag = group << 16 | number
            if group == 0xFFFE:
                if in_item and tag == ITEM_END:
                    at += 8
                    break
                raise Refusal(Reason.BAD_HEADER, "an item delimiter stands where none can be")
            if not explicit:
                vr, length, at = b"", word(data, at + 4)[0], at + 8
            elif vr in _SHORT:
                at += 8
            elif vr in _LONG:
                if length:
                    at += 8  # a short form under a long VR: the reserved field must be zero, so it is a length
                else:
                    if at + 12 > stop:
                        raise Refusal(Reason.BAD_HEADER, "an element is cut short")
                    length, at = word(data, at + 8)[0], at + 12
            else:
                vr, length, at = self._repair_vr(tag, at, vr, length, encoding)
            if tag in PIXEL_TAGS and depth == 0:
                table[tag] = (vr, at, length)
                break
            if tag in table and not self._same(table[tag], (vr, at, length)):
                raise Refusal(Reason.BAD_HEADER, "an element appears twice, with two values")
            table[tag] = (vr, at, length)
            if length == UNDEFINED:
                if vr and vr not in (b"SQ", b"UN"):
                    raise Refusal(Reason.BAD_HEADER, "an element that is no sequence has no length")
                inner = IMPLICIT_LITTLE if vr == b"UN" else encoding
                self.budget = budget
                end = self._skip_items(at, stop, inner, depth + 1)
                budget = self.budget
                table[tag] = (b"SQ" if vr != b"UN" else b"UN", at, end - at)
                at = end
            else:
                if length > stop - at:
                    if not outermost:
                        raise Refusal(Reason.BAD_HEADER, "an element is longer than what holds it")
                    at = self._resync(table, tag, stop)
                    continue
                at += length
            if only_one:
                break
        self.budget = budget
        return table, at

    def _same(self, one: Entry, two: Entry) -> bool:
        """Whether two entries hold the same bytes."""
        if two[1] + two[2] > len(self.data) < self.file_size and two[2] < self.file_size:
            raise NeedMore(two[1] + two[2])
        return self.data[one[1]:one[1] + one[2]] == self.data[two[1]:two[1] + two[2]]

    def _resync(self, table: dict[int, Entry], tag: int, stop: int) -> int:
        """Finds the next element after one whose length is wrong, and corrects that length.

        Only where two headers in a row are known to the dictionary, so that chance cannot invent an element.
        """
        entry = table.get(tag)
        self.repairs += 1
        if entry is None or self.repairs > _MOST_REPAIRS:
            raise Refusal(Reason.BAD_HEADER, "an element is longer than what holds it")
        vr, start, _ = entry
        for at in range(start, min(start + _SEARCH, len(self.data) - 12, stop)):
            after = plausible(self.data, at, tag, stop)
            if after is not None and (after[0] in PIXEL_TAGS or plausible(self.data, after[1], after[0], stop)):
                table[tag] = (vr, start, at - start)
                return at
        raise Refusal(Reason.BAD_HEADER, "an element's length is wrong, and no element follows")

    def _repair_vr(self, tag: int, at: int, vr: bytes, short: int, encoding: Encoding) -> tuple[bytes, int, int]:
        """Finds the length of an element whose VR is not one: by the dictionary, else as implicit."""
        word = struct.Struct("<I" if encoding.little else ">I").unpack_from
        known = dictionary_VR(tag)[:2].encode() if dictionary_has_tag(tag) else b""
        if known in _LONG and not short:
            return known, word(self.data, at + 8)[0], at + 12
        if known in _SHORT and (vr.isalpha() or short < 1 << 12):
            return known, short, at + 8
        if vr.isalpha() and vr.isupper():
            return (vr, word(self.data, at + 8)[0], at + 12) if not short else (vr, short, at + 8)
        return known or b"UN", word(self.data, at + 4)[0], at + 8

    def _skip_items(self, start: int, stop: int, encoding: Encoding, depth: int) -> int:
        """Byte after a sequence of undefined length."""
        head = struct.Struct("<HHI" if encoding.little else ">HHI").unpack_from
        at = start
        while at + 8 <= stop:
            if at + 8 > len(self.data):
                raise NeedMore(at + 8)
            self.budget -= 1
            if self.budget < 0:
                raise Refusal(Reason.BAD_HEADER, f"the header has more than {self.limits.elements} elements")
            group, number, length = head(self.data, at)
            tag = group << 16 | number
            at += 8
            if tag == SEQUENCE_END:
                return at
            if tag != ITEM:
                raise Refusal(Reason.BAD_HEADER, "a sequence holds something that is no item")
            if length == UNDEFINED:
                _, at = self.dataset(at, stop, encoding, depth, in_item=True)
            elif length > stop - at:
                raise Refusal(Reason.BAD_HEADER, "an item is longer than what holds it")
            else:
                at += length
        raise Refusal(Reason.BAD_HEADER, "a sequence has no end")

    def items(self, entry: Entry, encoding: Encoding, depth: int) -> list[Elements]:
        """The items of a sequence that the buffer holds in full."""
        vr, start, length = entry
        inner = IMPLICIT_LITTLE if vr == b"UN" else encoding
        head = struct.Struct("<HHI" if inner.little else ">HHI").unpack_from
        at, stop, found = start, start + length, []
        while at + 8 <= stop:
            group, number, size = head(self.data, at)
            tag = group << 16 | number
            at += 8
            if tag == SEQUENCE_END:
                break
            if tag != ITEM:
                raise Refusal(Reason.BAD_HEADER, "a sequence holds something that is no item")
            if size != UNDEFINED and size > stop - at:
                raise Refusal(Reason.BAD_HEADER, "an item is longer than what holds it")
            end = stop if size == UNDEFINED else at + size
            table, after = self.dataset(at, end, inner, depth + 1, in_item=size == UNDEFINED)
            at = after if size == UNDEFINED else end
            found.append(Elements(self, table, inner, depth + 1))
        return found


class Elements:
    """The elements of one data set; values are decoded on demand.

    Args:
        walker: the buffer.
        table: entries by tag.
        encoding: how values are written.
        depth: nesting.
    """

    __slots__ = ("depth", "encoding", "table", "walker")

    def __init__(self, walker: Walker, table: dict[int, Entry], encoding: Encoding, depth: int = 0) -> None:
        self.walker = walker
        self.table = table
        self.encoding = encoding
        self.depth = depth

    def __contains__(self, tag: int) -> bool:
        return tag in self.table

    def raw(self, tag: int) -> bytes:
        """The bytes of a value; empty when absent."""
        entry = self.table.get(tag)
        if entry is None:
            return b""
        return self.walker.data[entry[1]:entry[1] + entry[2]]

    def text(self, tag: int) -> str:
        """A value as text without padding and control characters; empty when absent."""
        entry = self.table.get(tag)
        if entry is None or entry[2] == 0:
            return ""
        value = self.walker.data[entry[1]:entry[1] + min(entry[2], 4096)]
        plain = value.decode("latin-1").strip(_STRIP)
        return plain if plain.isprintable() else "".join(c for c in plain if c.isprintable())

    def texts(self, tag: int) -> tuple[str, ...]:
        """A multi-valued text; empty when absent."""
        value = self.text(tag)
        return tuple(part.strip() for part in value.split("\\")) if value else ()

    def floats(self, tag: int, vr: bytes = b"DS") -> tuple[float, ...]:
        """Numbers, from text or binary.

        Args:
            tag: the element.
            vr: its value representation where the header does not state one.

        Raises:
            Refusal: a value is no finite number.
        """
        entry = self.table.get(tag)
        if entry is None or entry[2] == 0:
            return ()
        kind, start, length = entry
        code = _BINARY.get(vr if kind in (b"", b"UN") else kind)
        if code is not None:
            width = struct.calcsize(code)
            if length % width:
                raise Refusal(Reason.BAD_HEADER, f"element {tag:08X} has an odd length")
            order = "<" if self.encoding.little else ">"
            values: tuple[float, ...] = struct.unpack_from(f"{order}{length // width}{code}", self.walker.data, start)
        else:
            text = self.walker.data[start:start + length].decode("latin-1").strip(_STRIP)
            if not text:
                return ()
            try:
                values = tuple(map(float, text.split("\\")))
            except ValueError:
                raise Refusal(Reason.BAD_HEADER, f"element {tag:08X} is no number") from None
        for value in values:
            if not math.isfinite(value):
                raise Refusal(Reason.NON_FINITE, f"element {tag:08X} is not finite")
        return values

    def number(self, tag: int, vr: bytes = b"DS") -> float | None:
        """The first number of an element; ``None`` when absent."""
        values = self.floats(tag, vr)
        return values[0] if values else None

    def integer(self, tag: int, vr: bytes = b"US") -> int | None:
        """The first whole number of an element; ``None`` when absent."""
        value = self.number(tag, vr)
        if value is None:
            return None
        if value != int(value):
            raise Refusal(Reason.BAD_HEADER, f"element {tag:08X} is no whole number")
        return int(value)

    def items(self, tag: int) -> list[Elements]:
        """The items of a sequence; empty when absent."""
        entry = self.table.get(tag)
        if entry is None or entry[2] == 0:
            return []
        return self.walker.items(entry, self.encoding, self.depth)
