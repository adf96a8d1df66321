"""Per-site standardisation: a site's mean and spread of grey values become those of the training source."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from medtl.data.harmonize_histogram import ENOUGH, FLOOR

LEAST_SPREAD = 1e-3
"""Standard deviation below which a site has no contrast to be scaled."""


@dataclass(frozen=True)
class SiteScaling:
    r"""One site's map, :math:`x \mapsto (x - m) / s \cdot S + M` above the floor, clipped to [0, 1].

    m and s are the site's, from its unlabelled scans; M and S are the source sites' mean. All scans of a site get the
    same map, so contrast between patients stays.

    Attributes:
        site: whose statistics these are; ``reference`` for the map that changes nothing.
        mean: of the site's grey values above the floor.
        spread: their standard deviation.
        to_mean: of the reference.
        to_spread: likewise.
    """

    site: str
    mean: float
    spread: float
    to_mean: float
    to_spread: float
    method: ClassVar[str] = "site_z"

    def __call__(self, scan: NDArray[np.float32]) -> NDArray[np.float32]:
        """One scan: float32 in [0, 1], (slices, 1, rows, columns), to the same shape and range."""
        factor = self.to_spread / max(self.spread, LEAST_SPREAD)
        moved = (scan.astype(np.float64) - self.mean) * factor + self.to_mean
        return np.where(scan > np.float32(FLOOR), np.clip(moved, 0.0, 1.0).astype(np.float32), scan)

    def contract(self) -> dict[str, Any]:
        """All that another program must know; JSON-able."""
        return {
            "method": self.method, "floor": FLOOR, "site": self.site, "mean": self.mean, "spread": self.spread,
            "to_mean": self.to_mean, "to_spread": self.to_spread,
        }

    @classmethod
    def from_contract(cls, contract: Mapping[str, Any]) -> SiteScaling:
        """As :meth:`contract` described it."""
        numbers = (float(contract[name]) for name in ("mean", "spread", "to_mean", "to_spread"))
        return cls(str(contract["site"]), *numbers)


def moments_of(scan: NDArray[np.float32]) -> tuple[float, float] | None:
    """Mean and mean square of a scan's values above the floor; None where there is hardly a pixel."""
    shown = scan[scan > np.float32(FLOOR)].astype(np.float64)
    return (float(shown.mean()), float((shown**2).mean())) if shown.size >= ENOUGH else None


def site_moments(scans: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """A site's mean and standard deviation, every scan counting alike.

    Args:
        scans: of :func:`moments_of`.

    Raises:
        ValueError: no scan.
    """
    moments = np.array(list(scans), dtype=np.float64).reshape(-1, 2)
    if not len(moments):
        raise ValueError("no scan to take a site's statistics from")
    mean, square = moments.mean(axis=0)
    return float(mean), float(np.sqrt(max(square - mean**2, 0.0)))


def scalings(
    sites: Mapping[str, tuple[float, float]], reference: Sequence[str]
) -> tuple[dict[str, SiteScaling], tuple[float, float]]:
    """Every site's map, and the mean and spread that all are moved to.

    Args:
        sites: mean and standard deviation of each.
        reference: names of the source sites, whose mean is the reference.
    """
    to_mean = float(np.mean([sites[site][0] for site in reference]))
    to_spread = float(np.mean([sites[site][1] for site in reference]))
    maps = {site: SiteScaling(site, mean, spread, to_mean, to_spread) for site, (mean, spread) in sites.items()}
    return maps, (to_mean, to_spread)
