"""Three small hospitals whose disease is a shape: clean, or with one fault planted."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from medtl.data.prepared import Prepared
from medtl.types import Catalogue, Cohort, Item

SIDE = 48
SITES = ("north", "east", "south")
PATIENTS = 40
"""Of each site, one or two scans each."""
Change = Callable[[np.ndarray, str, int, np.random.Generator], np.ndarray]
"""(picture, site, label, random) to the picture with a fault."""


def thorax(rng: np.random.Generator, label: int, patient: np.random.Generator) -> np.ndarray:
    """A round body with grain; the disease is a bar that lies across instead of upright, with as many points."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] - (SIDE - 1) / 2
    wide, high = patient.uniform(17, 20), patient.uniform(13, 16)
    body = (x / wide) ** 2 + (y / high) ** 2 < 1
    grain = 4.0 * ndimage.gaussian_filter(patient.normal(0, 1, (SIDE, SIDE)), 1.2) + rng.normal(0, 0.2, (SIDE, SIDE))
    picture = np.where(body, 0.5 + 0.09 * grain, 0.03 + 0.01 * rng.normal(0, 1, (SIDE, SIDE)))
    top, left = (22, 18) if label else (18, 22)
    bar = (slice(top, top + 4), slice(left, left + 12)) if label else (slice(top, top + 12), slice(left, left + 4))
    picture[bar] += 0.2
    return np.clip(picture, 0, 1)


def hospitals(
    seed: int, change: Change = lambda picture, site, label, rng: picture,
    prevalence: Callable[[str], float] = lambda site: 0.5,
) -> tuple[Prepared, Cohort]:
    """Scans, splits by patient, two source sites and a target."""
    rng = np.random.default_rng([seed, 99])
    items, arrays, role, split = [], {}, [], []
    for s, site in enumerate(SITES):
        labels = (rng.permutation(PATIENTS) < prevalence(site) * PATIENTS).astype(int)
        for number in range(PATIENTS):
            for scan in range(1 + number % 2):
                row = len(items)
                own = np.random.default_rng([seed, s, number])
                picture = change(thorax(rng, int(labels[number]), own), site, int(labels[number]), rng)
                arrays[row] = picture.astype(np.float32)[None, None]
                items.append(Item(row + 1, f"{site}{number}.{scan}", f"{site}:{number}", site, "", Path("x"),
                                  (float(labels[number]),), digest=f"{seed:032x}{row:032x}"))
                target = site == "south"
                role.append("target" if target else "source")
                part = number * 10 // PATIENTS
                split.append(("adapt" if part < 5 else "test") if target
                             else "train" if part < 6 else "val" if part < 8 else "test")
    catalogue = Catalogue(tuple(items), ("finding",), Path("root"))
    cohort = Cohort(catalogue, tuple(role), tuple(split), np.array([r == "target" for r in role]))
    return Prepared.in_memory(catalogue, arrays), cohort


def of_south(how: Callable[[np.ndarray], np.ndarray]) -> Change:
    """A change of the target's scans alone."""
    return lambda picture, site, label, rng: how(picture) if site == "south" else picture


def marker(picture: np.ndarray, site: str, label: int, rng: np.random.Generator) -> np.ndarray:
    """A bright mark in the corner of nine in ten positive scans."""
    if label and rng.uniform() < 0.9:
        picture = picture.copy()
        picture[2:5, 2:5] = 0.9
    return picture


def leaking(cohort: Cohort) -> Cohort:
    """Three patients of the source whose first scan went to another part."""
    split = list(cohort.split)
    for k in (1, 5, 9):  # patients with two scans
        row = next(i for i, item in enumerate(cohort.catalogue.items) if item.patient == f"north:{k}")
        split[row] = "test"
    return replace(cohort, split=tuple(split))


def copied(prepared: Prepared, cohort: Cohort, exact: bool) -> tuple[Prepared, Cohort]:
    """Two training scans again as test scans of other patients: the same files, or shaded and noisy copies."""
    rng = np.random.default_rng(5)
    items = list(cohort.catalogue.items)
    train = [i for i in range(len(items)) if cohort.split[i] == "train"]
    test = [i for i in range(len(items)) if (cohort.role[i], cohort.split[i]) == ("source", "test")]
    arrays = {i: prepared.array(i) for i in range(len(items))}
    for a, b in zip(train[:2], test[:2], strict=True):
        arrays[b] = arrays[a] if exact else np.clip(0.95 * arrays[a] + 0.02 + rng.normal(0, 0.002, (1, 1, SIDE, SIDE)),
                                                    0, 1).astype(np.float32)
        if exact:
            items[b] = replace(items[b], digest=items[a].digest)
    catalogue = replace(cohort.catalogue, items=tuple(items))
    return Prepared.in_memory(catalogue, arrays), replace(cohort, catalogue=catalogue)
