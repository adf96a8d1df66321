"""The discrepancies for large batches agree with the double sum: on average, and pair by pair."""
from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from medtl.functional.discrepancy import linear_time_terms, mmd2
from medtl.functional.kernels import BANDWIDTHS, gaussian_kernels, squared_distances
from medtl.functional.scalable import linear_time_mmd2, random_feature_mmd2


def draw(rows: int, width: int = 6, *, seed: int, shift: float = 0.0) -> Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed)) + shift


@pytest.mark.parametrize(("n", "m"), [(8, 8), (7, 12), (2, 2)])
def test_linear_time_is_the_mean_of_the_disjoint_terms(n: int, m: int) -> None:
    source, target = draw(n, seed=1, shift=0.5), draw(m, seed=2)
    kernels = gaussian_kernels(squared_distances(torch.cat([source, target])), BANDWIDTHS)
    torch.testing.assert_close(linear_time_mmd2(source, target), linear_time_terms(kernels, n).mean())


def test_both_are_zero_on_average_without_a_shift() -> None:
    for seed, distance in enumerate((linear_time_mmd2, _random)):
        draws = torch.stack([distance(draw(16, seed=2 * s + seed), draw(12, seed=2 * s + 901)) for s in range(200)])
        assert abs(draws.mean()) < 3 * draws.std() / math.sqrt(200)
        assert draws.min() < 0


def _random(source: Tensor, target: Tensor, features: int = 64, seed: int = 0) -> Tensor:
    frequencies = torch.randn(source.shape[1], features, generator=torch.Generator().manual_seed(seed))
    return random_feature_mmd2(source, target, frequencies)


def test_random_features_come_to_the_double_sum() -> None:
    source, target = draw(9, seed=1, shift=0.7), draw(14, seed=2)
    exact = float(mmd2(source, target))
    assert float(_random(source, target, 100_000)) == pytest.approx(exact, abs=5e-3)
    draws = torch.stack([_random(source, target, 32, seed=s) for s in range(300)])
    assert abs(float(draws.mean()) - exact) < 3 * float(draws.std()) / math.sqrt(300)


def test_they_are_symmetric_and_finite_where_all_studies_are_alike() -> None:
    source, target = draw(6, seed=1, shift=1.0), draw(9, seed=2)
    torch.testing.assert_close(_random(source, target), _random(target, source))
    torch.testing.assert_close(linear_time_mmd2(source, target), linear_time_mmd2(target, source))
    for distance in (linear_time_mmd2, _random):
        same = torch.ones(4, 3, requires_grad=True)
        value = distance(same, torch.ones(4, 3))
        assert torch.isfinite(torch.autograd.grad(value, same)[0]).all()
        with pytest.raises(ValueError, match="at least two studies"):
            distance(draw(1, seed=1), target)
