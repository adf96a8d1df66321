"""Pulmonary vessels as trees of tapering tubes that fork by Murray's law.

Reference:
    Murray, The physiological principle of minimum work applied to the angle of branching of arteries, 1926:
    at a fork the cubes of the daughters' radii add up to the cube of the mother's.
    Huang et al., Morphometry of the human pulmonary vasculature, J. Appl. Physiol. 1996: diameters and lengths.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SMALLEST_MM = 0.9
"""Radius at which a tree ends; thinner vessels are part of the parenchyma at this resolution."""


HALF_LENGTH_MM = 48.0
"""Vessels further than this above or below the slab's centre are not grown."""


@dataclass(frozen=True)
class Vessel:
    """One straight piece of a vessel.

    Args:
        start_mm: position (x, y, z) of its beginning.
        end_mm: position of its end.
        start_radius_mm: radius at the beginning.
        end_radius_mm: radius at the end.
    """

    start_mm: tuple[float, float, float]
    end_mm: tuple[float, float, float]
    start_radius_mm: float
    end_radius_mm: float


def grow_vessels(
    rng: np.random.Generator, hilum_mm: tuple[float, float], cavity_mm: tuple[float, float], trunks: int = 9
) -> tuple[Vessel, ...]:
    """Grow the vessels of both lungs from the hila outwards.

    Args:
        rng: source of chance.
        hilum_mm: distance of the hila from the midline, and their y.
        cavity_mm: half-width and half-depth of the thoracic cavity; vessels end at its wall.
        trunks: lobar and segmental vessels per lung, arteries and veins together.

    Returns:
        The pieces, trunks first.
    """
    vessels: list[Vessel] = []
    for side in (-1.0, 1.0):
        for trunk in range(trunks):
            azimuth = np.pi * ((trunk + rng.uniform(0.1, 0.9)) / trunks - 0.5) * 1.25
            direction = np.array([side * np.cos(azimuth), np.sin(azimuth), rng.normal(0.0, 0.8)])
            start = np.array([side * hilum_mm[0], hilum_mm[1] + rng.normal(0, 5.0), rng.normal(0.0, 14.0)])
            _grow(rng, vessels, start, direction / np.linalg.norm(direction), rng.uniform(2.6, 4.6), cavity_mm)
    return tuple(vessels)


def _grow(
    rng: np.random.Generator,
    vessels: list[Vessel],
    start: np.ndarray,
    direction: np.ndarray,
    radius: float,
    cavity_mm: tuple[float, float],
) -> None:
    length = radius * rng.uniform(4.5, 8.0) + 3.0
    end = start + direction * length
    outside = np.hypot(end[0] / (cavity_mm[0] - 6.0), end[1] / (cavity_mm[1] - 6.0)) > 1.0
    if outside or abs(end[2]) > HALF_LENGTH_MM:
        return
    tapered = radius * 0.92
    vessels.append(Vessel(tuple(start.tolist()), tuple(end.tolist()), radius, tapered))
    share = rng.uniform(0.3, 0.7)
    for part in (share, 1.0 - share):
        daughter = tapered * part ** (1 / 3)
        if daughter > SMALLEST_MM:
            turned = direction + rng.normal(0.0, 0.42, 3) * (1.3 - part)
            _grow(rng, vessels, end, turned / np.linalg.norm(turned), daughter, cavity_mm)
