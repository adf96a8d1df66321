"""A random thorax: the measures of one simulated patient, and of what lies in the lungs.

Positions are in mm in the patient's frame (x to the left, y to the back, z to the head), with the origin at the centre
of the scanned slab. Sizes are adult ranges: chest 300 to 390 mm wide and 200 to 260 mm deep, ribs every 28 to 34 mm,
vertebrae every 22 to 26 mm, aortic radius 10 to 14 mm, lung density .14 to .24 g/cm^3 at full inspiration.
"""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from medtl.sources.simulated.vessels import Vessel, grow_vessels

SLAB_HALF_MM = 20.0
"""Nodules of a patient are placed so that their centres lie within this distance of the slab's centre."""

ACTIONABLE_MM = 6.0
"""Smaller nodules need no follow-up and are not drawn (MacMahon et al., Fleischner Society guidelines, 2017)."""


@dataclass(frozen=True)
class Nodule:
    """A pulmonary nodule: an ellipsoid, with a ground-glass rim when part-solid.

    Args:
        centre_mm: position of its centre.
        radii_mm: half axes of the whole nodule.
        core: share of the radii that is solid, 1 for a solid nodule.
        rim_density: g/cm^3 of the ground-glass part.
    """

    centre_mm: tuple[float, float, float]
    radii_mm: tuple[float, float, float]
    core: float
    rim_density: float

    @property
    def diameter_mm(self) -> float:
        """Mean of the three axes."""
        return 2 * sum(self.radii_mm) / 3


@dataclass(frozen=True)
class NoduleDistribution:
    """How nodules are distributed in patients who have any.

    The default is that of clinics that follow up cancer: several nodules, most of them above 10 mm, as in pulmonary
    metastases. Screening finds mostly solitary ones below 10 mm, three pixels at this resolution, which no classifier
    learns from a hundred studies.

    Args:
        extra: mean number of further nodules beyond the first (Poisson).
        median_mm: median diameter (log-normal).
        spread: standard deviation of the log diameter.
        largest_mm: diameters above are drawn anew; a lesion above 30 mm is a mass.
        part_solid: share that is part-solid.
    """

    extra: float = 7.0
    median_mm: float = 20.0
    spread: float = 0.30
    largest_mm: float = 30.0
    part_solid: float = 0.25


@dataclass(frozen=True)
class Patch:
    """A ground-glass opacity of pneumonia: air spaces that are partly filled, without a sharp edge.

    Args:
        centre_mm: position (x, y, z).
        radii_mm: half axes along x, y, z, where half of the rise is left.
        rise: density added at the centre in g/cm^3.
    """

    centre_mm: tuple[float, float, float]
    radii_mm: tuple[float, float, float]
    rise: float


