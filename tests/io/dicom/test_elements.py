"""The walk over data elements: values, repairs of VRs and lengths, and bounds."""
from __future__ import annotations

import struct

import pytest

from medtl.io.dicom.elements import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Elements, Encoding, Walker
from medtl.io.dicom.limits import Limits, Refusal
from medtl.io.reasons import Reason


def _short(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value) if length is None else length) + value


PIXELS = struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OW", 0, 4) + b"abcd"


def _walk(data: bytes, encoding: Encoding = EXPLICIT_LITTLE, limits: Limits | None = None) -> Elements:
    walker = Walker(data, len(data), limits or Limits())
    return Elements(walker, walker.dataset(0, len(data), encoding, 0, in_item=False)[0], encoding)


def test_numbers_in_text_and_binary_and_either_order() -> None:
    data = _short(0x00280010, b"US", b"\x05\x00") + _short(0x00280030, b"DS", b"0.5\\2.5 ") + PIXELS
    e = _walk(data)
    assert e.integer(0x00280010) == 5
    assert e.floats(0x00280030) == (0.5, 2.5)
    big = struct.pack(">HH2sHH", 0x28, 0x10, b"US", 2, 5)
    assert _walk(big, EXPLICIT_BIG).integer(0x00280010) == 5
    implicit = struct.pack("<HHIH", 0x28, 0x10, 2, 5)
    assert _walk(implicit, IMPLICIT_LITTLE).integer(0x00280010) == 5


@pytest.mark.parametrize(("text", "reason"), [
    (b"abc ", Reason.BAD_HEADER), (b"1,5 ", Reason.BAD_HEADER), (b"nan ", Reason.NON_FINITE),
    (b"1e999 ", Reason.NON_FINITE),
])
def test_what_is_no_number_is_refused(text: bytes, reason: Reason) -> None:
    e = _walk(_short(0x00281053, b"DS", text) + PIXELS)
    with pytest.raises(Refusal) as caught:
        e.number(0x00281053)
    assert caught.value.reason is reason


def test_text_loses_its_control_characters() -> None:
    e = _walk(_short(0x00080070, b"LO", b"AC\x1b[31mME\n ") + PIXELS)
    assert e.text(0x00080070) == "AC[31mME"


@pytest.mark.parametrize("length", [0, 2, 3, 200, 65535])
def test_one_wrong_length_is_found_and_corrected(length: int) -> None:
    data = (_short(0x00080060, b"CS", b"CT") + _short(0x00080070, b"LO", b"MAKER INC ", length)
            + _short(0x00100020, b"LO", b"P-1 ") + _short(0x00280010, b"US", b"\x05\x00")
            + _short(0x00280011, b"US", b"\x06\x00") + PIXELS)
    e = _walk(data)
    assert e.text(0x00080070) == "MAKER INC"
    assert (e.integer(0x00280010), e.integer(0x00280011)) == (5, 6)


def test_an_element_with_two_values_is_refused_and_with_one_value_twice_is_not() -> None:
    one, two = _short(0x00280010, b"US", b"\x05\x00"), _short(0x00280010, b"US", b"\x06\x00")
    assert _walk(one + one + PIXELS).integer(0x00280010) == 5
    with pytest.raises(Refusal):
        _walk(one + two + PIXELS)


def test_sequences_of_either_length_hold_the_same_items() -> None:
    inner = _short(0x00080060, b"CS", b"MR")
    stated = struct.pack("<HHI", 0xFFFE, 0xE000, len(inner)) + inner
    unstated = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF) + inner + struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
    for item in (stated, unstated):
        known = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, len(item)) + item
        endless = (struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF) + item
                   + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0))
        for sequence in (known, endless):
            (found,) = _walk(sequence + PIXELS).items(0x00081140)
            assert found.text(0x00080060) == "MR"


def test_depth_and_number_of_elements_are_bounded() -> None:
    deep = (struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF)
            + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)) * 1000
    with pytest.raises(Refusal, match="deep"):
        _walk(deep)
    many = b"".join(_short(0x00090000 + n, b"LO", b"") for n in range(50))
    with pytest.raises(Refusal, match="more than 20 elements"):
        _walk(many, limits=Limits(elements=20))
