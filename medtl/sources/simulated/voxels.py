"""Anatomy laid out on the grid: grams of water and of bone per cm^3, slice by slice, with partial volume.

Edges are anti-aliased by the distance to the surface; over the slice's thickness several planes are averaged, so that a
thick slice dilutes a small nodule as a scanner does (the averaging is of densities, not of transmitted intensities: the
non-linear partial volume effect is left out).
"""
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from medtl.sources.simulated.attenuation import (
    CARBON_SKIN,
    CORTICAL,
    FAT,
    FOAM,
    MUSCLE,
    SOFT,
    TRABECULAR,
    Material,
    enhanced_blood,
)
from medtl.sources.simulated.canvas import Canvas, Grid
from medtl.sources.simulated.geometry import Geometry, built_once
from medtl.sources.simulated.thorax import Nodule, Patch, Thorax
from medtl.sources.simulated.tubes import cover_tubes

PLANE_MM = 1.7
"""Largest distance between the planes that are averaged into a slice."""

TEXTURE = 0.10
"""Relative standard deviation of the aerated lung's density at the scale of lobules."""


def planes_of(slices_mm: NDArray[np.float64], thickness_mm: float) -> tuple[Grid, int]:
    """The planes that are averaged into slices of a thickness.

    Args:
        slices_mm: z of the slices' centres.
        thickness_mm: width of the slice profile, which is rectangular.

    Returns:
        z of all planes, slice by slice, and the number of planes a slice.
    """
    count = max(1, int(np.ceil(thickness_mm / PLANE_MM)))
    offsets = ((np.arange(count) + 0.5) / count - 0.5) * thickness_mm
    return (slices_mm[:, None] + offsets).ravel().astype(np.float32), count


def lay_out(
    thorax: Thorax,
    geometry: Geometry,
    slices_mm: NDArray[np.float64],
    thickness_mm: float,
    table_mm: float,
    iodine_mg_ml: float = 0.0,
) -> tuple[Grid, Grid]:
    """Lay a patient out on the grid.

    Args:
        thorax: the patient.
        geometry: the grid.
        slices_mm: z of the slices' centres, (slices,).
        thickness_mm: slice thickness.
        table_mm: gap between the back and the table top, 0 or more.
        iodine_mg_ml: contrast medium in heart and vessels, in mg of iodine per ml of blood; 0 without contrast.

    Returns:
        Densities of water and of bone in g/cm^3, each (rows, columns, slices).
    """
    planes, count = planes_of(slices_mm, thickness_mm)
    # Slices may overlap or leave gaps; `searchsorted` in Canvas.box needs ascending planes.
    order = np.argsort(planes, kind="stable")
    canvas = Canvas.blank(geometry, planes[order])
    _wall(canvas, thorax)
    _lungs(canvas, thorax, enhanced_blood(iodine_mg_ml))
    _spine(canvas, thorax)
    _table(canvas, thorax.half_depth_mm + table_mm)
    back = np.argsort(order, kind="stable")
    shape = (geometry.rows, geometry.columns, len(slices_mm), count)
    water = canvas.water[:, :, back].reshape(shape).mean(axis=-1, dtype=np.float32)
    bone = canvas.bone[:, :, back].reshape(shape).mean(axis=-1, dtype=np.float32)
    return water, bone


def _oval(canvas: Canvas, half_width: float, half_depth: float, power: float) -> Grid:
    """Approximate depth below the surface of an oval cylinder, (rows, columns, 1)."""
    radius = (np.abs(canvas.x / half_width) ** power + np.abs(canvas.y / half_depth) ** power) ** (1 / power)
    return np.asarray((1.0 - radius) * min(half_width, half_depth), dtype=np.float32)


