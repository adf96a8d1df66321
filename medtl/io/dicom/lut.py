"""From stored values to modality values, one frame at a time, in float32: padding, bits, inversion, modality LUT.

The order is fixed: padding is found in stored units before anything else, and set last.
"""
from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from medtl.io.dicom.instances import Frame, Instance, PixelLayout
from medtl.io.dicom.limits import Refusal
from medtl.io.dicom.pixels import Stored, honour_bits
from medtl.io.reasons import Reason

AIR_HU = -1000.0
_INVERTED = frozenset({"CR", "DX", "MG", "RG", "XA", "RF", "IO", "PX"})


def inverts(instance: Instance) -> bool:
    """Whether low stored values of this object mean bright: only for projection radiographs, never for CT or PT."""
    return instance.inverse and instance.modality in _INVERTED


def check_rescale(frame: Frame) -> None:
    """Refuses a CT or PET whose values cannot become what they measure.

    Raises:
        Refusal: no rescale, or one to other units.
    """
    if frame.instance.modality not in ("CT", "PT"):
        return
    if not frame.rescale.stated:
        raise Refusal(Reason.NO_RESCALE, "RescaleSlope or RescaleIntercept is missing")
    if frame.instance.modality == "CT" and frame.rescale.kind not in ("", "HU"):
        raise Refusal(Reason.NOT_HOUNSFIELD, "the RescaleType is not HU")


def to_values(frame: Frame, contained: Stored, out: NDArray[np.float32], fill: float) -> bool:
    """Turns the contained pixels of one frame into modality values.

    Args:
        frame: whose padding, bits and rescale hold.
        contained: (rows, columns) as ``read_stored`` gives them; may be overwritten.
        out: (rows, columns), receives the values.
        fill: what padding becomes.

    Returns:
        Whether there was padding.
    """
    instance, layout = frame.instance, frame.instance.layout
    assert layout is not None
    if layout.samples == 3:
        out[...] = contained
        return False
    mask = None if instance.padding is None else _padding_mask(contained, instance.padding, layout)
    stored = honour_bits(contained, layout)
    if mask is None and instance.padding is not None:
        mask = _within(stored, instance.padding)
    slope, intercept = frame.rescale.slope, frame.rescale.intercept
    if inverts(instance):
        # about the stored bit range: v -> (lowest + highest) - v, folded into the line where there is no table
        ends = -1 if layout.signed else (1 << layout.stored) - 1
        if frame.rescale.table is None:
            slope, intercept = -slope, intercept + slope * ends
        else:
            stored = ends - stored.astype(np.int64)
    if frame.rescale.table is not None:
        table = frame.rescale.table
        np.take(table, np.clip(stored.astype(np.int64) - frame.rescale.first, 0, len(table) - 1), out=out)
    elif layout.allocated == 32:
        out[...] = stored * slope + intercept  # 32-bit integers lose digits in float32 before the slope
    elif slope == 1.0:
        np.add(stored, np.float32(intercept), out=out, dtype=np.float32, casting="unsafe")
    else:
        np.multiply(stored, np.float32(slope), out=out, dtype=np.float32, casting="unsafe")
        if intercept:
            out += np.float32(intercept)
    if mask is not None and mask.any():
        out[mask] = fill
        return True
    return False


def _padding_mask(contained: Stored, padding: tuple[int, int], layout: PixelLayout) -> NDArray[np.bool_] | None:
    """The mask in contained values when the padding does not fit into BitsStored; else it is found after the bits."""
    low = -(1 << (layout.stored - 1)) if layout.signed else 0
    high = low + (1 << layout.stored) - 1
    return None if low <= padding[0] and padding[1] <= high else _within(contained, padding)


def _within(values: NDArray[Any], bounds: tuple[int, int]) -> NDArray[np.bool_]:
    if bounds[0] == bounds[1]:
        found: NDArray[np.bool_] = values == bounds[0]
        return found
    return (values >= bounds[0]) & (values <= bounds[1])
