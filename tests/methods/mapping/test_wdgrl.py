"""WDGRL: whose step moves what, in which direction, and how often."""
from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from medtl.functional.wasserstein import critic_gap
from medtl.methods.base import Fit, Setting, Step
from medtl.methods.mapping.wdgrl import WDGRL, Critics


def draw(rows: int, *, shift: float = 0.0, seed: int = 0) -> Tensor:
    return torch.randn(rows, 4, generator=torch.Generator().manual_seed(seed)) + shift


def test_the_critic_learns_and_the_network_lowers_the_gap(step_of: Callable[..., Step]) -> None:
    method, own, encoder = WDGRL(hidden=16), Critics((4,), 16, seed=1), nn.Linear(4, 4)
    (critic,) = own.levels
    optimizer = torch.optim.Adam(critic.parameters(), lr=1e-2)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = method.critic_loss(critic, encoder(draw(32, shift=2.0)).detach(), encoder(draw(32, seed=1)).detach())
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] - 0.1
    assert all(p.grad is None for p in encoder.parameters())
    step = step_of(encoder(draw(32, shift=2.0)), encoder(draw(32, seed=1)), own=own)
    before = method.penalty(step)
    assert float(before.detach()) > 0
    slopes = torch.autograd.grad(before, list(encoder.parameters()))
    with torch.no_grad():
        for parameter, slope in zip(encoder.parameters(), slopes, strict=True):
            parameter -= 0.05 * slope
        after = method.penalty(step_of(encoder(draw(32, shift=2.0)), encoder(draw(32, seed=1)), own=own))
    assert after < before


def test_the_penalty_has_the_gaps_value_and_leaves_the_critic_alone(step_of: Callable[..., Step]) -> None:
    critics = Critics((4, 2), 8, seed=1)
    source, target = draw(5, shift=1.0).requires_grad_(), draw(6, seed=1)
    first, second = critics.levels
    of_features = critic_gap(first(source), first(target))
    of_outputs = critic_gap(second(source[:, :2]), second(target[:, :2]))
    one = WDGRL(weight=3.0).penalty(step_of(source, target, own=Critics((4,), 8, seed=1)))
    torch.testing.assert_close(one, 3.0 * of_features)
    both = WDGRL(weight=3.0, layers=("features", "outputs")).penalty(step_of(source, target, own=critics))
    torch.testing.assert_close(both, 3.0 * (of_features + of_outputs))
    both.backward()
    assert source.grad is not None
    assert all(p.grad is None for p in critics.parameters())


def test_the_procedure_moves_the_very_critic_that_the_penalty_reads(setting_of: Callable[..., Setting]) -> None:
    class Network(nn.Module):
        feature_width = 4

    setting = setting_of(4)
    object.__setattr__(setting, "model", Network())
    method = WDGRL(critic_steps=3, critic_rate=0.5)
    own = method.build(setting)
    fit = next(method.stages(setting))
    assert isinstance(fit, Fit)
    critic, main = fit.turns
    assert (critic.name, critic.steps, critic.rate, main.loss) == ("critic", 3, 0.5, None)
    assert critic.moves[0] is own
    assert next(method.stages(setting)).turns[0].moves[0] is not own  # and it is given away once
