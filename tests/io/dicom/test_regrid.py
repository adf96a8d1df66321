"""Interpolation along a stack and out of a sheared grid keeps a linear field exact."""
from __future__ import annotations

import numpy as np
import pytest

from medtl.io.dicom import orthogonal
from medtl.io.dicom.regrid import resample_slices
from medtl.io.volume import Volume, lps_to_ras
from tests.io.dicom.corpus import Plane, positions, truth, value_at


def test_slices_at_their_places_are_kept_and_between_them_linear() -> None:
    places = np.array([0.0, 1.0, 4.0, 5.0])
    stack = np.broadcast_to((3 * places + 1)[:, None, None], (4, 2, 3)).astype(np.float32)
    out = resample_slices(stack, places, np.arange(6.0))
    assert np.allclose(out[:, 0, 0], 3 * np.arange(6) + 1, atol=1e-5)


@pytest.mark.parametrize("lean", [(0.0, 0.9, 0.0), (0.31, -0.47, 0.0), (-0.4, 0.0, 0.0)])
def test_a_tilted_field_stays_where_it_is(lean: tuple[float, float, float]) -> None:
    plane = Plane(rows=20, columns=24)
    known = truth(plane, positions(plane, 8, 3.0, lean=lean))
    assert known.affine_lps is not None
    assert known.spacing_mm is not None
    volume = Volume(known.array.astype(np.float32), lps_to_ras(known.affine_lps), known.spacing_mm, "HU")
    straight = orthogonal(volume, fill=-9999.0)
    axes = straight.affine[:3, :3]
    assert np.allclose(axes.T @ axes, np.diag(np.diag(axes.T @ axes)), atol=1e-9)
    assert straight.spacing_mm[2] == pytest.approx(3.0)
    index = np.argwhere(straight.array > -500)
    inside = [p for p in index if all(0 < p[a] < straight.array.shape[a] - 1 for a in (0, 1))
              and (straight.array[p[0] - 1:p[0] + 2, p[1] - 1:p[1] + 2, p[2]] > -500).all()]
    assert len(inside) > 0.5 * known.array.size
    points = np.array(inside) @ straight.affine[:3, :3].T + straight.affine[:3, 3]
    values = straight.array[tuple(np.array(inside).T)]
    assert np.abs(values - value_at(points * [-1, -1, 1])).max() < 0.01


def test_a_straight_volume_is_left_alone() -> None:
    known = truth(Plane(), positions(Plane(), 4, 2.0))
    assert known.affine_lps is not None
    assert known.spacing_mm is not None
    volume = Volume(known.array.astype(np.float32), lps_to_ras(known.affine_lps), known.spacing_mm, "HU")
    assert orthogonal(volume, fill=0.0) is volume
