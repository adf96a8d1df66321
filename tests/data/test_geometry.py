"""Planes, order, slices and tilted stacks."""
from __future__ import annotations

import itertools

import numpy as np
import pytest

from medtl.data.geometry import display_of, fitted, is_sheared, oriented, orthogonal, spread
from medtl.io.volume import Volume


def stack(shape: tuple[int, int, int], affine: np.ndarray, spacing_k: float | None = 1.0) -> Volume:
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    return Volume(np.zeros(shape, np.float32), affine, (float(spacing[0]), float(spacing[1]), spacing_k), "HU")


@pytest.mark.parametrize(("depth", "slices", "expected"), [
    (9, 3, [1, 4, 7]), (10, 1, [5]), (8, 8, list(range(8))), (2, 4, [0, 0, 1, 1]), (1, 3, [0, 0, 0]),
    (3, 5, [0, 0, 1, 2, 2]),
])
def test_slices_are_spread_evenly_or_repeated(depth: int, slices: int, expected: list[int]) -> None:
    assert spread(depth, slices) == expected


def test_slices_never_leave_the_stack_and_ascend() -> None:
    for depth, slices in itertools.product(range(1, 40), range(1, 20)):
        chosen = spread(depth, slices)
        assert len(chosen) == slices
        assert 0 <= chosen[0] <= chosen[-1] < depth
        assert chosen == sorted(chosen)


@pytest.mark.parametrize(("directions", "spacing", "codes"), [
    ([(-1, 0, 0), (0, -1, 0), (0, 0, 1)], (1, 1, 5), "LPS"),  # thick axial
    ([(0, -1, 0), (0, 0, -1), (-1, 0, 0)], (1, 1, 5), "PIL"),  # thick sagittal stays sagittal
    ([(-1, 0, 0), (0, 0, -1), (0, 1, 0)], (1, 1, 5), "LIP"),  # thick coronal stays coronal
    ([(0, -1, 0), (0, 0, -1), (-1, 0, 0)], (1, 1, 1), "LPS"),  # thin sagittal is shown in axial planes
])
def test_planes(directions, spacing, codes) -> None:
    affine = np.eye(4)
    affine[:3, :3] = np.array(directions).T * np.array(spacing)
    assert display_of(stack((8, 8, 8), affine)).codes == codes


def test_a_single_image_is_turned_only_if_it_is_axial() -> None:
    axial = np.diag([1.0, 1.0, 1.0, 1.0])
    assert display_of(stack((8, 8, 1), axial, None)).codes == "LPS"
    radiograph = np.eye(4)
    radiograph[:3, :3] = np.array([(-1, 0, 0), (0, 0, -1), (0, 1, 0)]).T
    assert display_of(stack((8, 8, 1), radiograph, None)).codes == ""


def test_pixel_sizes_follow_the_axes_that_are_shown() -> None:
    affine = np.eye(4)
    affine[:3, :3] = np.array([(0, 0, 1), (-1, 0, 0), (0, -1, 0)]).T * np.array((0.9, 0.7, 0.8))
    assert display_of(stack((4, 4, 4), affine)).pixel_mm == pytest.approx((0.7, 0.8))


def tilted(shape: tuple[int, int, int], degrees: float) -> np.ndarray:
    affine = np.diag([-1.0, -1.0, 3.0, 1.0])
    affine[1, 2] = 3.0 * np.tan(np.radians(degrees))
    return affine


def test_a_tilted_stack_keeps_every_point_at_its_place_in_the_patient() -> None:
    affine = tilted((24, 30, 10), 15.0)
    index = np.stack(np.meshgrid(*map(np.arange, (24, 30, 10)), indexing="ij"), -1)
    world = index @ affine[:3, :3].T + affine[:3, 3]
    values = 2 * world[..., 0] + 3 * world[..., 1] - 5 * world[..., 2] + 500  # linear: exact under linear interpolation
    upright = orthogonal(Volume(values.astype(np.float32), affine, (1.0, 1.0, 3.1), "HU"))
    assert is_sheared(affine)
    assert not is_sheared(upright.affine)
    index = np.stack(np.meshgrid(*map(np.arange, upright.array.shape), indexing="ij"), -1)
    world = index @ upright.affine[:3, :3].T + upright.affine[:3, 3]
    expected = 2 * world[..., 0] + 3 * world[..., 1] - 5 * world[..., 2] + 500
    within = world @ np.linalg.inv(affine[:3, :3]).T
    seen = ((within >= 0.01) & (within <= np.array([22.99, 28.99, 8.99]))).all(-1)
    assert seen.mean() > 0.5
    np.testing.assert_allclose(upright.array[seen], expected[seen], atol=0.02)
    assert upright.array[~((within >= -1) & (within <= [24, 30, 10])).all(-1)] == pytest.approx(values.min(), abs=1e-3)


def test_an_orthogonal_volume_is_itself() -> None:
    volume = stack((4, 5, 6), np.diag([-1.0, -1.0, 2.0, 1.0]))
    assert orthogonal(volume) is volume


@pytest.mark.parametrize("codes", ["LPS", "LIP", "PIL"])
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_axes_are_turned_as_monai_turns_them(codes: str, order: tuple[int, int, int]) -> None:
    import torch
    from monai.data import MetaTensor
    from monai.transforms import Orientation

    affine = np.eye(4)
    affine[:3, :3] = np.diag([-0.7, 0.8, 3.0])[:, order]
    array = np.arange(4 * 5 * 6, dtype=np.float32).reshape(4, 5, 6)
    turn = Orientation(axcodes=codes, labels=(("L", "R"), ("P", "A"), ("I", "S")))
    expected = turn(MetaTensor(torch.from_numpy(array)[None], affine=affine))[0].numpy()
    np.testing.assert_array_equal(oriented(array, affine, codes), expected)


@pytest.mark.parametrize(("rows", "columns"), list(itertools.product((4, 7, 8, 9, 13), (5, 8, 12))))
def test_slices_are_cropped_and_padded_as_monai_does(rows: int, columns: int) -> None:
    import torch
    from monai.transforms import ResizeWithPadOrCrop

    slices = np.random.default_rng(0).random((2, rows, columns), dtype=np.float32)
    expected = ResizeWithPadOrCrop((8, 8), mode="constant", value=0.0)(torch.from_numpy(slices)).numpy()
    np.testing.assert_array_equal(fitted(slices, 8), expected)
