"""Slices against POT, the gradient penalty against its closed form."""
from __future__ import annotations

import math

import numpy as np
import ot
import pytest
import torch
from torch import Tensor, nn

from medtl.functional.wasserstein import critic_gap, gradient_penalty, points_between, sliced_wasserstein2


def draw(rows: int, width: int = 4, *, seed: int, shift: float = 0.0) -> Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed)) + shift


@pytest.mark.parametrize(("n", "m"), [(8, 8), (5, 9), (6, 4), (1, 3)])
def test_slices_equal_pot(n: int, m: int) -> None:
    source, target, directions = draw(n, seed=1, shift=0.5), draw(m, seed=2), draw(4, 20, seed=3)
    unit = (directions / directions.norm(dim=0)).double().numpy()
    theirs = ot.sliced_wasserstein_distance(source.double().numpy(), target.double().numpy(), projections=unit, p=2)
    assert float(sliced_wasserstein2(source, target, directions)) == pytest.approx(float(theirs) ** 2, rel=1e-5)


def test_one_direction_is_the_transport_on_a_line() -> None:
    source, target = draw(5, 1, seed=1), draw(7, 1, seed=2)
    cost = (source.double().numpy() - target.double().numpy().T) ** 2
    exact = ot.emd2(np.full(5, 1 / 5), np.full(7, 1 / 7), cost)
    assert float(sliced_wasserstein2(source, target, torch.ones(1, 1))) == pytest.approx(exact, rel=1e-5)


def test_slices_see_the_shift_and_its_slope_is_that_of_finite_differences() -> None:
    source, target, directions = draw(6, seed=1), draw(9, seed=2, shift=1.0), draw(4, 16, seed=3)
    rows = source.clone().requires_grad_()
    (slope,) = torch.autograd.grad(sliced_wasserstein2(rows, target, directions), rows)
    step = torch.zeros_like(source)
    step[2, 1] = 1e-2
    ahead, behind = (sliced_wasserstein2(source + sign * step, target, directions) for sign in (1, -1))
    assert float(slope[2, 1]) == pytest.approx(float((ahead - behind) / 2e-2), rel=2e-2)
    shifted = sliced_wasserstein2(source, source + torch.tensor([3.0, 0, 0, 0]), torch.eye(4))
    assert float(shifted) == pytest.approx(9.0 / 4)


def test_a_linear_critics_penalty_has_a_closed_form() -> None:
    critic = nn.Linear(4, 1)
    points = draw(11, seed=1)
    expected = (float(critic.weight.detach().norm()) - 1.0) ** 2
    assert float(gradient_penalty(critic, points).detach()) == pytest.approx(expected, rel=1e-5)
    slope = torch.autograd.grad(gradient_penalty(critic, points), critic.weight)[0]
    norm = critic.weight.detach().norm()
    torch.testing.assert_close(slope, 2 * (norm - 1) * critic.weight.detach() / norm)


def test_a_flat_critic_has_a_finite_slope() -> None:
    critic = nn.Linear(4, 1)
    nn.init.zeros_(critic.weight)
    value = gradient_penalty(critic, draw(3, seed=1))
    assert float(value.detach()) == pytest.approx(1.0, rel=1e-5)
    assert torch.isfinite(torch.autograd.grad(value, critic.weight)[0]).all()


def test_points_lie_on_the_lines_and_carry_no_gradient() -> None:
    source, target = draw(3, seed=1).requires_grad_(), draw(5, seed=2).requires_grad_()
    points = points_between(source, target, torch.full((3, 1), 0.25))
    assert points.shape == (11, 4)
    assert not points.requires_grad
    torch.testing.assert_close(points[8:], 0.25 * source.detach() + 0.75 * target.detach()[:3])


def test_a_trained_critic_ranks_shifts_as_transport_does() -> None:
    exact, estimated = [], []
    for shift in (0.0, 0.5, 1.0, 2.0):
        source, target = draw(64, 2, seed=1, shift=shift), draw(64, 2, seed=2)
        cost = torch.cdist(source.double(), target.double()).numpy()
        exact.append(ot.emd2(np.full(64, 1 / 64), np.full(64, 1 / 64), cost))
        torch.manual_seed(0)
        critic = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))
        optimizer = torch.optim.Adam(critic.parameters(), lr=1e-2)
        for _ in range(150):
            optimizer.zero_grad()
            points = points_between(source, target, torch.rand(64, 1))
            (10 * gradient_penalty(critic, points) - critic_gap(critic(source), critic(target))).backward()
            optimizer.step()
        estimated.append(float(critic_gap(critic(source), critic(target)).detach()))
    assert np.argsort(exact).tolist() == np.argsort(estimated).tolist()
    assert estimated[-1] == pytest.approx(exact[-1], rel=0.25)
    assert math.isfinite(estimated[0])
