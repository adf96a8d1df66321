"""One simulated examination: patient, scan, image, label, all drawn from (seed, site, index) alone."""
from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from medtl.sources.simulated.acquisition import acquire
from medtl.sources.simulated.geometry import Geometry
from medtl.sources.simulated.reconstruction import reconstruct
from medtl.sources.simulated.scanner import HOSPITALS, Hospital
from medtl.sources.simulated.thorax import Thorax, random_patches, random_thorax
from medtl.sources.simulated.voxels import lay_out

SIZE = 128
"""Pixels of a reconstructed slice in each direction."""

FOLLOW_UP_EVERY = 10
"""The last of every ten studies of a site is a second study of the patient before."""

LOWEST_HU, HIGHEST_HU = -1024, 3071


@dataclass(frozen=True)
class SimulatedStudy:
    """A simulated chest CT.

    Args:
        site: hospital.
        index: number of the study within its site, from 0.
        patient: number of the patient within the site, from 0.
        examination: 1, or 2 for a follow-up.
        hu: int16, (slices, rows, columns), from the feet to the head, padding included.
        spacing_mm: distance between rows, columns and slices.
        origin_mm: centre of the first slice's first pixel, in the patient's frame (LPS).
        nodule: whether a nodule of at least 6 mm lies in the scanned slab.
        hospital: scanner, protocol and population.
        thorax: the anatomy behind the image.
        seed: seed of the data set.
        iodine_mg_ml: contrast medium in the blood, in mg of iodine per ml; 0 without.
    """

    site: str
    index: int
    patient: int
    examination: int
    hu: NDArray[np.int16] = field(repr=False)
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]
    nodule: bool
    hospital: Hospital
    thorax: Thorax = field(repr=False)
    seed: int
    iodine_mg_ml: float = 0.0

    def nodule_mask(self) -> NDArray[np.bool_]:
        """Where the nodules are, from their geometry.

        Returns:
            (slices, rows, columns), true where a voxel's centre lies in a nodule.
        """
        count, rows, columns = self.hu.shape
        x = self.origin_mm[0] + np.arange(columns)[None, None, :] * self.spacing_mm[1]
        y = self.origin_mm[1] + np.arange(rows)[None, :, None] * self.spacing_mm[0]
        z = self.origin_mm[2] + np.arange(count)[:, None, None] * self.spacing_mm[2]
        mask = np.zeros(self.hu.shape, dtype=bool)
        for nodule in self.thorax.nodules:
            (cx, cy, cz), (rx, ry, rz) = nodule.centre_mm, nodule.radii_mm
            mask |= ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 + ((z - cz) / rz) ** 2 <= 1.0
        return mask


def patient_of(index: int) -> tuple[int, int]:
    """Number of the patient of a study, and whether it is the patient's first or second examination.

    Args:
        index: number of the study within its site, from 0.

    Returns:
        Patient, from 0, and examination, 1 or 2.
    """
    block, place = divmod(index, FOLLOW_UP_EVERY)
    second = place == FOLLOW_UP_EVERY - 1
    return block * (FOLLOW_UP_EVERY - 1) + place - int(second), 2 if second else 1


def stream(seed: int, site: str, *key: str | int) -> np.random.Generator:
    """A generator of random numbers that depends on nothing but the names given.

    Args:
        seed: seed of the data set.
        site: hospital.
        key: what the numbers are for.

    Returns:
        An independent generator.
    """
    name = "/".join(map(str, (seed, site, *key))).encode()
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name).digest()[:16], "little"))


def simulate_study(
    seed: int, site: str, index: int, *, hospital: Hospital | None = None, geometry: Geometry | None = None
) -> SimulatedStudy:
    """Simulate one examination.

    Args:
        seed: seed of the data set.
        site: hospital.
        index: number of the study within its site, from 0.
        hospital: scanner, protocol and population; the site's own by default.
        geometry: scan geometry.

    Returns:
        The study; the same for the same seed, site, index and settings, whatever else is simulated.
    """
    hospital = hospital if hospital is not None else HOSPITALS[site]
    geometry = geometry if geometry is not None else Geometry()
    patient, examination = patient_of(index)
    thorax = random_thorax(stream(seed, site, "patient", patient), hospital.prevalence, hospital.nodules)
    chance = stream(seed, site, "study", index)
    if examination == 2:
        thorax = thorax.followed_up(chance)
    protocol, scanner = hospital.protocol, hospital.scanner
    slices = protocol.slice_centres_mm()
    if hospital.pneumonia > 0.0 and chance.random() < hospital.pneumonia:
        thorax = replace(thorax, patches=random_patches(chance, thorax))
    iodine = 0.0
    if chance.random() < hospital.contrast[bool(thorax.nodules)]:
        iodine = protocol.iodine_mg_ml * float(np.exp(chance.normal(0.0, protocol.iodine_spread)))
    water, bone = lay_out(thorax, geometry, slices, protocol.thickness_mm, scanner.table_mm, iodine)
    lines = acquire(water, bone, scanner, protocol, geometry, chance)
    image = reconstruct(lines, geometry, protocol.kernel, protocol.fov_mm, SIZE, scanner.padding)
    inside = image != scanner.padding
    stored = np.where(inside, np.clip(np.rint(image), LOWEST_HU, HIGHEST_HU), scanner.padding).astype(np.int16)
    pixel = protocol.fov_mm / SIZE
    corner = -(SIZE - 1) / 2 * pixel
    return SimulatedStudy(
        site=site,
        index=index,
        patient=patient,
        examination=examination,
        hu=np.ascontiguousarray(np.moveaxis(stored, 2, 0)),
        spacing_mm=(pixel, pixel, protocol.spacing_mm),
        origin_mm=(corner, corner, float(slices[0])),
        nodule=bool(thorax.nodules),
        hospital=hospital,
        thorax=thorax,
        seed=seed,
        iodine_mg_ml=iodine,
    )