def _wall(canvas: Canvas, thorax: Thorax) -> None:
    """Skin, fat, muscle, ribs, sternum."""
    wide, deep = thorax.half_width_mm, thorax.half_depth_mm
    canvas.paint(canvas.coverage(_oval(canvas, wide, deep, 2.5)), SOFT)
    canvas.paint(canvas.coverage(_oval(canvas, wide - 1.5, deep - 1.5, 2.5)), FAT)
    fat = thorax.fat_mm + 1.5
    canvas.paint(canvas.coverage(_oval(canvas, wide - fat, deep - fat, 2.45)), MUSCLE)
    half_width, half_depth = thorax.cavity_mm
    canvas = canvas.window(half_width + 12.0, -half_depth - 12.0, half_depth + 12.0)
    ring = _oval(canvas, half_width + 4.0, half_depth + 4.0, 2.4)
    distance, first = thorax.rib_mm
    # Ribs run downwards from the spine to the front: a rib falls by about three rib distances.
    fall = 3.2 * distance * (0.5 - 0.5 * canvas.y / half_depth)
    along = np.mod(canvas.z - first + fall, distance) - distance / 2
    sides = canvas.coverage((np.abs(canvas.x) - 17.0).astype(np.float32))
    for thick, high, material in ((4.0, 6.0, CORTICAL), (2.2, 4.2, TRABECULAR)):
        inside = 1.0 - np.sqrt((ring / thick) ** 2 + (along / high) ** 2)
        canvas.paint(canvas.coverage((inside * thick).astype(np.float32)) * sides, material)
    for thick, material in ((5.5, CORTICAL), (4.0, TRABECULAR)):
        flat = np.hypot(canvas.x / (16.0 + thick), (canvas.y + half_depth + 3.0) / thick)
        canvas.paint(canvas.coverage(((1.0 - flat) * thick).astype(np.float32)), material)


def _lungs(canvas: Canvas, thorax: Thorax, blood: Material) -> None:
    """Mediastinal fat, heart, aorta, airways, lungs with vessels and nodules."""
    half_width, half_depth = thorax.cavity_mm
    canvas = canvas.window(half_width * 1.06 + 3.0, -half_depth * 1.06 - 3.0, half_depth * 1.06 + 3.0)
    canvas.paint(canvas.coverage(_oval(canvas, half_width, half_depth, 2.4)), SOFT)
    hx, hy, hz = thorax.heart_mm
    rx, ry, rz = thorax.heart_radii_mm
    fat = np.hypot((canvas.x - 3.0) / 20.0, (canvas.y + half_depth * 0.5) / (half_depth * 0.35))
    canvas.paint(canvas.coverage(((1.0 - fat) * 20.0).astype(np.float32)) * np.float32(0.7), FAT)
    depth = thorax.lung_depth(canvas.x, canvas.y, canvas.z)
    heart = np.sqrt(((canvas.x - hx) / rx) ** 2 + ((canvas.y - hy) / ry) ** 2 + ((canvas.z - hz) / rz) ** 2)
    canvas.paint(canvas.coverage(((1.0 - heart) * min(rx, ry)).astype(np.float32)), blood)
    ax, ay, ar = thorax.aorta_mm
    canvas.paint(canvas.coverage((ar - np.hypot(canvas.x - ax, canvas.y - ay)).astype(np.float32)), blood)
    for side in (-1.0, 1.0):
        apart = 8.0 + 0.25 * np.maximum(0.0, 20.0 - canvas.z)  # the main bronchi part downwards from the carina
        airway = np.hypot(canvas.x - side * apart, canvas.y - thorax.hilum_mm[1])
        canvas.paint(canvas.coverage((5.5 - airway).astype(np.float32)), Material(0.001, 0.0))
    lung = canvas.coverage(depth)
    parenchyma = _parenchyma(canvas, thorax)
    for patch in thorax.patches:
        _patch(canvas, parenchyma, patch)
    filled = cover_tubes(canvas, thorax.vessels)
    parenchyma += filled * (np.float32(blood.water) - parenchyma)
    contrast = filled * np.float32(blood.bone)
    for nodule in thorax.nodules:
        _lesion(canvas, parenchyma, contrast, nodule)
    canvas.water += lung * (parenchyma - canvas.water)
    canvas.bone += lung * (contrast - canvas.bone)


@built_once
def _texture() -> Grid:
    """Smooth random texture with standard deviation 1, periodic in all directions, (rows, columns, planes of 3 mm)."""
    noise = np.random.default_rng(3).standard_normal((160, 192, 64), dtype=np.float32)
    smooth: Grid = gaussian_filter(noise, sigma=(1.6, 1.6, 1.2), mode="wrap")
    smooth /= smooth.std()
    return smooth


def _parenchyma(canvas: Canvas, thorax: Thorax) -> Grid:
    """Aerated lung: denser towards the back, with a fine texture of small vessels and lobules."""
    texture = _texture()
    shift = np.random.default_rng(thorax.texture_seed).integers(0, texture.shape)
    rows, columns = (
        np.mod(np.round(axis.ravel() / canvas.pixel).astype(int) + by, count)
        for axis, by, count in zip((canvas.y, canvas.x), shift, texture.shape[:2], strict=False)
    )
    planes = np.mod(np.floor(canvas.z.ravel() / 3.0).astype(int) + shift[2], texture.shape[2])
    density = texture[np.ix_(rows, columns, planes)]
    density *= np.float32(TEXTURE)
    density += np.float32(1.0)
    density *= (thorax.lung_density * (1.0 + thorax.gradient * canvas.y)).astype(np.float32)
    return np.asarray(density, dtype=np.float32)


