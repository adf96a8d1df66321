from __future__ import annotations

import numpy as np

from medtl.sources.simulated.canvas import Canvas
from medtl.sources.simulated.geometry import Geometry
from medtl.sources.simulated.tubes import cover_tubes
from medtl.sources.simulated.vessels import Vessel

GEOMETRY = Geometry()


def test_vessel_along_z_has_its_cross_section() -> None:
    canvas = Canvas.blank(GEOMETRY, np.arange(-10.0, 11.0, 2.0, dtype=np.float32))
    cover = cover_tubes(canvas, [Vessel((20.0, 10.0, -30.0), (20.0, 10.0, 30.0), 5.0, 5.0)])
    area = cover.sum(axis=(0, 1)) * GEOMETRY.pixel_mm**2
    np.testing.assert_allclose(area, np.pi * 25.0, rtol=0.06)


def test_oblique_vessel_is_found_in_every_plane_that_it_crosses() -> None:
    """An oracle: the distance of every voxel to the axis, one vessel at a time."""
    z = np.arange(-10.0, 11.0, 2.0, dtype=np.float32)
    canvas = Canvas.blank(GEOMETRY, z)
    vessels = [
        Vessel((-40.0, 0.0, -12.0), (-5.0, 22.0, 7.0), 4.0, 3.0),
        Vessel((30.0, 5.0, 0.0), (60.0, -5.0, 0.0), 3.0, 3.0),
        Vessel((30.0, 5.0, 60.0), (60.0, -5.0, 80.0), 3.0, 3.0),
    ]
    points = np.stack(np.broadcast_arrays(canvas.x, canvas.y, canvas.z), axis=-1).astype(float)
    wanted = np.zeros(canvas.water.shape)
    for vessel in vessels:
        start, end = np.array(vessel.start_mm), np.array(vessel.end_mm)
        along = np.clip((points - start) @ (end - start) / ((end - start) @ (end - start)), 0, 1)
        gap = np.linalg.norm(points - start - along[..., None] * (end - start), axis=-1)
        radius = vessel.start_radius_mm + along * (vessel.end_radius_mm - vessel.start_radius_mm)
        wanted = np.maximum(wanted, np.clip(0.5 + (radius - gap) / GEOMETRY.pixel_mm, 0, 1))
    got = cover_tubes(canvas, vessels)
    assert wanted.max() == 1.0
    np.testing.assert_allclose(got[wanted > 0.5], wanted[wanted > 0.5], atol=1e-4)
    assert np.abs(got - wanted).mean() < 1e-3  # edges at the rounded ends may be cut


def test_no_vessels_cover_nothing() -> None:
    assert cover_tubes(Canvas.blank(GEOMETRY, np.zeros(2, np.float32)), []).sum() == 0
