"""Stored pixels of a frame: the size checked before a byte is read, native frames read in place, others decoded."""
from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from medtl.io.dicom.compressed import decode_frame
from medtl.io.dicom.elements import PIXEL_DATA, UNDEFINED
from medtl.io.dicom.headers import BIG_ENDIAN, DEFLATED, NATIVE, open_header
from medtl.io.dicom.instances import Frame, PixelLayout
from medtl.io.dicom.limits import Limits, Refusal
from medtl.io.dicom.scratch import Scratch
from medtl.io.reasons import Reason

Stored = NDArray[Any]
_GREY = frozenset({"MONOCHROME1", "MONOCHROME2"})
_COLOUR = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "YBR_PARTIAL_420"})


def frame_bytes(layout: PixelLayout) -> int:
    """Bytes of one uncompressed frame."""
    samples = 2 if layout.photometric == "YBR_FULL_422" and layout.syntax in NATIVE else layout.samples
    return (layout.rows * layout.columns * samples * layout.allocated + 7) // 8


def check_size(layout: PixelLayout, limits: Limits) -> None:
    """Compares what the header promises with what the file can hold, before a pixel is read.

    Raises:
        Refusal: the layout is unknown, past the limits, or contradicts the file's size.
    """
    if layout.tag != PIXEL_DATA:
        raise Refusal(Reason.UNSUPPORTED_PIXELS, "the pixels are floating point values, which are not read")
    if layout.frames < 1:
        raise Refusal(Reason.BAD_HEADER, "NumberOfFrames is not positive")
    if layout.allocated not in (8, 16, 32) or not 0 < layout.stored <= layout.allocated:
        raise Refusal(
            Reason.UNSUPPORTED_PIXELS, f"{layout.stored} bits stored in {layout.allocated} bits are not supported")
    if not layout.stored - 1 <= layout.high < layout.allocated:
        raise Refusal(Reason.BAD_HEADER, f"HighBit {layout.high} contradicts BitsStored {layout.stored}")
    if layout.photometric in _GREY and layout.samples != 1:
        raise Refusal(Reason.BAD_HEADER, f"{layout.photometric} with {layout.samples} samples per pixel")
    if layout.photometric not in _GREY | _COLOUR:
        raise Refusal(Reason.UNSUPPORTED_PIXELS, "the photometric interpretation is neither grey nor RGB or YBR")
    if layout.photometric in _COLOUR and (layout.samples != 3 or layout.allocated != 8):
        raise Refusal(Reason.UNSUPPORTED_PIXELS, "colour pixels are not 3 samples of 8 bits")
    pixels = layout.rows * layout.columns * layout.samples
    if pixels > limits.frame_pixels or pixels * layout.frames > limits.voxels:
        raise Refusal(
            Reason.TOO_LARGE, f"{layout.columns} x {layout.rows} x {layout.frames} is past the limit of the reader")
    held = layout.file_size - layout.offset
    if layout.syntax in NATIVE:
        need = (layout.rows * layout.columns * layout.samples * layout.allocated * layout.frames + 7) // 8
        if layout.photometric == "YBR_FULL_422":
            need = frame_bytes(layout) * layout.frames
        if layout.length == UNDEFINED:
            raise Refusal(Reason.BAD_HEADER, "native pixels have no length")
        if need > held or need > layout.length:
            raise Refusal(Reason.SIZE_MISMATCH, f"{need} pixel bytes are promised, {min(held, layout.length)} are held")
        if layout.length > need + (need & 1):
            raise Refusal(Reason.SIZE_MISMATCH, f"{need} pixel bytes are promised, but {layout.length} are stated")
    elif layout.length != UNDEFINED:
        raise Refusal(Reason.BAD_HEADER, "compressed pixels are not encapsulated")
    elif pixels * layout.frames * layout.allocated // 8 > limits.compression * max(held, 0):
        raise Refusal(Reason.SIZE_MISMATCH, f"{held} encoded bytes cannot hold the pixels promised")


