"""From a volume to the array that a model sees, the same in training and in a clinic."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medtl.config.sections import InputSection
from medtl.data.geometry import display_of, fitted, oriented, orthogonal, spread
from medtl.data.harmonize_histogram import HistogramMatching
from medtl.data.harmonize_site import SiteScaling
from medtl.data.windows import HU_WINDOWS, PERCENTILES, check_unit, limits
from medtl.errors import IntegrityError
from medtl.io.volume import Volume

VERSION = 2
"""Of what this module computes; it is part of every cache key and every package."""
_GREY_MAPS: tuple[type[HistogramMatching] | type[SiteScaling], ...] = (HistogramMatching, SiteScaling)


@dataclass(frozen=True)
class Preprocess:
    """Window, planes, slices and size; then harmonisation, where a run has one.

    Attributes:
        section: ``data.input`` of the config.
        harmonize: what is done to the grey values of the prepared scan, or None.
    """

    section: InputSection = field(default_factory=InputSection)
    harmonize: HistogramMatching | SiteScaling | None = None

    def __call__(self, volume: Volume) -> NDArray[np.float32]:
        """Prepares one volume.

        Tilted stacks are resampled to an orthogonal grid. Slices are shown as in reading (axial: the patient's left on
        the right, front up; first slice the lowest), chosen evenly over the depth or repeated, scaled so that the
        window's ends become 0 and 1, and fitted into a square: with ``spacing_mm`` at that pixel size, cropped or
        padded at the centre; else so that the longer side fits, padded with 0.

        Args:
            volume: from a reader.

        Returns:
            float32 in [0, 1], (slices, 1, size, size), rows downward.

        Raises:
            UnitError: the window does not fit the volume's unit.
        """
        import torch
        from torch.nn.functional import interpolate

        wanted = self.section
        low, high = limits(wanted.window, volume)
        volume = orthogonal(volume)
        display = display_of(volume)
        depth = volume.array.shape[display.axis]
        chosen = sorted(depth - 1 - i if display.reverse else i for i in spread(depth, wanted.slices))
        part = np.ascontiguousarray(np.take(volume.array, chosen, axis=display.axis), dtype=np.float32)
        image = oriented(part, volume.affine, display.codes) if display.codes else part
        shown = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 1, 0)))  # (slices, rows, columns)
        shown = ((shown - low) / (high - low)).clamp(0.0, 1.0) if high > low else torch.zeros_like(shown)
        size = self._size(shown.shape[1], shown.shape[2], display.pixel_mm)
        # not MONAI's Resize: its anti-aliasing takes what lies beyond the border for 0 and darkens the border by 8 %
        shown = interpolate(shown[None], size, mode="bilinear", antialias=True)[0]
        array = fitted(shown.clamp(0.0, 1.0).numpy(), wanted.size)
        return array[:, None] if self.harmonize is None else self.harmonize(array[:, None])

    def _size(self, rows: int, columns: int, pixel_mm: tuple[float, float]) -> tuple[int, int]:
        """Rows and columns after scaling, at the true aspect."""
        extent = rows * pixel_mm[1], columns * pixel_mm[0]
        scale = 1.0 / self.section.spacing_mm if self.section.spacing_mm else self.section.size / max(extent)
        return max(1, round(extent[0] * scale)), max(1, round(extent[1] * scale))

    def check_unit(self, unit: Any) -> None:
        """Raises UnitError for a unit that the window does not fit, before anything is read."""
        check_unit(self.section.window, unit)

    def contract(self) -> dict[str, Any]:
        """All that another program must know to prepare scans alike; JSON-able."""
        wanted = self.section
        bounds: list[float] | None = None
        if wanted.window in HU_WINDOWS:
            bounds = list(HU_WINDOWS[wanted.window])
        elif wanted.window == "none":
            bounds = [0.0, 1.0]
        told = {
            "version": VERSION,
            "window": wanted.window,
            "unit": "HU" if wanted.window in HU_WINDOWS else "optical" if wanted.window == "none" else "any",
            "limits": bounds,
            "percentiles": list(PERCENTILES) if wanted.window == "percentiles" else None,
            "size": wanted.size,
            "slices": wanted.slices,
            "spacing_mm": wanted.spacing_mm,
            "planes": "axial (columns to left, rows to posterior, slices to superior); thick stacks as acquired",
            "layout": "slices, 1, rows, columns",
            "range": [0.0, 1.0],
            "resize": "bilinear, anti-aliased over the true extent, aspect kept, centred, padded with 0",
        }
        return told if self.harmonize is None else {**told, "harmonize": self.harmonize.contract()}

    @classmethod
    def from_contract(cls, contract: Mapping[str, Any]) -> Preprocess:
        """Rebuilds the preparation that :meth:`contract` described.

        Args:
            contract: as read from a package.

        Returns:
            The preparation.

        Raises:
            IntegrityError: it describes something that this version does not compute.
        """
        try:
            section = InputSection(
                window=contract["window"], size=contract["size"], slices=contract["slices"],
                spacing_mm=contract["spacing_mm"],
            )
            grey: Mapping[str, Any] | None = contract.get("harmonize")
            if grey is None:
                built = cls(section)
            else:
                built = cls(section, {kind.method: kind for kind in _GREY_MAPS}[grey["method"]].from_contract(grey))
        except (KeyError, TypeError, ValueError) as error:
            raise IntegrityError(f"the preprocessing contract cannot be read: {error}") from None
        ours = built.contract()
        differing = sorted(key for key in ours.keys() | contract.keys() if ours.get(key) != contract.get(key))
        if differing:
            raise IntegrityError(
                f"the preprocessing contract differs from what this version computes in {', '.join(differing)}; "
                f"predict with the version that exported the package"
            )
        return built
