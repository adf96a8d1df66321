"""Decodes encapsulated frames with the decoders that pydicom finds, after checking what each codestream promises."""
from __future__ import annotations

import re
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medtl.io.dicom.instances import Frame, PixelLayout
from medtl.io.dicom.isolation import DecoderDied
from medtl.io.dicom.limits import Refusal
from medtl.io.dicom.scratch import Scratch
from medtl.io.reasons import Reason

_JPEG = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 57, 70))
_JPEG_2000 = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (90, 91, 201, 202, 203))
_TRUST = {"pydicom": 0, "pyjpegls": 1, "pylibjpeg": 2, "pillow": 3, "gdcm": 4}
_ABORTS = frozenset({"gdcm"})
"""Decoders that end the whole process on some damaged codestreams."""


def decode_frame(frame: Frame, scratch: Scratch) -> tuple[NDArray[Any], str]:
    """Decodes one frame.

    Args:
        frame: which.
        scratch: keeps the encoded bytes of the last file between its frames.

    Returns:
        (rows, columns) or (rows, columns, 3), in the container that the header states, and the photometric
        interpretation after decoding: a codestream may undo its own colour transform.

    Raises:
        Refusal: no decoder is installed, or the codestream is damaged or contradicts the header.
    """
    from pydicom.pixels import get_decoder
    from pydicom.uid import UID

    layout = frame.instance.layout
    assert layout is not None
    if not re.fullmatch(r"[0-9.]{1,64}", layout.syntax):
        raise Refusal(Reason.UNDECODABLE_SYNTAX, "the transfer syntax is no UID")
    name = UID(layout.syntax).name
    try:
        decoder = get_decoder(UID(layout.syntax))
    except NotImplementedError:
        raise Refusal(Reason.UNDECODABLE_SYNTAX, f"no decoder exists for {_plain(name)}") from None
    plugins = [name for name in decoder.available_plugins if name != "pylibjpeg" or layout.syntax in _JPEG_2000]
    plugins.sort(key=lambda plugin: _TRUST.get(plugin, len(_TRUST)))
    if not plugins:
        raise Refusal(Reason.UNDECODABLE_SYNTAX, f"no decoder is installed for {_plain(name)}")
    encoded = _encoded(frame, layout, scratch)
    _check_codestream(encoded, layout)
    options: dict[str, Any] = {
        "rows": layout.rows, "columns": layout.columns, "samples_per_pixel": layout.samples,
        "number_of_frames": 1, "bits_allocated": layout.allocated, "bits_stored": layout.stored,
        "pixel_representation": int(layout.signed), "photometric_interpretation": layout.photometric,
        "pixel_keyword": "PixelData", "planar_configuration": layout.planar,
    }
    array, photometric = _first_answer(decoder, plugins, layout, _capsule(encoded), options, scratch, _plain(name))
    shape = (layout.rows, layout.columns) if layout.samples == 1 else (layout.rows, layout.columns, 3)
    if array.shape != shape:
        raise Refusal(Reason.CORRUPT_PIXELS, f"{_plain(name)} pixels decode to another size")
    least, most = int(array.min()), int(array.max())
    if most >= 1 << layout.stored or least < -(1 << (layout.stored - 1)):
        raise Refusal(Reason.CORRUPT_PIXELS, f"{_plain(name)} pixels exceed the {layout.stored} bits that are stated")
    return np.array(array), photometric


def _first_answer(
    decoder: Any, plugins: list[str], layout: PixelLayout, encoded: bytes, options: dict[str, Any], scratch: Scratch,
    name: str,
) -> tuple[NDArray[Any], str]:
    """The answer of the first decoder that gives one; those known to abort run in a child process."""
    failure = ""
    for plugin in plugins:
        try:
            if plugin in _ABORTS:
                return scratch.isolated.decode(layout.syntax, plugin, encoded, options)
            array, facts = decoder.as_array(
                encoded, index=0, raw=True, validate=True, decoding_plugin=plugin, **options)
            return array, str(facts.get("photometric_interpretation", layout.photometric))
        except MemoryError:
            raise Refusal(Reason.TOO_LARGE, f"{name} pixels need too much memory") from None
        except Exception as error:  # decoders raise what they like
            failure = type(error).__name__ if not isinstance(error, DecoderDied) else str(error)
        if layout.syntax not in _JPEG:
            break  # a second decoder of these would only be a second chance to abort
    raise Refusal(Reason.CORRUPT_PIXELS, f"{name} pixels cannot be decoded ({failure})")