def container(layout: PixelLayout) -> np.dtype[Any]:
    """The type of one stored sample, signed as the header says."""
    order = ">" if layout.syntax == BIG_ENDIAN else "<"
    return np.dtype(f"{order}{'i' if layout.signed else 'u'}{layout.allocated // 8}")


def _native_frame(frame: Frame, buffer: Stored, limits: Limits, scratch: Scratch) -> Stored:
    """Reads one uncompressed frame into a buffer that the worker keeps."""
    layout = frame.instance.layout
    assert layout is not None
    size = frame_bytes(layout)
    offset = layout.offset + frame.index * size
    view = buffer.reshape(-1).view(np.uint8).data
    if layout.syntax == DEFLATED:
        if scratch.encoded_of is not frame.instance.source:
            scratch.encoded = open_header(frame.instance.source, limits).inflated or b""
            scratch.encoded_of = frame.instance.source
        part = scratch.encoded[offset:offset + size]
        view[:len(part)] = part
        got = len(part)
    else:
        got = frame.instance.source.read_into(offset, view)
    if got != size:
        raise Refusal(Reason.SIZE_MISMATCH, f"{size} pixel bytes are promised, {got} are held")
    return buffer


def honour_bits(stored: Stored, layout: PixelLayout) -> Stored:
    """Clears overlays and rubbish beyond BitsStored, and extends the sign from the highest stored bit (PS3.5 8.1).

    Args:
        stored: values as contained; may be changed in place.
        layout: HighBit, BitsStored, BitsAllocated and PixelRepresentation.

    Returns:
        Values in stored units.
    """
    if layout.stored == layout.allocated:
        return stored
    left = layout.allocated - 1 - layout.high
    right = layout.allocated - layout.stored
    if not layout.signed and not left:
        stored >>= right
        return stored
    if not layout.signed and layout.high == layout.stored - 1:
        stored &= stored.dtype.type((1 << layout.stored) - 1)
        return stored
    stored <<= left
    stored >>= right
    return stored


def read_stored(frame: Frame, limits: Limits, scratch: Scratch) -> Stored:
    """The pixels of one frame as contained, before ``honour_bits``.

    Args:
        frame: which.
        limits: bounds.
        scratch: the worker's buffers.

    Returns:
        (rows, columns); for colour the luminance, float32 in [0, 1].

    Raises:
        Refusal: they cannot be read or decoded.
    """
    layout = frame.instance.layout
    assert layout is not None
    if layout.syntax not in NATIVE:
        decoded, photometric = decode_frame(frame, scratch)
        return decoded if layout.samples == 1 else luminance(decoded, photometric)
    shape = (layout.rows, layout.columns) if layout.samples == 1 else (frame_bytes(layout),)
    buffer = _native_frame(frame, scratch.buffer(shape, container(layout)), limits, scratch)
    if layout.samples == 1:
        return buffer
    return luminance(_interleaved(buffer, layout), layout.photometric)


def _interleaved(buffer: Stored, layout: PixelLayout) -> Stored:
    if layout.photometric == "YBR_FULL_422":
        pairs = buffer.reshape(layout.rows, -1, 4)  # Y1 Y2 Cb Cr
        luma = pairs[:, :, :2].reshape(layout.rows, -1)
        chroma = np.repeat(pairs[:, :, 2:], 2, axis=1)
        return np.concatenate([luma[:, :, None], chroma], axis=2)
    if layout.planar:
        return buffer.reshape(3, layout.rows, layout.columns).transpose(1, 2, 0)
    return buffer.reshape(layout.rows, layout.columns, 3)


def luminance(colour: Stored, photometric: str) -> NDArray[np.float32]:
    """Luminance of 8-bit colour in [0, 1]: Y itself where stored, else ITU-R BT.601 of RGB.

    Args:
        colour: (rows, columns, 3), uint8.
        photometric: RGB or a YBR form.

    Returns:
        (rows, columns), float32.
    """
    if photometric.startswith("YBR"):
        return colour[:, :, 0].astype(np.float32) / np.float32(255)
    weights = np.array([0.299, 0.587, 0.114], np.float32) / np.float32(255)
    return colour.astype(np.float32) @ weights
