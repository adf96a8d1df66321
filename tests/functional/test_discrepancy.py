"""mmd2 and its kernels against definitions, null distributions and symmetries."""
from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor

from medtl.functional.discrepancy import linear_time_terms, mk_mmd2, mmd2, mmd2_per_kernel
from medtl.functional.kernels import BANDWIDTHS, gaussian_kernels, kernel_weights, pooled_scale, squared_distances


def draw(rows: int, width: int, *, shift: float = 0.0, seed: int = 0) -> Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed)) + shift


def kernels_as_written(source: Tensor, target: Tensor) -> list[list[list[float]]]:
    pooled = [row.double() for row in torch.cat([source, target])]
    gaps = [[float((a - b).square().sum()) for b in pooled] for a in pooled]
    scale = sum(map(sum, gaps)) / (len(pooled) * (len(pooled) - 1))
    return [[[math.exp(-g / (2 * width * scale)) for g in row] for row in gaps] for width in BANDWIDTHS]


def mmd2_as_written(source: Tensor, target: Tensor) -> float:
    """The double sums of the definition, one pair and one kernel at a time, in float64."""
    n, m = len(source), len(target)
    left, right = range(n), range(n, n + m)
    total = 0.0
    for kernel in kernels_as_written(source, target):
        within_source = sum(kernel[i][j] for i in left for j in left if i != j) / (n * (n - 1))
        within_target = sum(kernel[i][j] for i in right for j in right if i != j) / (m * (m - 1))
        across = sum(kernel[i][j] for i in left for j in right) / (n * m)
        total += within_source + within_target - 2 * across
    return total / len(BANDWIDTHS)


@pytest.mark.parametrize(("n", "m"), [(2, 2), (5, 9), (16, 16)])
def test_mmd2_equals_its_definition(n: int, m: int) -> None:
    source, target = draw(n, 7, seed=1), draw(m, 7, shift=0.5, seed=2)
    assert float(mmd2(source, target)) == pytest.approx(mmd2_as_written(source, target), abs=1e-6)


@pytest.mark.parametrize(("n", "m"), [(24, 24), (12, 30)])
def test_mmd2_is_zero_on_average_when_nothing_shifted(n: int, m: int) -> None:
    draws = torch.stack([mmd2(draw(n, 8, seed=2 * s), draw(m, 8, seed=2 * s + 1)) for s in range(200)])
    assert abs(draws.mean()) < 3 * draws.std() / math.sqrt(200)
    assert draws.min() < 0


@pytest.mark.parametrize("distance", [mmd2, mk_mmd2])
def test_discrepancy_does_not_care_which_domain_comes_first(distance: object) -> None:
    source, target = draw(9, 4, seed=3), draw(6, 4, shift=1.0, seed=4)
    torch.testing.assert_close(distance(source, target), distance(target, source))  # type: ignore[operator]


def test_mmd2_does_not_care_in_what_order_studies_stand() -> None:
    source, target = draw(9, 4, seed=3), draw(6, 4, shift=1.0, seed=4)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(mmd2(source, target), mmd2(source[order], target.flip(0)))


@pytest.mark.parametrize("distance", [mmd2, mk_mmd2])
def test_one_step_downhill_brings_shifted_domains_nearer(distance: object) -> None:
    source, target = draw(32, 4, shift=2.0, seed=5).requires_grad_(), draw(32, 4, seed=6)
    before = distance(source, target)  # type: ignore[operator]
    (slope,) = torch.autograd.grad(before, source)
    assert distance(source - slope, target) < before  # type: ignore[operator]


