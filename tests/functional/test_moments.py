"""Moments: CORAL against its formula, the closed form against scipy's roots, means against the linear kernel."""
from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor

from medtl.functional.moments import coral_distance, coral_map, covariance, mean_distance, standardised_mean_distance


def draw(rows: int, width: int = 5, *, seed: int = 0, scale: float = 1.0, shift: float = 0.0) -> Tensor:
    noise = torch.randn(rows, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    mixed = noise @ torch.randn(width, width, generator=torch.Generator().manual_seed(99), dtype=torch.float64)
    return mixed * scale + shift


def test_coral_is_the_papers_formula() -> None:
    source, target = draw(9, seed=1), draw(13, seed=2, scale=2.0)
    gap = np.cov(source.numpy().T, ddof=1) - np.cov(target.numpy().T, ddof=1)
    assert float(coral_distance(source, target)) == pytest.approx((gap**2).sum() / (4 * 25), rel=1e-12)
    # The paper's covariance as it is written there, with the vector of ones.
    ones = torch.ones(1, 9, dtype=torch.float64)
    written = (source.T @ source - (ones @ source).T @ (ones @ source) / 9) / 8
    torch.testing.assert_close(covariance(source), written)


def test_coral_ignores_means_and_order_and_is_symmetric() -> None:
    source, target = draw(8, seed=1), draw(6, seed=2, scale=3.0)
    expected = coral_distance(source, target)
    torch.testing.assert_close(coral_distance(source + 7.0, target.flip(0) - 3.0), expected)
    torch.testing.assert_close(coral_distance(target, source), expected)
    assert float(coral_distance(source, source.flip(0) + 1.0)) == pytest.approx(0.0, abs=1e-20)


def test_one_study_has_no_covariance() -> None:
    with pytest.raises(ValueError, match="at least two studies"):
        coral_distance(draw(1), draw(4))


def test_the_distance_of_means_is_the_linear_kernels_discrepancy() -> None:
    source, target = draw(7, seed=1, shift=1.0), draw(4, seed=2)
    kernel = torch.cat([source, target]) @ torch.cat([source, target]).T
    biased = kernel[:7, :7].mean() + kernel[7:, 7:].mean() - 2 * kernel[:7, 7:].mean()
    assert float(mean_distance(source, target)) ** 2 == pytest.approx(float(biased), rel=1e-5)


def test_the_standardised_distance_does_not_know_units_and_is_one_a_deviation_apart() -> None:
    source, target = draw(9, seed=1, shift=2.0), draw(6, seed=2)
    found = standardised_mean_distance(source, target)
    gap = np.linalg.norm(source.numpy().mean(0) - target.numpy().mean(0))
    within = [np.square(rows.numpy() - rows.numpy().mean(0)).sum(1).mean() for rows in (source, target)]
    assert float(found) == pytest.approx(gap / np.sqrt(np.mean(within)), rel=1e-5)
    torch.testing.assert_close(standardised_mean_distance(7.0 * source, 7.0 * target), found)
    torch.testing.assert_close(standardised_mean_distance(source.repeat(1, 3), target.repeat(1, 3)), found)
    assert float(standardised_mean_distance(torch.ones(3, 2), torch.ones(4, 2))) == 0.0


def test_the_distance_of_equal_means_has_a_finite_slope() -> None:
    rows = draw(4).float().requires_grad_()
    (slope,) = torch.autograd.grad(mean_distance(rows, rows.detach()), rows)
    assert torch.isfinite(slope).all()


def test_the_closed_form_gives_exactly_the_other_covariance_without_a_ridge() -> None:
    moving, fixed = draw(60, seed=1, shift=4.0), draw(50, seed=2, scale=2.0)
    matrix, offset = coral_map(moving, fixed, ridge=0.0)
    mapped = moving @ matrix.T + offset
    torch.testing.assert_close(covariance(mapped), covariance(fixed))
    torch.testing.assert_close(mapped.mean(0), moving.mean(0))
    matrix, offset = coral_map(moving, fixed, ridge=0.0, means=True)
    torch.testing.assert_close((moving @ matrix.T + offset).mean(0), fixed.mean(0))


def test_the_closed_form_equals_algorithm_1_with_scipys_roots() -> None:
    moving, fixed = draw(20, seed=1), draw(30, seed=2, scale=0.5)
    root = scipy.linalg.sqrtm(np.cov(fixed.numpy().T) + np.eye(5))
    inverse = scipy.linalg.inv(scipy.linalg.sqrtm(np.cov(moving.numpy().T) + np.eye(5)))
    matrix, _ = coral_map(moving, fixed)
    np.testing.assert_allclose(matrix.numpy(), np.real(root @ inverse), rtol=1e-8, atol=1e-10)


def test_a_singular_covariance_needs_a_ridge() -> None:
    with pytest.raises(ValueError, match="use a ridge"):
        coral_map(draw(3), draw(20), ridge=0.0)
    assert torch.isfinite(coral_map(draw(3), draw(4))[0]).all()
