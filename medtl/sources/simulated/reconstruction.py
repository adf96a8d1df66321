"""Filtered back-projection with a scanner's kernel, in Hounsfield units.

Reference:
    Kak and Slaney, Principles of Computerized Tomographic Imaging, 1988, chapter 3: the band-limited ramp, equation 61.
"""
from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from medtl.sources.simulated.geometry import Geometry, backprojection_matrix, reconstruction_circle
from medtl.sources.simulated.scanner import Kernel


def gain(kernel: Kernel, frequency: NDArray[np.float64]) -> NDArray[np.float64]:
    """The kernel's factor on the ramp.

    Args:
        kernel: roll-off and lift.
        frequency: fraction of Nyquist, 0 to 1.

    Returns:
        Factors, 1 at frequency 0.
    """
    rolled = np.exp(-np.log(2.0) * (frequency / kernel.cutoff) ** kernel.steepness)
    lifted = 1.0 + kernel.lift * np.exp(-(((frequency - kernel.lift_at) / 0.28) ** 2))
    lifted /= 1.0 + kernel.lift * np.exp(-((kernel.lift_at / 0.28) ** 2))
    return np.asarray(rolled * lifted, dtype=np.float64)


@lru_cache(maxsize=16)
def filter_matrix(geometry: Geometry, kernel: Kernel) -> NDArray[np.float32]:
    """The filter as a matrix over the detector, so that no wrap-around needs padding.

    Args:
        geometry: gives bins and pitch.
        kernel: the kernel.

    Returns:
        float32, (bins, bins), in 1/cm.
    """
    length = 8 * geometry.bins
    pitch_cm = geometry.pitch_mm / 10.0
    taps = np.arange(length) - length // 2
    ramp = np.zeros(length)
    ramp[taps == 0] = 1.0 / (4.0 * pitch_cm**2)
    odd = taps % 2 == 1
    ramp[odd] = -1.0 / (np.pi * taps[odd] * pitch_cm) ** 2
    frequency = np.asarray(np.fft.rfftfreq(length) * 2.0, dtype=np.float64)
    response = np.fft.irfft(np.fft.rfft(np.fft.ifftshift(ramp)) * gain(kernel, frequency), length) * pitch_cm
    lag = np.arange(geometry.bins)[:, None] - np.arange(geometry.bins)[None, :]
    taken: NDArray[np.float32] = response[lag % length].astype(np.float32)
    return taken


def reconstruct(
    lines: NDArray[np.float32], geometry: Geometry, kernel: Kernel, fov_mm: float, size: int, padding: int
) -> NDArray[np.float32]:
    """Reconstruct slices from their sinograms.

    Args:
        lines: g/cm^2 of water, (angles, bins, slices).
        geometry: scan geometry.
        kernel: reconstruction kernel.
        fov_mm: width of the field of view.
        size: pixels in each direction.
        padding: value outside the reconstruction circle.

    Returns:
        HU, (size, size, slices): rows from front to back, columns from the patient's right to left; water 0, air -1000.
    """
    filtered = np.matmul(filter_matrix(geometry, kernel), lines).reshape(geometry.angles * geometry.bins, -1)
    density: NDArray[np.float32] = backprojection_matrix(geometry, size, fov_mm) @ filtered
    hu = (density.reshape(size, size, -1) - np.float32(1.0)) * np.float32(1000.0)
    hu[~reconstruction_circle(size)] = padding
    return hu
