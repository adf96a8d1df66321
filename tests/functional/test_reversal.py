"""Gradient reversal by finite differences."""
from __future__ import annotations

import math

import pytest
import torch

from medtl.functional.reversal import reversal_strength, reverse_gradient


@pytest.mark.parametrize("strength", [0.0, 0.3, 2.0])
def test_gradient_is_minus_strength_times_that_of_the_identity(strength: float) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4, 3, dtype=torch.float64, generator=generator, requires_grad=True)
    weight = torch.randn(3, 2, dtype=torch.float64, generator=generator, requires_grad=True)

    def above(values: torch.Tensor) -> torch.Tensor:
        return (values @ weight).tanh().square().sum()

    loss = above(reverse_gradient(x, strength))
    on_x, on_weight = torch.autograd.grad(loss, [x, weight])
    numeric = torch.zeros_like(x)
    with torch.no_grad():
        for i in range(x.numel()):
            step = torch.zeros(x.numel(), dtype=torch.float64)
            step[i] = 1e-6
            gap = above(x + step.view_as(x)) - above(x - step.view_as(x))
            numeric.view(-1)[i] = gap / 2e-6
    torch.testing.assert_close(on_x, -strength * numeric, rtol=1e-6, atol=1e-8)
    (plain,) = torch.autograd.grad(above(x), [weight])
    assert torch.equal(on_weight, plain)


def test_forward_is_the_identity() -> None:
    x = torch.randn(3, 2)
    assert torch.equal(reverse_gradient(x, 0.7), x)


def test_strength_ramps_from_zero_as_published() -> None:
    assert reversal_strength(0.0) == 0.0
    for progress in (0.1, 0.5, 0.9):
        assert reversal_strength(progress) == pytest.approx(2 / (1 + math.exp(-10 * progress)) - 1)
    assert reversal_strength(1.0) < 1.0
