"""Bounds on what an untrusted file may cost, and the one exception by which a part of the reader refuses."""
from __future__ import annotations

from dataclasses import dataclass

from medtl.io.reasons import Reason


@dataclass(frozen=True)
class Limits:
    """Upper bounds for one call of the reader; past one of them an object is refused, not read slowly.

    Attributes:
        header_bytes: bytes before the pixel data of one file, also after inflating a deflated header.
        elements: data elements in one file, nested ones included.
        depth: nesting of sequences.
        files: files in one folder tree or archive.
        voxels: voxels of one volume, counted from the headers, with the slices that resampling would add.
        frame_pixels: pixels of one frame.
        compression: greatest ratio of decoded to encoded bytes that is believed.
        archive_bytes: bytes of all members of one zip together, after inflating.
    """

    header_bytes: int = 1 << 26
    elements: int = 200_000
    depth: int = 24
    files: int = 2_000_000
    voxels: int = 1 << 31
    frame_pixels: int = 1 << 28
    compression: int = 20_000
    archive_bytes: int = 1 << 34


DEFAULT_LIMITS = Limits()


class Refusal(Exception):
    """Raised inside the reader, caught at its surface and turned into a refused series.

    Args:
        reason: why.
        detail: one plain sentence, without paths or identifiers.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
