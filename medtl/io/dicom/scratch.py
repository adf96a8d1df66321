"""Buffers that one worker keeps from frame to frame, so that a stack is read without allocating per slice."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medtl.io.dicom.isolation import IsolatedDecoder
from medtl.io.dicom.sources import Source


@dataclass
class Scratch:
    """What one worker reuses.

    Attributes:
        buffers: native frames by shape and type.
        encoded_of: the object whose encoded or inflated bytes are held.
        encoded: those bytes.
        isolated: the child process for decoders that may abort; to be closed by the owner.
        fragments: offset table and fragments of encapsulated pixels.
    """

    buffers: dict[tuple[tuple[int, ...], str], NDArray[Any]] = field(default_factory=dict)
    encoded_of: Source | None = None
    encoded: bytes = b""
    isolated: IsolatedDecoder = field(default_factory=IsolatedDecoder)
    fragments: tuple[list[int], list[tuple[int, int]]] = field(default_factory=lambda: ([], []))

    def buffer(self, shape: tuple[int, ...], kind: np.dtype[Any]) -> NDArray[Any]:
        """An uninitialised array of this shape and type, the same one each time."""
        key = (shape, kind.str)
        if key not in self.buffers:
            self.buffers[key] = np.empty(shape, kind)
        return self.buffers[key]
