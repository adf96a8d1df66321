"""Joint discrepancies against literal double sums and against the outer product that they avoid."""
from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from medtl.functional.discrepancy import mmd2
from medtl.functional.joint import jmmd2, outer_squared_distances, tensor_mmd2
from medtl.functional.kernels import BANDWIDTHS


def draw(rows: int, width: int, *, seed: int, shift: float = 0.0) -> Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed)) + shift


def layers(rows: int, seed: int, shift: float = 0.0) -> list[Tensor]:
    return [draw(rows, 6, seed=seed, shift=shift), torch.softmax(draw(rows, 3, seed=seed + 50), dim=1)]


def jmmd2_as_written(source: list[Tensor], target: list[Tensor]) -> float:
    """One pair and one layer at a time, in float64."""
    n, m = len(source[0]), len(target[0])
    product = [[1.0] * (n + m) for _ in range(n + m)]
    for s, t in zip(source, target, strict=True):
        rows = [row.double() for row in torch.cat([s, t])]
        gaps = [[float((a - b).square().sum()) for b in rows] for a in rows]
        scale = sum(map(sum, gaps)) / ((n + m) * (n + m - 1))
        for i in range(n + m):
            for j in range(n + m):
                kernels = [math.exp(-gaps[i][j] / (2 * width * scale)) for width in BANDWIDTHS]
                product[i][j] *= sum(kernels) / len(kernels)
    total = sum(product[i][j] for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    total += sum(product[i][j] for i in range(n, n + m) for j in range(n, n + m) if i != j) / (m * (m - 1))
    return total - 2 * sum(product[i][j] for i in range(n) for j in range(n, n + m)) / (n * m)


@pytest.mark.parametrize(("n", "m"), [(2, 3), (8, 8), (5, 9)])
def test_jmmd2_equals_its_double_sum(n: int, m: int) -> None:
    source, target = layers(n, 1, shift=0.7), layers(m, 2)
    assert float(jmmd2(source, target)) == pytest.approx(jmmd2_as_written(source, target), abs=1e-6)


def test_jmmd2_of_one_layer_is_mmd2() -> None:
    source, target = draw(6, 4, seed=1, shift=1.0), draw(7, 4, seed=2)
    torch.testing.assert_close(jmmd2([source], [target]), mmd2(source, target))


@pytest.mark.parametrize("distance", [jmmd2, tensor_mmd2])
def test_joint_discrepancies_are_zero_on_average_without_a_shift_and_symmetric(distance: object) -> None:
    draws = torch.stack([distance(layers(12, 4 * k), layers(10, 4 * k + 1)) for k in range(200)])  # type: ignore[operator]
    assert abs(draws.mean()) < 3 * draws.std() / math.sqrt(200)
    one, other = layers(6, 1, shift=1.0), layers(9, 2)
    torch.testing.assert_close(distance(one, other), distance(other, one))  # type: ignore[operator]
    swapped = [values.flip(0) for values in one]
    torch.testing.assert_close(distance(swapped, other), distance(one, other))  # type: ignore[operator]


def test_jmmd2_sees_a_shift_of_the_joint_distribution_that_no_layer_shows_alone() -> None:
    first = draw(64, 1, seed=1)
    second = draw(64, 1, seed=2)
    together, apart = [first, first], [second, second[torch.randperm(64, generator=torch.Generator().manual_seed(3))]]
    alone = max(float(mmd2(first, second)), 0.0)
    assert float(jmmd2(together, apart)) > 5 * alone + 0.02


@pytest.mark.parametrize("distance", [jmmd2, tensor_mmd2])
def test_joint_discrepancies_are_finite_on_collapsed_features(distance: object) -> None:
    source = [torch.ones(4, 3, requires_grad=True), torch.full((4, 2), 0.5)]
    value = distance(source, [torch.ones(5, 3), torch.full((5, 2), 0.5)])  # type: ignore[operator]
    (slope,) = torch.autograd.grad(value, source[0])
    assert torch.isfinite(value)
    assert torch.isfinite(slope).all()
    with pytest.raises(ValueError, match="at least two studies"):
        distance([torch.ones(1, 3)], [torch.ones(5, 3)])  # type: ignore[operator]


def test_tensor_mmd2_equals_mmd2_of_the_outer_product() -> None:
    source, target = layers(7, 1, shift=1.0), layers(5, 2)
    outer = [(a[:, :, None] * b[:, None, :]).flatten(1) for a, b in (source, target)]
    torch.testing.assert_close(tensor_mmd2(source, target), mmd2(*outer))
    literal = torch.cdist(torch.cat(outer).double(), torch.cat(outer).double()).square()
    torch.testing.assert_close(outer_squared_distances(source, target).double(), literal, rtol=1e-4, atol=1e-4)