def _capsule(encoded: bytes) -> bytes:
    """One frame as pixel data of its own: an empty offset table, one fragment, a delimiter."""
    encoded += b"\0" * (len(encoded) & 1)
    return (struct.pack("<HHI", 0xFFFE, 0xE000, 0) + struct.pack("<HHI", 0xFFFE, 0xE000, len(encoded)) + encoded
            + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0))


def _encoded(frame: Frame, layout: PixelLayout, scratch: Scratch) -> bytes:
    """The codestream of one frame."""
    source = frame.instance.source
    if scratch.encoded_of is not source:
        data = bytearray(max(layout.file_size - layout.offset, 0))
        got = source.read_into(layout.offset, memoryview(data))
        scratch.encoded = bytes(data[:got])
        scratch.encoded_of = source
        scratch.fragments = _fragments(scratch.encoded)
    data_, (table, fragments) = scratch.encoded, scratch.fragments
    if layout.frames == 1:
        chosen = fragments
    elif len(fragments) == layout.frames:
        chosen = fragments[frame.index:frame.index + 1]
    elif len(table) == layout.frames:
        first = fragments[0][0] - 8 if fragments else 0
        begin = first + table[frame.index]
        end = first + table[frame.index + 1] if frame.index + 1 < len(table) else len(data_)
        chosen = [part for part in fragments if begin <= part[0] - 8 < end]
    else:
        raise Refusal(Reason.CORRUPT_PIXELS, "the fragments of compressed pixels cannot be assigned to frames")
    if not chosen:
        raise Refusal(Reason.SIZE_MISMATCH, "a compressed frame has no fragments")
    return b"".join(data_[start:start + length] for start, length in chosen)


def _fragments(data: bytes) -> tuple[list[int], list[tuple[int, int]]]:
    """The basic offset table, and start and length of each fragment (PS3.5 A.4)."""
    at, found, ended = 0, [], False
    while at + 8 <= len(data):
        group, number, length = struct.unpack_from("<HHI", data, at)
        at += 8
        if (group, number) == (0xFFFE, 0xE0DD):
            ended = True
            break
        if (group, number) != (0xFFFE, 0xE000) or at + length > len(data):
            raise Refusal(Reason.SIZE_MISMATCH, "the fragments of compressed pixels are cut short or malformed")
        found.append((at, length))
        at += length
    if not found or not ended:
        raise Refusal(Reason.SIZE_MISMATCH, "the fragments of compressed pixels have no end")
    start, length = found[0]
    table = list(struct.unpack_from(f"<{length // 4}I", data, start))
    return table, found[1:]


def _check_codestream(encoded: bytes, layout: PixelLayout) -> None:
    """Compares the size in the codestream's own header with the DICOM header's, so that neither can ask for more."""
    size = _jpeg_size(encoded) if encoded[:2] == b"\xff\xd8" else _j2k_size(encoded)
    if size is not None and size != (layout.rows, layout.columns, layout.samples):
        raise Refusal(Reason.SIZE_MISMATCH, "the codestream's size contradicts the header's")


def _jpeg_size(data: bytes) -> tuple[int, int, int] | None:
    at = 2
    while at + 10 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)):
            rows, columns = struct.unpack_from(">HH", data, at + 5)
            return rows, columns, data[at + 9]
        elif 0xD0 <= marker <= 0xD8 or marker == 0x01:
            at += 2
        else:
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return None


def _j2k_size(data: bytes) -> tuple[int, int, int] | None:
    at = data.find(b"\xff\x4f\xff\x51", 0, 4096)
    if at < 0 or at + 42 > len(data):
        return None
    columns, rows, x, y = struct.unpack_from(">IIII", data, at + 8)
    components = struct.unpack_from(">H", data, at + 40)[0]
    return rows - y, columns - x, components


def _plain(name: str) -> str:
    return name if len(name) < 100 and name.isprintable() else "an unknown transfer syntax"