@dataclass(frozen=True)
class Thorax:
    """The measures of one patient's chest.

    Args:
        half_width_mm: of the body, from the middle to the side.
        half_depth_mm: of the body, from the middle to the front.
        fat_mm: thickness of the subcutaneous fat.
        muscle_mm: thickness of the muscles between fat and ribs.
        lung_density: mean density of the aerated lung in g/cm^3.
        gradient: relative increase of lung density per mm towards the back, from gravity.
        heart_mm: centre of the heart.
        heart_radii_mm: half axes of the heart.
        aorta_mm: centre (x, y) and radius of the descending aorta.
        hilum_mm: distance of the hila from the midline, and their y.
        mediastinum_mm: half-width of the mediastinum at the level of the hila.
        spine_mm: half-width and half-depth of a vertebral body.
        vertebra_mm: distance between vertebrae and offset of the first.
        rib_mm: distance between ribs and offset of the first.
        flare: relative widening of the cavity per mm towards the feet.
        vessels: pulmonary vessels and their branches.
        nodules: the nodules; empty in a healthy patient.
        texture_seed: seed of the parenchyma's texture.
        patches: ground-glass opacities, which are no nodules.
    """

    half_width_mm: float
    half_depth_mm: float
    fat_mm: float
    muscle_mm: float
    lung_density: float
    gradient: float
    heart_mm: tuple[float, float, float]
    heart_radii_mm: tuple[float, float, float]
    aorta_mm: tuple[float, float, float]
    hilum_mm: tuple[float, float]
    mediastinum_mm: float
    spine_mm: tuple[float, float]
    vertebra_mm: tuple[float, float]
    rib_mm: tuple[float, float]
    flare: float
    vessels: tuple[Vessel, ...]
    nodules: tuple[Nodule, ...]
    texture_seed: int
    patches: tuple[Patch, ...] = ()

    @property
    def cavity_mm(self) -> tuple[float, float]:
        """Half-width and half-depth of the thoracic cavity inside the ribs, at the slab's centre."""
        wall = self.fat_mm + self.muscle_mm + 9.0
        return self.half_width_mm - wall, self.half_depth_mm - wall

    @property
    def spine_centre_mm(self) -> float:
        """y of the centre of the vertebral bodies: they protrude into the cavity from behind."""
        return self.cavity_mm[1] - self.spine_mm[1] + 6.0

    def lung_depth(
        self, x: NDArray[np.float32], y: NDArray[np.float32], z: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Approximate distance to the lung's surface.

        Args:
            x: mm to the left; the three broadcast against each other.
            y: mm to the back.
            z: mm to the head.

        Returns:
            mm, positive in the lungs.
        """
        half_width, half_depth = self.cavity_mm
        scale = 1.0 - self.flare * z
        radius = (np.abs(x / half_width) ** 2.4 + np.abs(y / half_depth) ** 2.4) ** (1 / 2.4)
        cavity = (1.0 - radius / scale) * min(half_width, half_depth)
        # The mediastinum narrows to the anterior junction line and widens around the spine.
        toward_back = np.clip((y + half_depth) / (2 * half_depth), 0.0, 1.0)
        width = self.mediastinum_mm * (0.35 + 1.3 * toward_back - 0.75 * toward_back**2)
        depth = np.minimum(cavity, np.abs(x - 3.0) - width)
        hx, hy, hz = self.heart_mm
        rx, ry, rz = self.heart_radii_mm
        heart = np.sqrt(((x - hx) / rx) ** 2 + ((y - hy) / ry) ** 2 + ((z - hz) / rz) ** 2)
        depth = np.minimum(depth, (heart - 1.0) * min(rx, ry) - 2.0)
        spine = np.hypot(x / (self.spine_mm[0] + 5.0), (y - self.spine_centre_mm) / (self.spine_mm[1] + 5.0))
        depth = np.minimum(depth, (spine - 1.0) * self.spine_mm[1])
        ax, ay, ar = self.aorta_mm
        depth = np.minimum(depth, np.hypot(x - ax, y - ay) - ar - 2.0)
        return np.asarray(depth, dtype=np.float32)

    def at(self, x: float, y: float, z: float) -> float:
        """Depth in the lung of one point, in mm; negative outside."""
        point = np.array([[x], [y], [z]], dtype=np.float32)
        return float(self.lung_depth(*point)[0])

    def followed_up(self, rng: np.random.Generator) -> Thorax:
        """The same patient some months later: nodules have grown or shrunk, the breath is a little different."""
        growth = [float(np.exp(rng.normal(0.08, 0.1))) for _ in self.nodules]
        nodules = tuple(
            replace(n, radii_mm=(n.radii_mm[0] * g, n.radii_mm[1] * g, n.radii_mm[2] * g))
            for n, g in zip(self.nodules, growth, strict=True)
        )
        return replace(self, nodules=nodules, lung_density=self.lung_density * float(np.exp(rng.normal(0, 0.05))))


def random_thorax(rng: np.random.Generator, prevalence: float, distribution: NoduleDistribution) -> Thorax:
    """Draw a patient.

    Args:
        rng: source of chance.
        prevalence: probability of having at least one nodule, 0 to 1.
        distribution: of nodules among those who have any.

    Returns:
        The patient's chest.
    """
    half_width = rng.uniform(150.0, 192.0)
    half_depth = float(np.clip(half_width * rng.uniform(0.62, 0.72), 100.0, 128.0))
    bare = Thorax(
        half_width_mm=half_width,
        half_depth_mm=half_depth,
        fat_mm=float(np.clip(rng.normal(6.0 + (half_width - 150.0) * 0.22, 3.0), 3.0, 22.0)),
        muscle_mm=rng.uniform(8.0, 14.0),
        lung_density=rng.uniform(0.14, 0.24),
        gradient=rng.uniform(0.0008, 0.0025),
        heart_mm=(rng.uniform(12.0, 26.0), rng.uniform(-34.0, -20.0), rng.uniform(-45.0, -15.0)),
        heart_radii_mm=(rng.uniform(44.0, 60.0), rng.uniform(34.0, 46.0), rng.uniform(42.0, 58.0)),
        aorta_mm=(rng.uniform(20.0, 28.0), half_depth * rng.uniform(0.36, 0.46), rng.uniform(10.0, 14.0)),
        hilum_mm=(rng.uniform(32.0, 40.0), rng.uniform(0.0, 14.0)),
        mediastinum_mm=rng.uniform(22.0, 32.0),
        spine_mm=(rng.uniform(15.0, 19.0), rng.uniform(12.0, 15.0)),
        vertebra_mm=(rng.uniform(22.0, 26.0), rng.uniform(0.0, 26.0)),
        rib_mm=(rng.uniform(28.0, 34.0), rng.uniform(0.0, 34.0)),
        flare=rng.uniform(0.0004, 0.0016),
        vessels=(),
        nodules=(),
        texture_seed=int(rng.integers(2**31)),
    )
    vessels = grow_vessels(rng, bare.hilum_mm, bare.cavity_mm)
    ill = rng.random() < prevalence
    nodules = _nodules(rng, bare, distribution) if ill else ()
    return replace(bare, vessels=vessels, nodules=nodules)


def _nodules(rng: np.random.Generator, thorax: Thorax, distribution: NoduleDistribution) -> tuple[Nodule, ...]:
    number = 1 + int(rng.poisson(distribution.extra))
    return tuple(_nodule(rng, thorax, distribution) for _ in range(number))


def _nodule(rng: np.random.Generator, thorax: Thorax, distribution: NoduleDistribution) -> Nodule:
    diameter = 0.0
    while not ACTIONABLE_MM <= diameter <= distribution.largest_mm:
        diameter = float(np.exp(rng.normal(np.log(distribution.median_mm), distribution.spread)))
    half_width, half_depth = thorax.cavity_mm
    while True:
        x = rng.uniform(-half_width, half_width)
        y = rng.uniform(-half_depth, half_depth)
        z = rng.uniform(-SLAB_HALF_MM, SLAB_HALF_MM)
        if thorax.at(x, y, z) > 0.4 * diameter:  # up to a fifth of the radius may touch the pleura
            break
    shape = np.exp(rng.normal(0.0, 0.12, 3))
    radii = diameter / 2 * shape / shape.mean()
    solid = rng.random() >= distribution.part_solid
    core = 1.0 if solid else rng.uniform(0.4, 0.65)
    return Nodule((x, y, z), (radii[0], radii[1], radii[2]), core, rng.uniform(0.45, 0.65))


def random_patches(rng: np.random.Generator, thorax: Thorax) -> tuple[Patch, ...]:
    """Draw the opacities of a pneumonia, most of them at the back and near the pleura.

    Densities are those of ground glass, 100 to 300 HU above the lung around; sizes are those of segments.

    Args:
        rng: source of chance.
        thorax: where they lie.

    Returns:
        One to several opacities.
    """
    half_width, half_depth = thorax.cavity_mm
    patches: list[Patch] = []
    for _ in range(1 + int(rng.poisson(3.0))):
        while True:
            x, y = rng.uniform(-half_width, half_width), half_depth * (1.0 - 2.0 * rng.beta(1.0, 1.6))
            z = rng.uniform(-SLAB_HALF_MM, SLAB_HALF_MM)
            if 2.0 < thorax.at(x, y, z) < 30.0:
                break
        radii = rng.uniform(12.0, 30.0) * np.exp(rng.normal(0.0, 0.25, 3))
        patches.append(Patch((x, y, z), (radii[0], radii[1], radii[2]), rng.uniform(0.10, 0.30)))
    return tuple(patches)