def test_gradient_holds_the_bandwidth_still() -> None:
    source, target = draw(6, 3, shift=1.0, seed=7), draw(5, 3, seed=8)
    scale = pooled_scale(squared_distances(torch.cat([source, target])))

    def with_fixed_bandwidth(rows: Tensor) -> Tensor:
        squared = torch.cdist(torch.cat([rows, target]).double(), torch.cat([rows, target]).double()).square()
        kernels = torch.stack([(-squared / (2 * width * scale)).exp() for width in BANDWIDTHS])
        return mmd2_per_kernel(kernels, 6).mean()

    leaf = source.clone().requires_grad_()
    (ours,) = torch.autograd.grad(mmd2(leaf, target), leaf)
    numeric = torch.zeros_like(source, dtype=torch.float64)
    for i, j in itertools.product(range(6), range(3)):
        step = torch.zeros_like(source, dtype=torch.float64)
        step[i, j] = 1e-4
        up, down = with_fixed_bandwidth(source + step), with_fixed_bandwidth(source - step)
        numeric[i, j] = (up - down) / 2e-4
    torch.testing.assert_close(ours.double(), numeric, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("distance", [mmd2, mk_mmd2])
def test_collapsed_features_stay_finite(distance: object) -> None:
    point = torch.ones(4, 3, requires_grad=True)
    value = distance(point, torch.ones(5, 3))  # type: ignore[operator]
    value.backward()
    assert torch.isfinite(value)
    assert point.grad is not None
    assert torch.isfinite(point.grad).all()


def test_one_study_is_refused_with_the_counts() -> None:
    with pytest.raises(ValueError, match="got 1 source and 3 target"):
        mmd2(torch.ones(1, 2), torch.ones(3, 2))
    with pytest.raises(ValueError, match="got 2 and 5"):
        mmd2(torch.ones(3, 2), torch.ones(3, 5))


def test_distances_never_round_below_zero_and_survive_a_far_origin() -> None:
    rows = draw(1, 64, seed=7).repeat(50, 1) * 1e3
    assert squared_distances(rows).min() >= 0
    near = 0.01 * draw(12, 32, seed=10)
    torch.testing.assert_close(squared_distances(near + 100.0), squared_distances(near), rtol=1e-2, atol=1e-5)


def test_autocast_changes_nothing() -> None:
    source, target = draw(16, 256, seed=8), draw(16, 256, shift=0.1, seed=9)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = mk_mmd2(source, target)
    torch.testing.assert_close(inside, mk_mmd2(source, target), rtol=0, atol=0)


def test_linear_time_terms_use_each_row_once_and_agree_with_their_definition() -> None:
    source, target = draw(7, 3, seed=1), draw(5, 3, shift=1.0, seed=2)
    kernels = gaussian_kernels(squared_distances(torch.cat([source, target])))
    terms = linear_time_terms(kernels, 7)
    written = kernels_as_written(source, target)
    assert terms.shape == (5, 2)
    for k, i in itertools.product(range(5), range(2)):
        a, b, c, d = 2 * i, 2 * i + 1, 7 + 2 * i, 8 + 2 * i
        expected = written[k][a][b] + written[k][c][d] - written[k][a][d] - written[k][b][c]
        assert float(terms[k, i]) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_kernel_weights_solve_the_quadratic_program(seed: int) -> None:
    random = np.random.default_rng(seed)
    d = random.normal(0.3, 1.0, 4)
    root = random.normal(size=(4, 6))
    q = root @ root.T
    ours = kernel_weights(torch.from_numpy(d), torch.from_numpy(q), ridge=1e-3).double().numpy()
    assert ours.min() >= 0
    assert ours.sum() == pytest.approx(1.0, abs=1e-6)
    if d.max() <= 0:
        np.testing.assert_allclose(ours, 0.25)
        return
    a = q + 1e-3 * np.diag(q).mean() * np.eye(4)
    starts = [np.eye(4)[k] / d[k] for k in range(4) if d[k] > 0]
    brute = min(
        (
            minimize(
                lambda b: b @ a @ b, start, jac=lambda b: 2 * a @ b, bounds=[(0, None)] * 4, method="SLSQP",
                constraints={"type": "eq", "fun": lambda b: b @ d - 1, "jac": lambda _: d},
                options={"ftol": 1e-14, "maxiter": 500},
            )
            for start in starts
        ),
        key=lambda found: found.fun,
    ).x
    np.testing.assert_allclose(ours, brute / brute.sum(), atol=1e-4)


def test_kernel_weights_are_uniform_where_no_kernel_sees_a_difference() -> None:
    weights = kernel_weights(torch.tensor([-1.0, -0.5, 0.0]), torch.eye(3))
    torch.testing.assert_close(weights, torch.full((3,), 1 / 3))


def test_kernel_weights_prefer_the_kernel_that_sees_the_shift_over_the_least_variable_one() -> None:
    weights = kernel_weights(torch.tensor([1.0, 0.01]), torch.diag(torch.tensor([1.0, 0.01])), ridge=1e-9)
    assert weights[0] == pytest.approx(0.5, abs=1e-4)  # d/Q is 1 for both; with sum 1 as the constraint it were .01


def test_more_kernels_than_can_be_enumerated_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 10 kernels, got 11"):
        kernel_weights(torch.ones(11), torch.eye(11))
