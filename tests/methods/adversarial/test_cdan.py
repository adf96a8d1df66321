"""CDAN: who learns what, what the weights do, and when the map is random."""
from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from medtl.functional.reversal import reversal_strength
from medtl.methods.adversarial.cdan import CDAN, Conditional, weighted_per_domain
from medtl.methods.base import Setting, Step


def draw(rows: int, width: int = 4, *, shift: float = 0.0, seed: int = 0) -> Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed)) + shift


def step_through(full_step: Callable[..., Step], encoder: Callable[[Tensor], Tensor], own: nn.Module) -> Step:
    s, t = encoder(draw(24, shift=1.5)), encoder(draw(16, seed=1))
    return full_step((s, s[:, :2]), (t, t[:, :2]), own=own)


@pytest.mark.parametrize("tells", ["role", "domain"])
@pytest.mark.parametrize("entropy", [True, False])
def test_one_step_of_each_player_moves_the_loss_its_way(
    tells: str, entropy: bool, full_step: Callable[..., Step], setting_of: Callable[..., Setting]
) -> None:
    method = CDAN(hidden=16, tells=tells, entropy=entropy)  # type: ignore[arg-type]
    own, encoder = method.build(setting_of(4)), nn.Linear(4, 4)
    before = method.penalty(step_through(full_step, encoder, own))
    on_own = torch.autograd.grad(before, list(own.parameters()), retain_graph=True)
    on_encoder = torch.autograd.grad(before, list(encoder.parameters()))
    with torch.no_grad():
        for parameter, slope in zip(own.parameters(), on_own, strict=True):
            parameter -= 0.01 * slope
        assert method.penalty(step_through(full_step, encoder, own)) < before
        for parameter, slope in zip(own.parameters(), on_own, strict=True):
            parameter += 0.01 * slope
        for parameter, slope in zip(encoder.parameters(), on_encoder, strict=True):
            parameter -= 0.01 * slope
        assert method.penalty(step_through(full_step, encoder, own)) > before


def test_predictions_condition_but_carry_no_gradient(
    full_step: Callable[..., Step], setting_of: Callable[..., Setting]
) -> None:
    method = CDAN(hidden=8)
    own = method.build(setting_of(4))
    features = draw(6), draw(5, seed=1)
    logits = draw(6, 2, seed=2).requires_grad_(), draw(5, 2, seed=3)
    penalty = method.penalty(full_step((features[0], logits[0]), (features[1], logits[1]), own=own))
    assert not torch.autograd.grad(penalty, logits[0], allow_unused=True, materialize_grads=True)[0].any()
    other = method.penalty(full_step((features[0], -logits[0]), (features[1], logits[1]), own=own))
    assert not torch.equal(penalty, other)
    original = replace(method, detach_entropy=False)
    penalty = original.penalty(full_step((features[0], logits[0]), (features[1], logits[1]), own=own))
    assert torch.autograd.grad(penalty, logits[0])[0].any()
    step = full_step((features[0], logits[0]), (features[1], logits[1]), own=own)
    still = replace(original, weight=0.0).penalty(step)
    assert not torch.autograd.grad(still, logits[0])[0].any()
    assert reversal_strength(0.5) > 0


def test_sure_predictions_count_more_within_their_domain(full_step: Callable[..., Step]) -> None:
    class Firsts(nn.Module):
        def forward(self, features: Tensor, scores: Tensor) -> Tensor:
            return features[:, :1]

    s, t = torch.tensor([[2.0], [-1.0]]), torch.tensor([[0.5], [0.0], [3.0]])
    of_s, of_t = torch.tensor([[9.0, -9.0], [0.0, 0.0]]), torch.zeros(3, 2)
    found = CDAN().penalty(full_step((s, of_s), (t, of_t), own=Firsts()))
    sure, unsure = 1 + math.exp(0.0), 1 + math.exp(-math.log(2))
    losses = [math.log1p(math.exp(-float(x))) for x in s], [math.log1p(math.exp(float(x))) for x in t]
    source = (sure * losses[0][0] + unsure * losses[0][1]) / (sure + unsure)
    assert float(found) == pytest.approx(0.5 * (source + sum(losses[1]) / 3), rel=1e-4)


def test_wide_products_become_random_ones_with_fixed_matrices() -> None:
    narrow, wide = Conditional(2048, 2, 8, 1, 32, seed=1), Conditional(2049, 2, 8, 1, 32, seed=1)
    assert narrow.of_features is None
    assert wide.of_features is not None
    assert not wide.of_features.requires_grad
    assert "of_features" in wide.state_dict()
    assert wide.discriminator.layers[0].in_features == 32
    assert narrow.discriminator.layers[0].in_features == 4096
    assert torch.equal(wide.of_features, Conditional(2049, 2, 8, 1, 32, seed=1).of_features)  # type: ignore[arg-type]
    assert wide(draw(3, 2049), draw(3, 2)).shape == (3, 1)


def test_each_domain_counts_equally_and_absent_ones_do_not() -> None:
    losses, domain = torch.tensor([1.0, 3.0, 5.0]), torch.tensor([0, 0, 2])
    assert float(weighted_per_domain(losses, torch.tensor([3.0, 1.0, 7.0]), domain, 4)) == pytest.approx((1.5 + 5) / 2)
