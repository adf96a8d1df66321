"""A seeded fuzzer of DICOM files: flips, cuts, swaps, and lies in tags, VRs and lengths."""
from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import pydicom
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO

CRITICAL = frozenset({
    0x00020010, 0x00080016, 0x00080060, 0x00080008, 0x0020000D, 0x0020000E, 0x00200052, 0x00200032, 0x00200037,
    0x00280002, 0x00280004, 0x00280008, 0x00280010, 0x00280011, 0x00280030, 0x00280100, 0x00280101, 0x00280102,
    0x00280103, 0x00280120, 0x00280121, 0x00281052, 0x00281053, 0x00281054, 0x00283000, 0x20500020, 0x7FE00010,
    0x00200012, 0x00180081, 0x00080018, 0x52009229, 0x52009230,
})
"""Elements on which identity, pixels or geometry rest."""


@dataclass(frozen=True)
class Span:
    """One element's bytes in a file: from ``start`` to ``value`` its header, to ``end`` its value."""

    tag: int
    start: int
    value: int
    end: int


def spans_of(data: bytes) -> list[Span]:
    """The elements of an explicit little endian file, by a walk of the fuzzer's own."""
    at, found = 132, []
    long = {b"OB", b"OW", b"SQ", b"UN", b"UT", b"OF", b"OD", b"UC", b"UR", b"OL"}
    while at + 8 <= len(data):
        tag = int.from_bytes(data[at:at + 2], "little") << 16 | int.from_bytes(data[at + 2:at + 4], "little")
        wide = data[at + 4:at + 6] in long
        value = at + (12 if wide else 8)
        length = int.from_bytes(data[at + 8:at + 12] if wide else data[at + 6:at + 8], "little")
        end = len(data) if length == 0xFFFFFFFF else value + length
        found.append(Span(tag, at, value, end))
        at = end
    return found


def mutate(data: bytes, spans: list[Span], rng: random.Random) -> tuple[bytes, str, bool]:
    """One mutant.

    Args:
        data: an intact file.
        spans: its elements.
        rng: the source of chance.

    Returns:
        The mutant, the kind of mutation, and whether every critical element is untouched and in reach.
    """
    kinds: list[Callable[[], tuple[bytes, bool]]] = []
    span = rng.choice(spans)
    critical = span.tag in CRITICAL

    def flip() -> tuple[bytes, bool]:
        if span.end <= span.value:
            return data, True
        at = rng.randrange(span.value, span.end)
        return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:], not critical

    def noise() -> tuple[bytes, bool]:
        piece = bytes(rng.randrange(256) for _ in range(span.end - span.value)) if span.end - span.value < 999 else b""
        return data[:span.value] + piece + data[span.value + len(piece):], not critical or not piece

    def cut() -> tuple[bytes, bool]:
        return data[:rng.randrange(len(data))], False

    def swap() -> tuple[bytes, bool]:
        body = [s for s in spans if s.tag >> 16 != 2 and s.tag < 0x7FE00000]
        number = rng.randrange(len(body) - 1)
        one, two = body[number], body[number + 1]
        moved = data[two.start:two.end] + data[one.start:one.end]
        return data[:one.start] + moved + data[two.end:], True

    def tag() -> tuple[bytes, bool]:
        at = span.start + rng.randrange(4)
        mutant = data[:at] + bytes([rng.randrange(256)]) + data[at + 1:]
        new = int.from_bytes(mutant[span.start:span.start + 2], "little") << 16 | int.from_bytes(
            mutant[span.start + 2:span.start + 4], "little")
        plain = new == span.tag or (new not in CRITICAL and new not in {s.tag for s in spans} and new >> 16 != 0xFFFE
                                    and new >> 16 != 0x7FE0)
        return mutant, not critical and plain and (span.tag >> 16 != 2) == (new >> 16 != 2)

    def vr() -> tuple[bytes, bool]:
        code = rng.choice([b"LO", b"DS", b"OB", b"UN", b"SQ", b"US", b"FD", b"??", b"\0\0", b"ZZ", b"ut"])
        return data[:span.start + 4] + code + data[span.start + 6:], not critical

    def length() -> tuple[bytes, bool]:
        at = span.value - 2 if span.value - span.start == 8 else span.value - 4 + rng.randrange(2)
        return data[:at] + bytes([rng.randrange(256)]) + data[at + 1:], not critical

    def drop() -> tuple[bytes, bool]:
        return data[:span.start] + data[span.end:], not critical

    def twice() -> tuple[bytes, bool]:
        return data[:span.end] + data[span.start:span.end] + data[span.end:], not critical

    kinds = [flip, flip, noise, cut, swap, tag, vr, length, drop, twice]
    chosen = rng.choice(kinds)
    mutant, intact = chosen()
    return mutant, chosen.__name__, intact


def pydicom_agrees(mutant: bytes, original: Dataset) -> bool:
    """Whether pydicom still finds the same pixels and geometry in a mutant."""
    try:
        ds = pydicom.dcmread(DicomBytesIO(mutant))
        same = all(ds.get(name) == original.get(name) for name in (
            "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope", "RescaleIntercept",
            "Modality", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID", "ImageType", "RescaleType",
            "PixelPaddingValue", "AcquisitionNumber", "PhotometricInterpretation", "BitsStored", "HighBit",
            "PixelRepresentation", "SOPInstanceUID", "EchoTime", "PerFrameFunctionalGroupsSequence",
            "SharedFunctionalGroupsSequence", "ModalityLUTSequence", "SamplesPerPixel", "BitsAllocated",
            "NumberOfFrames", "PlanarConfiguration", "SOPClassUID"))
        if not same or ds.file_meta.TransferSyntaxUID != original.file_meta.TransferSyntaxUID:
            return False
        return bool(ds.PixelData == original.PixelData and ds.Rows == original.Rows and ds.Columns == original.Columns)
    except Exception:
        return False
