"""A series judged from its headers alone, and the one step that reads its pixels."""
from __future__ import annotations

import hashlib
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from medtl.io.dicom.geometry import Geometry
from medtl.io.dicom.headers import NATIVE
from medtl.io.dicom.instances import Frame
from medtl.io.dicom.limits import DEFAULT_LIMITS, Limits, Refusal
from medtl.io.dicom.lut import AIR_HU, to_values
from medtl.io.dicom.pixels import read_stored
from medtl.io.dicom.regrid import regular_places, resample_slices
from medtl.io.dicom.scratch import Scratch
from medtl.io.reasons import Reason, verdict_of
from medtl.io.series import Series
from medtl.io.volume import Unit, Volume, lps_to_ras

Voxels = NDArray[np.float32]
_THREADS = 4


@dataclass(frozen=True)
class Options:
    """How the reader decides where the rules leave a choice.

    Attributes:
        missing: refuse a stack with missing slices, or interpolate them and record it.
        unequal: refuse a stack of unequal steps, or resample it from the true positions and record it.
        digests: keep a SHA-256 of every file.
        salt: key of the station hash; without one there is none.
        limits: bounds on hostile input.
        threads: workers for pixels; ``None`` chooses.
    """

    missing: Literal["refuse", "interpolate"] = "refuse"
    unequal: Literal["refuse", "resample"] = "refuse"
    digests: bool = False
    salt: bytes | None = field(default=None, repr=False)
    limits: Limits = DEFAULT_LIMITS
    threads: int | None = None


@dataclass(frozen=True, eq=False)
class SeriesPlan:
    """One series, judged from its headers.

    Attributes:
        header: the series without its volume; its verdict is final when refused, else what the headers promise.
        frames: its slices in order along the normal; empty when refused.
        copies: (kept, other) pairs whose pixels must agree.
        geometry: where the slices lie; ``None`` when refused.
        options: how to read.
    """

    header: Series
    frames: tuple[Frame, ...] = field(default=(), repr=False)
    copies: tuple[tuple[Frame, Frame], ...] = field(default=(), repr=False)
    geometry: Geometry | None = field(default=None, repr=False)
    options: Options = field(default=Options(), repr=False)

    def load(self) -> Series:
        """Reads the pixels.

        Returns:
            The series with its volume, or refused with a reason that only the pixels showed.
        """
        if self.geometry is None or self.header.verdict == "refused":
            return self.header
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # decoders warn about what the size checks have judged already
                return self._read(self.geometry)
        except Refusal as refusal:
            return refused(self.header, refusal.reason, refusal.detail)
        except MemoryError:
            return refused(self.header, Reason.TOO_LARGE, "the volume does not fit into memory")

    def _read(self, geometry: Geometry) -> Series:
        first = self.frames[0]
        assert first.instance.layout is not None
        self._check_copies()
        stack: Voxels = np.empty((len(self.frames), first.instance.layout.rows, first.instance.layout.columns), "f4")
        is_ct = first.instance.modality == "CT"
        padded = self._fill(stack, AIR_HU if is_ct else float("nan"))
        reasons, repairs = list(self.header.reasons), list(self.header.repairs)
        if padded and is_ct:
            reasons.append(Reason.PADDING_SET_TO_AIR)
        elif padded:
            reasons.append(Reason.PADDING_FOUND)
            lowest = np.nanmin(stack) if not np.isnan(stack).all() else np.float32(0)
            np.copyto(stack, lowest, where=np.isnan(stack))
        if geometry.steps != "uniform":
            stack = resample_slices(stack, geometry.places if geometry.steps == "gaps" else geometry.along_mm(),
                                    regular_places(geometry))
        affine = lps_to_ras(geometry.affine_lps)
        unit: Unit = "HU" if is_ct else "optical" if first.instance.layout.samples == 3 else "stored"
        volume = Volume(stack.transpose(2, 1, 0), affine, geometry.spacing_mm, unit)
        digests = tuple(file_digest(frame) for frame in self.frames) if self.options.digests else ()
        return replace(
            self.header, volume=volume, reasons=tuple(dict.fromkeys(reasons)), verdict=verdict_of(reasons),
            repairs=tuple(repairs), shape=(stack.shape[2], stack.shape[1], stack.shape[0]), digests=digests)

    def _check_copies(self) -> None:
        one, two = Scratch(), Scratch()
        with one.isolated, two.isolated:
            for kept, other in self.copies:
                mine, theirs = (read_stored(f, self.options.limits, s) for f, s in ((kept, one), (other, two)))
                same = (kept.rescale.slope, kept.rescale.intercept) == (other.rescale.slope, other.rescale.intercept)
                if not same or not np.array_equal(mine, theirs):
                    raise Refusal(Reason.AMBIGUOUS_POSITION, "slices share a position but not their pixels")

    def _fill(self, stack: Voxels, fill: float) -> bool:
        """Reads every slice into its place; returns whether any had padding."""
        native = all(f.instance.layout is not None and f.instance.layout.syntax in NATIVE for f in self.frames)
        wanted = self.options.threads or min(_THREADS, os.cpu_count() or 1)
        workers = max(1, min(wanted, len(self.frames) // 4)) if native else 1

        def work(start: int) -> bool:
            scratch, padded = Scratch(), False
            with scratch.isolated:
                for number in range(start, len(self.frames), workers):
                    frame = self.frames[number]
                    padded |= to_values(frame, read_stored(frame, self.options.limits, scratch), stack[number], fill)
            return padded

        if workers == 1:
            return work(0)
        with ThreadPoolExecutor(workers) as pool:
            return any(list(pool.map(work, range(workers))))


def refused(series: Series, reason: Reason, detail: str) -> Series:
    """The same series, refused for one reason more."""
    return replace(
        series, verdict="refused", volume=None, reasons=tuple(dict.fromkeys((*series.reasons, reason))),
        details=(*series.details, detail))


def file_digest(frame: Frame) -> str:
    """SHA-256 of the file that holds a frame."""
    source = frame.instance.source
    digest, at = hashlib.sha256(), 0
    buffer = bytearray(1 << 20)
    while count := source.read_into(at, memoryview(buffer)):
        digest.update(buffer[:count])
        at += count
        if count < len(buffer):
            break
    return digest.hexdigest()

