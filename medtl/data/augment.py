"""Random variation of training scans: the only door to albumentations, which sees float32 images in [0, 1] alone."""
from __future__ import annotations

import importlib.metadata
import os
import threading
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medtl.errors import ConfigError

Level = Literal["none", "light", "strong"]
_VERSION = 1
"""Of what each level does."""
FORBIDDEN = "albumentationsx"
"""A distribution of the same import name under the AGPL."""


class Augment:
    """Varies a scan; what happens depends on the seed of each call and on nothing else.

    All slices of a scan are moved and shaded alike. Nothing is mirrored: left and right differ in a chest.

    Args:
        level: ``none``; ``light``: turns of 7 degrees, scale and shift of a few per cent, slight contrast; ``strong``:
            about twice that, with shear, gamma, blur and noise.

    Raises:
        ConfigError: albumentations cannot be imported, or is AlbumentationsX.
    """

    def __init__(self, level: Level = "light") -> None:
        self.level = level
        self._own = threading.local()
        if level != "none":
            self._own.compose = _compose(level)

    @property
    def version(self) -> str:
        """What a variation of a given seed depends on besides the scan."""
        library = "" if self.level == "none" else importlib.metadata.version("albumentations")
        return f"{self.level}-{_VERSION}-{library}"

    def __call__(self, scan: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
        """One variation.

        Args:
            scan: float32 in [0, 1], (slices, 1, rows, columns).
            seed: of this variation.

        Returns:
            float32 in [0, 1], same shape.
        """
        if self.level == "none":
            return scan
        if not hasattr(self._own, "compose"):  # a composition carries its random state, so each thread has one
            self._own.compose = _compose(self.level)
        self._own.compose.set_random_seed(seed % 2**32)
        varied = self._own.compose(images=np.ascontiguousarray(scan[:, 0, :, :, None]))["images"]
        clipped: NDArray[np.float32] = np.clip(varied[..., 0], 0.0, 1.0, dtype=np.float32)
        return clipped[:, None]


def _compose(level: Level) -> Any:
    refuse_other_distribution()
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # before the import, which would ask the network for its version
    try:
        import albumentations as A
    except ImportError:
        raise ConfigError(
            f"data.augment: {level} needs albumentations 2.0.8, which is not installed; install it, or use none"
        ) from None
    if level == "light":
        return A.Compose([
            A.Affine(rotate=(-7, 7), scale=(0.95, 1.05), translate_percent=(-0.03, 0.03), p=0.9),
            A.RandomBrightnessContrast(brightness_limit=0.08, contrast_limit=0.1, p=0.8),
        ])
    return A.Compose([
        A.Affine(rotate=(-15, 15), scale=(0.85, 1.15), translate_percent=(-0.08, 0.08), shear=(-5, 5), p=0.95),
        A.RandomBrightnessContrast(brightness_limit=0.15, contrast_limit=0.25, p=0.9),
        A.RandomGamma(gamma_limit=(75, 130), p=0.5),
        A.GaussianBlur(sigma_limit=(0.3, 1.2), p=0.3),
        A.GaussNoise(std_range=(0.005, 0.03), p=0.4),
    ])


def refuse_other_distribution() -> None:
    """Makes sure that ``import albumentations`` means the distribution under the MIT licence.

    Raises:
        ConfigError: AlbumentationsX is installed.
    """
    installed = {str(d.metadata["Name"]).lower() for d in importlib.metadata.distributions() if d.metadata["Name"]}
    if FORBIDDEN in installed:
        raise ConfigError(
            "data.augment: AlbumentationsX (AGPL) is installed under the import name of albumentations (MIT); "
            "`pip uninstall albumentationsx` and install albumentations==2.0.8, or use data.augment: none"
        )
