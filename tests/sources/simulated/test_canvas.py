from __future__ import annotations

import numpy as np
import pytest

from medtl.sources.simulated.attenuation import Material
from medtl.sources.simulated.canvas import Canvas
from medtl.sources.simulated.geometry import Geometry

GEOMETRY = Geometry()


def test_window_shares_memory() -> None:
    canvas = Canvas.blank(GEOMETRY, np.zeros(2, np.float32))
    part = canvas.window(20.0, -10.0, 10.0)
    part.paint(np.float32(1.0) * np.ones_like(part.water), Material(0.7, 0.1))
    assert canvas.water.sum() == pytest.approx(0.7 * part.water.size, rel=1e-5)
    assert np.abs(part.x).max() <= 20.0


def test_coverage_of_a_disc_is_its_area() -> None:
    canvas = Canvas.blank(GEOMETRY, np.zeros(1, np.float32))
    disc = canvas.coverage(np.float32(33.0) - np.hypot(canvas.x - 4.0, canvas.y + 7.0))
    assert disc.sum() * GEOMETRY.pixel_mm**2 == pytest.approx(np.pi * 33.0**2, rel=0.002)


def test_box_holds_what_is_within_reach_and_is_none_outside() -> None:
    canvas = Canvas.blank(GEOMETRY, np.arange(0.0, 10.0, 1.0, dtype=np.float32))
    box = canvas.box(np.array([10.0, -20.0, 4.0]), np.array([6.0, 9.0, 1.5]))
    assert box is not None
    x, y, z = canvas.local(box)
    assert np.abs(x - 10.0).max() <= 6.0
    assert np.abs(y + 20.0).max() <= 9.0
    assert z.ravel().tolist() == [3.0, 4.0, 5.0]
    assert canvas.box(np.array([0.0, 0.0, 40.0]), np.array([5.0, 5.0, 5.0])) is None