def _lesion(canvas: Canvas, water: Grid, bone: Grid, nodule: Nodule) -> None:
    """A nodule in place of what is there, but for denser tissue around it; its solid part displaces vessels."""
    radii = np.array(nodule.radii_mm)
    box = canvas.box(np.array(nodule.centre_mm), radii + canvas.pixel)
    if box is None:
        return
    x, y, z = canvas.local(box)
    cx, cy, cz = (np.float32(value) for value in nodule.centre_mm)
    radius = np.sqrt(((x - cx) / radii[0]) ** 2 + ((y - cy) / radii[1]) ** 2 + ((z - cz) / radii[2]) ** 2)
    part, contrast = water[box], bone[box]
    shells = [(1.0, SOFT.water)] if nodule.core == 1.0 else [(1.0, nodule.rim_density), (nodule.core, SOFT.water)]
    for share, value in shells:
        cover = canvas.coverage(((share - radius) * radii.min()).astype(np.float32))
        part += cover * np.maximum(np.float32(value) - part, 0.0)
        if value == SOFT.water:
            contrast *= 1.0 - cover


def _patch(canvas: Canvas, density: Grid, patch: Patch) -> None:
    radii = np.array(patch.radii_mm)
    box = canvas.box(np.array(patch.centre_mm), 2.2 * radii)
    if box is None:
        return
    x, y, z = canvas.local(box)
    cx, cy, cz = (np.float32(value) for value in patch.centre_mm)
    squared = ((x - cx) / radii[0]) ** 2 + ((y - cy) / radii[1]) ** 2 + ((z - cz) / radii[2]) ** 2
    density[box] += (patch.rise * np.exp2(-(squared**2))).astype(np.float32)


def _spine(canvas: Canvas, thorax: Thorax) -> None:
    """Vertebral bodies with discs between them, canal, arch, spinous and transverse processes."""
    wide, deep = thorax.spine_mm
    back = thorax.spine_centre_mm
    canvas = canvas.window(38.0, back - deep - 4.0, back + deep + 42.0)
    distance, first = thorax.vertebra_mm
    level = np.abs(np.mod(canvas.z - first, distance) - distance / 2)
    body = np.hypot(canvas.x / wide, (canvas.y - back) / deep)
    solid = canvas.coverage(((1.0 - body) * deep).astype(np.float32))
    vertebra = canvas.coverage((distance / 2 - 2.5 - level).astype(np.float32))
    canvas.paint(solid, SOFT)
    canvas.paint(solid * vertebra, Material(0.55, 0.75))
    canvas.paint(canvas.coverage(((1.0 - body) * deep - 1.8).astype(np.float32)) * vertebra, TRABECULAR)
    canal = back + deep + 8.0
    arch = np.hypot(canvas.x, canvas.y - canal)
    near = canvas.coverage((distance / 2 - 4.0 - level).astype(np.float32))
    canvas.paint(canvas.coverage((13.0 - arch).astype(np.float32)) * near, Material(0.4, 1.0))
    canvas.paint(canvas.coverage((8.5 - arch).astype(np.float32)), SOFT)
    spinous = np.maximum(np.abs(canvas.x) - 3.2, np.abs(canvas.y - canal - 20.0) - 10.0)
    canvas.paint(canvas.coverage((-spinous).astype(np.float32)) * near, Material(0.5, 0.9))
    transverse = np.maximum(np.abs(np.abs(canvas.x) - 22.0) - 12.0, np.abs(canvas.y - canal + 2.0) - 4.0)
    canvas.paint(canvas.coverage((-transverse).astype(np.float32)) * near, Material(0.55, 0.75))


def _table(canvas: Canvas, top_mm: float) -> None:
    """A curved table top: foam between two skins of carbon fibre."""
    height = top_mm - 0.00055 * canvas.x**2 + 2.0
    inside = np.minimum(canvas.y - height, 205.0 - np.abs(canvas.x))
    free = 1.0 - np.clip(canvas.water / 0.9, 0.0, 1.0)
    for start, end, material in ((0.0, 18.0, CARBON_SKIN), (1.5, 16.5, FOAM)):
        depth = np.minimum(inside - start, height + end - canvas.y)
        canvas.paint(canvas.coverage(depth.astype(np.float32)) * (free > 0.5), material)
